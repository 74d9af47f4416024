"""Which process owns something: its id and start time, because ids are used again."""

from __future__ import annotations

import os
from functools import cache

import psutil

# The start time is computed from the boot time, which moves a little when the clock is set.
_TOLERANCE = 5.0


def current() -> tuple[int, float]:
    """This process's id and start time (unix seconds)."""
    return os.getpid(), _started(os.getpid())


@cache
def _started(pid: int) -> float:
    return float(psutil.Process(pid).create_time())


def is_alive(pid: int | None, started: float | None = None) -> bool:
    """Whether that process still runs. A zombie does not; a later process of the same id is another one."""
    if pid is None:
        return False
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        return started is None or abs(process.create_time() - started) < _TOLERANCE
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:  # another user's: it is there, and that is all one can know
        return True
