"""The history: complete, cheap, and one line through all attempts."""

from __future__ import annotations

import math
import resource
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from lepton_nb.errors import ArgumentError, NotFoundError, StoreError
from lepton_nb.runs import get_run
from tests.runs_helpers import make_run


def test_points_come_back_in_order_and_exactly() -> None:
    run = make_run("cnn")
    run.begin(10, from_step=0)
    run.log(2, {"loss": 0.1 + 0.2, "lr": np.float32(0.5)}, 0)
    run.log(1, {"loss": math.nan}, 0)
    run.log_many([(3, 1, {"loss": math.inf, "val_loss": 7})])
    history = run.history()
    assert sorted(history.keys()) == ["loss", "lr", "val_loss"]
    steps, values = history["loss"]
    assert steps == [1, 2, 3]
    assert math.isnan(values[0])
    assert values[1:] == [0.1 + 0.2, math.inf]
    assert history["val_loss"] == ([3], [7.0])
    assert history.last("lr") == 0.5
    assert history.last("nothing") is None
    assert "nothing" not in history
    assert len(history) == 3


def test_an_unknown_metric_names_the_nearest() -> None:
    run = make_run("cnn")
    run.log(1, {"val_accuracy": 0.5}, 0)
    with pytest.raises(NotFoundError) as caught:
        run.history()["val_acuracy"]
    assert caught.value.hint == "Did you mean 'val_accuracy'?"
    assert run.history().get("val_acuracy") is None
    assert not make_run("empty").history()


def test_what_is_no_number_is_refused_and_nothing_else_is_lost() -> None:
    run = make_run("cnn")
    run.log(1, {"loss": 1.0}, 0)
    with pytest.raises(ArgumentError, match=r"'loss' at step 2 is 'high'"):
        run.log(2, {"lr": 0.1, "loss": "high"}, 0)  # type: ignore[dict-item]
    assert dict(run.history()) == {"loss": ([1], [1.0])}


def test_frames_have_a_row_a_step_or_an_epoch() -> None:
    run = make_run("cnn")
    for step in range(1, 5):
        run.log(step, {"loss": 1 / step}, (step - 1) // 2)
        if step % 2 == 0:
            run.log(step, {"val_loss": step / 10}, (step - 1) // 2)
    frame = run.history().frame()
    assert list(frame.index) == [1, 2, 3, 4]
    assert list(frame["epoch"]) == [0, 0, 1, 1]
    assert frame["val_loss"].isna().tolist() == [True, False, True, False]
    epochs = run.history().epochs()
    assert epochs.to_dict() == {"val_loss": {0: 0.2, 1: 0.4}}
    assert epochs.index.name == "epoch"
    assert make_run("empty").history().frame().empty
    assert make_run("empty").history().epochs().empty


def test_a_resumed_run_shows_each_step_once_and_keeps_what_was_overtaken(lepton_home: Path) -> None:
    run = make_run("cnn")
    run.begin(20, from_step=0)
    run.log_many([(step, 0, {"loss": 1.0}) for step in range(1, 11)])
    run.log(10, {"val_loss": 1.0}, 0)
    run.begin(20, from_step=6)
    assert run.history()["loss"] == (list(range(1, 7)), [1.0] * 6)
    assert "val_loss" not in run.history()
    run.log_many([(step, 0, {"loss": 2.0}) for step in (7, 8)])
    run.begin(20, from_step=7)
    run.log(8, {"loss": 3.0}, 0)
    assert run.history()["loss"] == (list(range(1, 9)), [1.0] * 6 + [2.0, 3.0])
    run.begin(20, from_step=2)
    assert run.history()["loss"] == ([1, 2], [1.0, 1.0])
    rows = sqlite3.connect(lepton_home / "lepton.db").execute("SELECT count(*) FROM metrics").fetchone()
    assert rows == (14,)


def test_the_same_step_of_two_attempts_counts_as_the_newer_one_says() -> None:
    run = make_run("cnn")
    run.begin(20, from_step=0)
    run.log(5, {"val_loss": 1.0, "loss": 1.0}, 0)
    run.begin(20, from_step=5)
    assert run.history()["val_loss"] == ([5], [1.0])
    run.log(5, {"val_loss": 2.0}, 0)
    assert run.history()["val_loss"] == ([5], [2.0])
    assert run.history()["loss"] == ([5], [1.0])


def test_values_reach_other_processes_within_half_a_second_of_logging() -> None:
    run = make_run("cnn")
    other = get_run("cnn")
    run.log(1, {"loss": 1.0}, 0)
    time.sleep(0.55)
    run.log(2, {"loss": 1.0}, 0)
    assert other.history()["loss"][0] == [1, 2]
    for step in range(3, 3 + 256):
        run.log(step, {"loss": 1.0}, 0)
    assert other.history()["loss"][0][-1] == 258


def test_a_kill_loses_nothing_that_was_flushed() -> None:
    code = (
        "import time\n"
        "from tests.runs_helpers import make_run\n"
        "run = make_run('killed'); run.begin(None, from_step=0)\n"
        "for step in range(1, 101): run.log(step, {'loss': 1.0}, 0)\n"
        "run.heartbeat(epoch=2, step=100); run.flush()\n"
        "run.log(101, {'loss': 1.0}, 0)\n"
        "print('go', flush=True); time.sleep(60)"
    )
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "go\n"
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    run = get_run("killed")
    assert run.history()["loss"][0] == list(range(1, 101))
    assert (run.epoch, run.step, run.status) == (2, 100, "interrupted")


def test_a_full_disk_keeps_the_values_until_there_is_room() -> None:
    run = make_run("cnn")
    run.begin(None, from_step=0)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
    try:
        with pytest.raises(StoreError) as caught:
            run.log_many([(step, 0, {"loss": 1.0}) for step in range(1, 20_001)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "df -h" in (caught.value.hint or "")
    assert run.history()["loss"][0] == list(range(1, 20_001))


def test_threads_log_into_one_run() -> None:
    run = make_run("cnn")

    def work(index: int) -> None:
        for step in range(400):
            run.log(step, {f"loss{index}": float(step)}, 0)

    threads = [threading.Thread(target=work, args=(index,)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {key: len(points[0]) for key, points in run.history().items()} == {
        f"loss{i}": 400 for i in range(4)
    }
