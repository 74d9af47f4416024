"""Who trains a run: one process, known by id and start time, and reachable through the store."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from lepton_nb.errors import ArgumentError, NotFoundError, StoreError
from lepton_nb.runs import RunStore, get_run, list_runs
from lepton_nb.runs.process import current, is_alive
from tests.runs_helpers import make_run

OWNER = """
import time
from tests.runs_helpers import make_run
run = make_run("theirs"); run.begin(100, from_step=0)
print(run.id, flush=True)
time.sleep(60)
"""


@pytest.fixture
def owner() -> Iterator[subprocess.Popen[str]]:
    """Another process, which trains the run called theirs."""
    process = subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_run_of_another_live_process_cannot_be_begun(owner: subprocess.Popen[str]) -> None:
    run = get_run("theirs")
    assert (run.status, run.pid) == ("running", owner.pid)
    with pytest.raises(StoreError, match=f"being trained by process {owner.pid}") as caught:
        run.begin(100, from_step=0)
    assert "%lepton stop theirs@1" in (caught.value.hint or "")
    with pytest.raises(StoreError, match=f"{owner.pid}"):
        RunStore().delete_run(run)


def test_a_run_whose_process_died_is_interrupted_and_can_go_on(owner: subprocess.Popen[str]) -> None:
    owner.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 10
    while get_run("theirs").status == "running" and time.monotonic() < deadline:
        time.sleep(0.02)
    run = get_run("theirs")  # its process is a zombie now: nobody has waited for it
    assert run.status == "interrupted"
    assert [found.ref for found in list_runs(status="interrupted")] == ["theirs@1"]
    assert not list_runs(status="running")
    with pytest.raises(StoreError, match="is interrupted, so there is nothing to stop"):
        run.request("stop")
    run.begin(200, from_step=0, epochs=7)
    assert (run.status, run.pid, run.attempt) == ("running", os.getpid(), 2)
    assert (run.total_steps, run.epochs) == (200, 7)


def test_a_later_process_of_the_same_id_is_not_the_owner() -> None:
    pid, started = current()
    assert is_alive(pid, started)
    assert not is_alive(pid, started - 3600)
    assert not is_alive(2**22 + 1, started)
    assert not is_alive(None)


def test_a_run_that_was_made_but_never_begun_can_be_begun_elsewhere() -> None:
    make_run("cnn")
    code = "from lepton_nb.runs import get_run; r = get_run('cnn'); r.begin(1, from_step=0); print(r.attempt)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "1\n", done.stderr
    assert get_run("cnn").status == "interrupted"


def test_requests_reach_the_owner_once() -> None:
    run = make_run("cnn")
    run.begin(10, from_step=0)
    assert run.take_request() is None
    get_run("cnn").request("pause")
    assert run.take_request() == "pause"
    assert run.take_request() is None
    with pytest.raises(ArgumentError, match="no action 'halt'"):
        run.request("halt")  # type: ignore[arg-type]
    run.request("stop")
    run.begin(10, from_step=0)
    assert run.take_request() is None, "what was asked of the last attempt is over"
    run.set_status("finished")
    with pytest.raises(StoreError, match="is finished") as caught:
        run.request("resume")
    assert "%lepton resume cnn@1" in (caught.value.hint or "")


def test_status_and_progress_are_seen_elsewhere() -> None:
    run = make_run("cnn")
    run.begin(30, from_step=0)
    run.heartbeat(epoch=1, step=10)
    run.set_status("paused")
    other = get_run("cnn")
    assert (other.status, other.epoch, other.step, other.ended_at) == ("paused", 1, 10, None)
    run.set_status("failed", error="ValueError: no")
    other.refresh()
    assert (other.status, other.error) == ("failed", "ValueError: no")
    assert other.ended_at is not None
    run.begin(30, from_step=10)
    other.refresh()
    assert (other.status, other.error, other.ended_at) == ("running", None, None)
    for status in ("interrupted", "done"):
        with pytest.raises(ArgumentError, match=f"'{status}'"):
            run.set_status(status)  # type: ignore[arg-type]


@pytest.mark.slow
def test_heartbeats_are_limited_and_the_last_one_counts() -> None:
    run = make_run("cnn")
    run.begin(30, from_step=0)
    run.heartbeat(epoch=0, step=1)
    assert get_run("cnn").step == 0
    time.sleep(1.05)
    run.heartbeat(epoch=0, step=2)
    assert get_run("cnn").step == 2
    run.heartbeat(epoch=1, step=3)
    run.flush()
    assert (get_run("cnn").epoch, get_run("cnn").step) == (1, 3)


@pytest.mark.slow
def test_time_between_two_attempts_does_not_count() -> None:
    run = make_run("cnn")
    assert run.seconds == 0
    run.begin(30, from_step=0)
    time.sleep(0.1)
    run.set_status("stopped")
    first = run.seconds
    assert 0.1 <= first < 1
    time.sleep(0.3)
    run.begin(30, from_step=0)
    run.set_status("finished")
    assert first <= get_run("cnn").seconds < first + 0.3


def test_a_deleted_run_cannot_be_begun() -> None:
    run = make_run("cnn")
    run.set_status("finished")
    RunStore().delete_run(run)
    with pytest.raises(NotFoundError, match="cnn@1 was deleted"):
        run.begin(1, from_step=0)
