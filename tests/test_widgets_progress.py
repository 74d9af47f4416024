"""The callbacks that show progress, driven by real training."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from lepton_nb.callbacks import Callback, Control, TrainState
from lepton_nb.data import DataBundle, digits
from lepton_nb.runs import Run
from lepton_nb.training import train
from lepton_nb.widgets import progress_callbacks
from lepton_nb.widgets.curves import Curves
from lepton_nb.widgets.deployment_panel import DeploymentPanel
from lepton_nb.widgets.panel_callback import describe, measure
from lepton_nb.widgets.settled import settled_bundle, summary_rows
from lepton_nb.widgets.terminal import LineProgress, TerminalProgress
from lepton_nb.widgets.train_panel import TrainPanel
from tests.runs_helpers import python


@pytest.fixture(scope="module")
def data() -> DataBundle:
    return digits(limit=100)


class Watch(Callback):
    """Keeps the state and the points, and may act at a step."""

    def __init__(self, at: int | None = None, error: bool = False) -> None:
        self.points = Curves()
        self.at, self.error = at, error

    def on_fit_start(self, state: TrainState) -> None:
        self.state = state

    def on_log(self, state: TrainState, rows: Any) -> None:
        self.points.add(rows)

    def on_step_end(self, state: TrainState) -> None:
        if state.step == self.at:
            if self.error:
                raise MemoryError("no room")
            state.control.stop()


def fit(data: DataBundle, *callbacks: Callback, epochs: int = 2) -> Run:
    return train(
        "SmallCNN", data, epochs=epochs, batch_size=32, name="net", device="cpu", callbacks=callbacks
    )


def test_lines_say_what_happened_without_escape_codes(data: DataBundle) -> None:
    stream = io.StringIO()
    fit(data, LineProgress(stream))
    lines = stream.getvalue().splitlines()
    assert lines[0] == "net@1: SmallCNN on digits, 2 epochs, cpu (as asked)"
    assert lines[1].startswith("epoch 1/2  val_loss ")
    assert "train_loss" in lines[2]
    assert lines[3] == "Finished"
    assert "%lepton evaluate net · %lepton deploy net" in stream.getvalue()
    assert "\x1b" not in stream.getvalue()


def test_a_terminal_gets_a_moving_line_and_keeps_the_epochs(data: DataBundle) -> None:
    stream = io.StringIO()
    fit(data, TerminalProgress(Console(file=stream, force_terminal=True, width=80)))
    text = stream.getvalue()
    assert "epoch 1/2  val_loss" in text
    assert "accuracy" in text
    assert "/s · " in text
    assert "left" in text
    assert "…" not in text
    assert "Finished" in text


def test_the_progress_fits_the_place(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(progress_callbacks()[0], LineProgress)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    assert isinstance(progress_callbacks()[0], TerminalProgress)


SCRIPT = """
import inspect
import lepton_nb
from lepton_nb import data
digits = data.digits(limit=100)
run = lepton_nb.train("SmallCNN", digits, epochs=2, progress=%s)
lepton_nb.resume(run, epochs=3, progress=%s)
assert "progress" in inspect.signature(lepton_nb.train).parameters
assert "progress: " in lepton_nb.train.__doc__
"""


def test_a_script_is_told_how_far_its_training_is_unless_it_wants_quiet() -> None:
    told = python(SCRIPT % (True, True)).splitlines()
    assert [line.split()[1] for line in told if line.startswith("epoch")] == ["1/2", "2/2", "3/3"]
    assert python(SCRIPT % (False, False)) == ""


# What of marimo is asked: whether it runs, and to show a widget or a page as the output of the cell.
IN_MARIMO = """
import sys, types
shown = []
marimo = types.ModuleType("marimo")
marimo.running_in_notebook = lambda: True
marimo.Html = lambda text: text
marimo.output = types.SimpleNamespace(replace=shown.append)
sys.modules["marimo"] = marimo
import anywidget
import lepton_nb
from lepton_nb import data
digits = data.digits(limit=100)
lepton_nb.train("SmallCNN", digits, epochs=1, name="net")
live, left = shown
assert isinstance(live, anywidget.AnyWidget)
assert live.progress["phase"] == "finished"
assert len(live.curves["loss"]["x"]) == 2
assert "net@1" in left and "Finished" in left and "<img" in left
lepton_nb.attach("net")
assert "Finished" in shown[-1]
lepton_nb.tune("SmallCNN", digits, search="lr=1e-3..1e-2", trials=1, epochs=1, name="s")
assert "0 of 1 trials" in shown[-3] and "1 of 1 trials" in shown[-2] and not shown[-1]
"""


def test_marimo_shows_the_widget_while_it_trains_and_what_it_leaves() -> None:
    assert python(IN_MARIMO) == ""


def test_the_summary_of_a_finished_run(data: DataBundle) -> None:
    watch = Watch()
    run = fit(data, watch)
    bundle = settled_bundle(watch.state, watch.points)
    assert set(bundle) == {"text/plain", "text/html", "image/png", "application/vnd.lepton.run+json"}
    assert bundle["text/plain"].startswith("Finished: net@1 · SmallCNN on digits")
    for text in ("2 of 2 epochs", "cpu (as asked)", str(run.path), "%lepton evaluate net"):
        assert text in bundle["text/plain"]
    html = bundle["text/html"]
    assert 'alt="Curves by epoch: training loss, validation loss, validation accuracy"' in html
    assert 'src="data:image/png;base64,iVBOR' in html
    assert "<svg" not in html
    assert "<script" not in html
    assert len(html) < 300_000


def test_the_summary_of_a_run_stopped_in_its_first_epoch(data: DataBundle) -> None:
    watch = Watch(at=2)
    fit(data, watch)
    bundle = settled_bundle(watch.state, watch.points)
    assert bundle["text/plain"].startswith("Stopped")
    assert 'alt="Curves by epoch: training loss"' in bundle["text/html"]
    assert dict(summary_rows(watch.state))["Next"] == "%lepton resume net"


def test_the_summary_of_a_failed_run(data: DataBundle) -> None:
    watch = Watch(at=2, error=True)
    with pytest.raises(MemoryError):
        fit(data, watch)
    rows = dict(summary_rows(watch.state))
    assert rows["Ended by"] == "MemoryError: no room"
    assert settled_bundle(watch.state, watch.points)["text/plain"].startswith("Failed")


def test_the_panel_sends_patches_and_keeps_every_point(data: DataBundle) -> None:
    watch = Watch()
    fit(data, watch)
    points = Curves()
    panel = TrainPanel(Control(), describe(watch.state), measure(watch.state), points)
    sent: list[Any] = []
    panel.send = sent.append  # type: ignore[method-assign]
    points.add([(1, 0, {"loss": 2.0}), (2, 0, {"loss": 1.0})])
    panel.refresh(measure(watch.state))
    points.add([(3, 0, {"loss": 0.5})])
    panel.refresh(measure(watch.state))
    assert [message["patch"]["loss"]["from"] for message in sent] == [0, 2]
    assert panel.get_state("curves")["curves"]["loss"] == {"x": [1, 2, 3], "y": [2.0, 1.0, 0.5]}
    assert panel.progress["best_value"] == watch.state.best_value
    assert panel.info["device_reason"] == "as asked"


def test_a_click_only_sets_the_control() -> None:
    control = Control()
    panel = TrainPanel(control, {}, {}, Curves())
    panel._handle_custom_msg({"ask": "pause"}, [])
    assert control.paused
    panel._handle_custom_msg({"ask": "resume"}, [])
    assert not control.paused
    panel._handle_custom_msg({"ask": "nonsense"}, [])
    panel._handle_custom_msg("nonsense", [])
    panel._handle_custom_msg({"ask": "stop"}, [])
    assert control.stop_requested


@pytest.mark.parametrize("panel", [TrainPanel, DeploymentPanel])
def test_a_panel_needs_no_network_and_heeds_theme_and_motion(panel: type[Any]) -> None:
    script, style = str(panel._esm), str(panel._css)
    assert "http" not in script.replace("http://www.w3.org/2000/svg", "") + style
    assert "aria-live" in script
    assert "export default" in script
    assert "prefers-reduced-motion" in style
    assert "var(--jp-" in style
