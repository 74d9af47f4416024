"""A process with torch loaded that forks children to train in: starting one costs milliseconds, not seconds.

The parent never trains, so that a child inherits no thread and no open database. Each child is killed, or
ends, as the test asks; what counts is what it leaves on disk.
"""

from __future__ import annotations

import importlib
import os
import random
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress

import torch

import lepton_nb
from lepton_nb import Callback, Run
from lepton_nb.callbacks import TrainState
from tests.training_helpers import TinyNet, blobs

QUIET = {"progress": False}
SETTINGS = {
    "epochs": 4,
    "batch_size": 24,
    "lr": 1e-2,
    "restore_best": False,
    "checkpoint_every": 0.01,
    **QUIET,
}


class Killed(Callback):
    """SIGKILL for this process: after some steps of its own, or after some seconds, whatever it does then."""

    def __init__(self, steps: int | None = None, seconds: float | None = None) -> None:
        self.steps, self.seconds = steps, seconds

    def on_fit_start(self, state: TrainState) -> None:
        self.begun = state.step
        if self.seconds is not None:
            threading.Thread(target=self._later, daemon=True).start()

    def _later(self) -> None:
        time.sleep(self.seconds or 0)
        os.kill(os.getpid(), signal.SIGKILL)

    def on_step_end(self, state: TrainState) -> None:
        if self.steps is not None and state.step - self.begun == self.steps:
            os.kill(os.getpid(), signal.SIGKILL)


def child(work: Callable[[], object]) -> int:
    """What ended a child that did `work`: 0, 1 where it raised, or minus the number of a signal."""
    return finish(start(work))


def finish(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def start(work: Callable[[], object]) -> int:
    pid = os.fork()
    if pid:
        return pid
    try:
        work()
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)


def learn_imports(work: Callable[[], object]) -> int:
    """Do `work` in a child, then import here what it imported on the way, so that the next ones need not."""
    with tempfile.NamedTemporaryFile("w+") as file:

        def tell() -> None:
            work()
            file.write("\n".join(sys.modules))
            file.flush()

        how = child(tell)
        file.seek(0)
        for name in file.read().split():
            if name not in sys.modules:
                with suppress(Exception):
                    importlib.import_module(name)
    return how


def begin_or_go_on(name: str, killer: Killed) -> Run:
    known = lepton_nb.list_runs(name)
    if known and known[0].status == "finished":
        return known[0]  # the kill struck after its end
    if any(run.checkpoints() for run in known):
        return lepton_nb.resume(name, model=TinyNet(), data=blobs(96), callbacks=[killer], **QUIET)
    return lepton_nb.train(TinyNet, blobs(96), name=name, callbacks=[killer], **SETTINGS)


def sigkill(kills: int) -> None:
    """Train one run after the other, each killed again and again until it is through; `kills` in all."""
    assert learn_imports(lambda: lepton_nb.train(TinyNet, blobs(96), name="whole", **SETTINGS)) == 0
    lepton_nb.model(TinyNet)  # looks at every installed distribution, once a process
    draw = random.Random(0)
    done, number = 0, 1
    while done < kills:
        name = f"killed-{number}"
        by_step = draw.random() < 0.5
        killer = Killed(steps=draw.randint(1, 4)) if by_step else Killed(seconds=draw.uniform(0.0, 0.08))
        how = child(lambda: begin_or_go_on(name, killer))  # noqa: B023
        assert how in (0, -signal.SIGKILL), how
        done += how == -signal.SIGKILL
        number += how == 0  # it was through before the kill
    assert child(lambda: begin_or_go_on(name, Killed())) == 0
    print(done, number)


def two_at_once() -> None:
    """Two processes that begin a run of the same name in the same moment."""
    reading, writing = os.pipe()

    def begin() -> None:
        os.close(writing)
        os.read(reading, 1)  # until the parent closes the other end
        lepton_nb.train(TinyNet, blobs(96), name="same", **SETTINGS)

    both = [start(begin), start(begin)]
    os.close(writing)
    assert [finish(pid) for pid in both] == [0, 0]


if __name__ == "__main__":
    torch.set_num_threads(1)
    sigkill(int(sys.argv[1]))
    two_at_once()
