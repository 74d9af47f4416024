"""Which process owns something: its id and start, because ids are used again."""

from __future__ import annotations

import os
import sys
from functools import cache
from pathlib import Path

import psutil

_TOLERANCE = 0.05  # seconds; the kernel counts in hundredths
_PROC = Path("/proc")


def current() -> tuple[int, float]:
    """This process's id and when it started, as `started` tells it."""
    return os.getpid(), _started_here(os.getpid())


def started(pid: int) -> float:
    """When a process started, as a number that is the same for as long as it lives.

    On Linux the seconds from boot to its start, with a number of that boot in front: unix seconds would be
    computed from the boot time, which moves when the clock is set, and a live process would seem another one.

    Raises:
        psutil.NoSuchProcess: If there is none.
    """
    if not sys.platform.startswith("linux"):
        return float(psutil.Process(pid).create_time())
    try:
        # The name, in parentheses, may hold anything; the start is field 22 (proc(5)).
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        raise psutil.NoSuchProcess(pid) from None
    return _boot() * 1e9 + int(fields[19]) / os.sysconf("SC_CLK_TCK")


def is_alive(pid: int | None, started_at: float | None = None) -> bool:
    """Whether that process still runs. A zombie does not; a later process of the same id is another one."""
    if pid is None:
        return False
    try:
        if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return False
        return started_at is None or abs(started(pid) - started_at) < _TOLERANCE
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:  # another user's: it is there, and that is all one can know
        return True


@cache
def _started_here(pid: int) -> float:
    return started(pid)


@cache
def _boot() -> int:
    """A number of this boot of the machine, below 65536."""
    try:
        return int((_PROC / "sys/kernel/random/boot_id").read_text()[:4], 16)
    except (OSError, ValueError):
        return 0


def child_environment(**extra: str) -> dict[str, str]:
    """The environment of a python process of ours: it imports this very package, and no user's file."""
    environment = {
        **os.environ,
        # A file of the user's called random.py must not stand in for Python's.
        "PYTHONSAFEPATH": "1",
        "PYTHONUNBUFFERED": "1",
        **extra,
    }
    own = str(Path(__file__).parents[2])
    if Path(own).name not in ("site-packages", "dist-packages"):  # a source tree, perhaps not installed
        paths = [own, *filter(None, [os.environ.get("PYTHONPATH")])]
        environment["PYTHONPATH"] = os.pathsep.join(paths)
    return environment
