"""The process of one run in the background: ``python -m lepton_nb.training.background RUN FD [--resume]``.

It waits for its turn before it loads torch or unpacks anything, so that a long queue costs next to nothing.
"""

from __future__ import annotations

import os
import signal
import sys
import time

from lepton_nb.callbacks import Control
from lepton_nb.runs import Run, RunStore, process, queue
from lepton_nb.runs.states import ACTIVE
from lepton_nb.training.background.tracebacks import TracebackLog, log_traceback

_INTERVAL = 0.25  # seconds between two looks at the queue


def main(run_id: str, fd: int, resume: bool) -> int:
    """Wait, train and record; the exit code says whether it ended well."""
    run = RunStore().get_run(run_id)
    queue.claim(run, *process.current())
    # The first asks, the second insists, as with the kernel's interrupt; a shell may have had it ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        if not _wait_for_turn(run):
            run.append_log("cancelled while it was queued")
            run.set_status("stopped")
            return 0
        _train(run, fd, resume)
    except BaseException as error:
        _record(run, error)
        return 1
    finally:
        queue.leave(run)
    return 0


def _wait_for_turn(run: Run) -> bool:
    """Return when no run is ahead; False where this one was asked to stop."""
    control, said = Control(), ""
    while True:
        while (request := run.take_request()) is not None:
            control.obey(request)
        if control.stop_requested:
            return False
        place = queue.place_of(run)
        if place is None or not place.ahead:
            return True
        if str(place) != said:
            said = str(place)
            run.append_log(f"queued: {said}")
        time.sleep(_INTERVAL)


def _train(run: Run, fd: int, resume: bool) -> None:
    # Only now: torch takes seconds and memory.
    from lepton_nb.training.background.cargo import unpack
    from lepton_nb.training.job import Job

    with os.fdopen(fd, "rb") as file:
        plan = unpack(file)
    saved = run.load_checkpoint("last")[1] if resume else None
    for warning in run.warnings:
        run.append_log(warning)
    Job(run, plan.with_callbacks([*plan.callbacks, TracebackLog()])).execute(saved)


def _record(run: Run, error: BaseException) -> None:
    """Say in the log and in the store what ended it; nobody else is there to hear."""
    run.refresh()
    if run.status not in ACTIVE:
        return  # it ended in the loop, which has recorded it
    log_traceback(error)
    if run.status == "queued" and isinstance(error, KeyboardInterrupt):
        run.append_log("stopped while it was queued")
        run.set_status("stopped")
    else:  # it failed before, or after, the loop itself
        run.append_log(f"failed: {type(error).__name__}: {error}")
        run.set_status("failed", error=f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), "--resume" in sys.argv[3:]))
