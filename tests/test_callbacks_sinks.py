"""Sinks: what arrives there, and that a slow or broken one costs the run nothing."""

from __future__ import annotations

import importlib.util
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import lepton_nb
from lepton_nb.callbacks import LogRow
from lepton_nb.callbacks.sinks import Sink, SinkCallback, make_sinks
from lepton_nb.callbacks.sinks.base import End
from lepton_nb.errors import ArgumentError
from lepton_nb.runs import Run
from tests.test_training_resume import StopAt
from tests.training_helpers import TinyNet, blobs, same_weights

pytestmark = pytest.mark.slow

SETTINGS: dict[str, Any] = {"epochs": 3, "batch_size": 32, "restore_best": False}


def needs(package: str) -> pytest.MarkDecorator:
    missing = importlib.util.find_spec(package) is None
    return pytest.mark.skipif(
        missing, reason=f"{package} is not installed: pip install 'lepton-nb[{package}]'"
    )


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Every scalar in TensorBoard's event files."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    events.Reload()
    return {
        tag: [(event.step, event.value) for event in events.Scalars(tag)] for tag in events.Tags()["scalars"]
    }


def test_tensorboard_has_what_the_store_has_also_after_a_resume(tmp_path: Path) -> None:
    where = f"tensorboard:{tmp_path / 'logs'}"
    part = lepton_nb.train(TinyNet, blobs(), name="tb", sink=where, callbacks=[StopAt(8)], **SETTINGS)
    run = lepton_nb.resume(part, model=TinyNet(), data=blobs())
    assert not run.warnings
    found = scalars(tmp_path / "logs" / run.ref)
    for tag, key in (("train/loss", "loss"), ("val/accuracy", "val_accuracy"), ("lr", "lr")):
        steps, values = run.history()[key]
        assert [step for step, _ in found[tag]] == steps
        assert [value for _, value in found[tag]] == pytest.approx(values, rel=1e-6)


def test_the_run_says_what_opens_tensorboard(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = f"tensorboard --logdir '{tmp_path}/my logs'"
    lepton_nb.train(TinyNet, blobs(), sink=f"tensorboard:{tmp_path}/my logs", **{**SETTINGS, "epochs": 1})
    assert capsys.readouterr().out.count(line) == 2  # as it begins, and in its summary


@needs("mlflow")
@pytest.mark.timeout(240)
def test_mlflow_has_the_metrics_settings_and_end_of_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    monkeypatch.setattr("lepton_nb.callbacks.sinks.base._PATIENCE", 120)  # it makes its database first
    where = f"sqlite:///{tmp_path / 'mlflow.db'}"
    part = lepton_nb.train(
        TinyNet, blobs(), name="ml", sink=f"mlflow:{where}", callbacks=[StopAt(8)], **SETTINGS
    )
    client = MlflowClient(tracking_uri=where)
    experiment = client.get_experiment_by_name("lepton_nb")
    [copied] = client.search_runs([experiment.experiment_id])
    assert copied.info.status == "KILLED"
    run = lepton_nb.resume(part, model=TinyNet(), data=blobs())
    assert not run.warnings
    [copied] = client.search_runs([experiment.experiment_id])
    assert (copied.info.run_name, copied.info.status) == (run.ref, "FINISHED")
    assert copied.data.params["batch_size"] == "32"
    steps, values = run.history()["val_loss"]
    points = client.get_metric_history(copied.info.run_id, "val_loss")
    assert [(p.step, p.value) for p in points] == list(zip(steps, values, strict=True))


@needs("wandb")
def test_wandb_writes_an_offline_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    run = lepton_nb.train(TinyNet, blobs(), name="wb", sink="wandb:digits", **SETTINGS)
    assert not run.warnings
    [folder] = (tmp_path / "wandb").glob(f"offline-run-*-{run.id}")
    [file] = folder.glob("*.wandb")
    assert b"val_accuracy" in file.read_bytes()


class Blocked(Sink):
    """Takes nothing until it is let go."""

    def __init__(self) -> None:
        super().__init__(None)
        self.go = threading.Event()
        self.rows: list[LogRow] = []
        self.end = ""

    def open(self, run: Run, from_step: int) -> None:
        self.go.wait(30)

    def write(self, rows: list[LogRow]) -> None:
        self.rows += rows

    def close(self, end: End) -> None:
        self.end = end


def test_a_blocked_sink_neither_slows_the_loop_nor_loses_what_fits_its_queue() -> None:
    sink = Blocked()
    seen: list[float] = []

    def measure(state: Any) -> None:
        seen.append(time.monotonic())
        if state.epoch == state.epochs - 1:
            sink.go.set()

    run = lepton_nb.train(TinyNet, blobs(), callbacks=[SinkCallback("slow", sink), measure], **SETTINGS)
    assert len(seen) == 3
    assert [step for step, _, row in sink.rows if "loss" in row] == run.history()["loss"][0]
    assert sink.end == "finished"
    assert not run.warnings


def test_a_sink_that_takes_too_long_does_not_hold_up_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lepton_nb.callbacks.sinks.base._PATIENCE", 0.2)
    sink = Blocked()
    run = lepton_nb.train(TinyNet, blobs(), callbacks=[SinkCallback("slow", sink)], **SETTINGS)
    sink.go.set()
    assert run.status == "finished"
    assert run.warnings == ["The sink slow is still writing; it goes on while this process lives."]


def test_a_full_queue_drops_points_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lepton_nb.callbacks.sinks.base._LONGEST", 1)
    sink = Blocked()
    run = lepton_nb.train(
        TinyNet,
        blobs(),
        callbacks=[SinkCallback("slow", sink), lambda state: sink.go.set() if state.epoch == 2 else None],
        **SETTINGS,
    )
    assert run.status == "finished"
    assert any("too slow" in warning for warning in run.warnings)


def test_a_broken_sink_is_told_and_changes_nothing() -> None:
    class Broken(Blocked):
        def open(self, run: Run, from_step: int) -> None:
            raise ConnectionError("no such server")

    whole = lepton_nb.train(TinyNet, blobs(), **SETTINGS)
    run = lepton_nb.train(TinyNet, blobs(), callbacks=[SinkCallback("far", Broken())], **SETTINGS)
    assert run.status == "finished"
    assert run.warnings == ["The sink far failed: ConnectionError: no such server"]
    assert "no such server" in run.log_path.read_text()
    assert same_weights(whole.live["model"], run.live["model"])


def test_an_unknown_sink_and_one_that_is_not_installed_are_refused_before_training(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(ArgumentError) as caught:
        lepton_nb.train(TinyNet, blobs(), sink="tensorbord")
    assert "tensorboard" in (caught.value.hint or "")
    monkeypatch.setattr("lepton_nb.callbacks.sinks.find_spec", lambda name: None)
    with pytest.raises(ArgumentError) as caught:
        make_sinks("mlflow:http://127.0.0.1:1")
    assert caught.value.hint == "pip install 'lepton-nb[mlflow]'"
    assert not lepton_nb.list_runs()
