"""How runs show themselves."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import get_args

import lepton_nb
from lepton_nb.callbacks.state import Phase
from lepton_nb.runs import Run, RunTable, list_runs, states
from lepton_nb.runs.queue import enqueue
from lepton_nb.show.numbers import age, duration, sparkline
from lepton_nb.widgets.run_table import describe
from tests.runs_helpers import make_run


def trained(name: str, **options: str) -> Run:
    run = make_run(name, **options)
    run.begin(30, from_step=0)
    for epoch in range(3):
        run.log(epoch * 10 + 10, {"val_accuracy": 0.5 + epoch / 10}, epoch)
    run.heartbeat(epoch=3, step=30)
    run.set_status("finished")
    return run


def test_a_run_is_one_line_of_text() -> None:
    assert repr(make_run("cnn")) == "<Run cnn@1 running: LeptonCNN on cifar, epoch 0/3, 0 s>"


def test_the_card_shows_what_matters_and_escapes_it() -> None:
    run = trained("cnn", model="<b>Net</b>", data="a & b")
    run.set_status("failed", error="ValueError: x < y")
    card = run._repr_html_()
    for words in (
        "cnn@1",
        "failed",
        "&lt;b&gt;Net",
        "a &amp; b",
        "3 of 3",
        "x &lt; y",
        "▁▅█",
        "%lepton resume cnn@1",
    ):
        assert words in card, words
    assert "<b>Net" not in card


def test_colours_follow_the_theme() -> None:
    trained("cnn")
    for text in (list_runs()[0]._repr_html_(), list_runs()._repr_html_()):
        assert "color:inherit" in text
        assert not re.search(r"(background|[^-]color):\s*(#fff|white|black|#000)", text)


def test_the_table_is_a_list_and_aligned_text() -> None:
    trained("cnn")
    make_run("mlp")
    table = list_runs()
    assert isinstance(table, RunTable)
    assert [run.ref for run in table] == ["mlp@1", "cnn@1"]
    assert table[-1].ref == "cnn@1"
    assert isinstance(table[:1], RunTable)
    heading, first, second = repr(table).splitlines()
    assert heading.split() == ["run", "status", "best", "trend", "epochs", "time", "started", "model", "data"]
    assert second.index("3/3") == first.index("0/3") == heading.index("epochs")
    assert "✓ finished" in second
    assert "▁▅█" in second
    assert table._repr_html_().count("<tr>") == 3
    assert repr(list_runs(name="none")) == "No runs."
    assert "No runs." in list_runs(name="none")._repr_html_()


def test_the_frame_has_the_numbers() -> None:
    trained("cnn")
    frame = list_runs().frame()
    assert frame.loc[0, "ref"] == "cnn@1"
    assert frame.loc[0, "step"] == 30
    assert frame.loc[0, "status"] == "finished"
    assert list(list_runs(name="none").frame().columns) == list(frame.columns)


def test_a_queued_run_says_what_it_waits_for_and_is_not_timed() -> None:
    first, second = trained("first"), trained("second")
    time.sleep(0.6)
    enqueue(first, "cpu")
    enqueue(second, "cpu")
    place = "waits for cpu, behind first@1"
    assert (
        repr(second)
        == f"<Run second@1 queued: LeptonCNN on cifar, {place}, epoch 3/3, {duration(second.seconds)}>"
    )
    assert second.seconds < 0.5, "neither the time since it ended nor the wait is training"
    table = list_runs()
    for text in (second._repr_html_(), repr(table), table._repr_html_()):
        assert place in text
    assert describe(second)["queue"] == place
    assert describe(trained("third"))["queue"] == ""


def test_every_state_of_a_run_is_in_the_one_list() -> None:
    assert tuple(states.STATES) == states.STATUSES
    assert set(states.PHASES) == {*states.STATUSES, *get_args(Phase)}
    root = Path(lepton_nb.__file__).parents[1]
    written = root / "labextension/src/api/states.ts"
    assert written.read_text("utf-8") == states.typescript(), "write there what states.typescript() gives"


def test_no_other_place_lists_the_states_of_a_run() -> None:
    root = Path(lepton_nb.__file__).parents[1]
    patterns = ("lepton_nb/*/*.py", "lepton_nb/*/*.js", "labextension/src/**/*.ts*")
    files = [path for pattern in patterns for path in root.glob(pattern)]
    several = re.compile(r"\b(?:interrupted|queued)\b['\"]?: .*?\b(?:stopped|paused)\b['\"]?: ", re.DOTALL)
    listing = [path.name for path in files if several.search(path.read_text("utf-8"))]
    assert sorted(listing) == ["states.py", "states.ts"]


def test_words_for_time_and_bars_for_values() -> None:
    assert [age(time.time() - s) for s in (1, 130, 90000)] == ["now", "2 min ago", "1 d ago"]
    assert sparkline([0, 1, 2, 3]) == "▁▃▆█"
    assert sparkline([1.0, float("nan"), 1.0]) == "▁▁"
    assert sparkline([1.0]) == ""
    assert len(sparkline(list(range(500)))) == 12
