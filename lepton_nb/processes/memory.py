"""How much memory a worker may use: a limit the kernel keeps, and a watch for where it does not."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

_SHARE = 0.8  # of what is free when the service starts
_LEAST = 512 << 20
_CGROUPS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)
_HAS_STATM = Path("/proc/self/statm").exists()
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
# What onnxruntime and torch say where an allocation fails: they raise no MemoryError.
_FAILED = ("failed to allocate memory", "can't allocate memory", "out of memory", "bad_alloc")


def usual_limit() -> int:
    """Bytes a worker may use where nobody said: four fifths of what this machine, or container, has free."""
    free = _available()
    for most, used in _CGROUPS:
        with suppress(OSError, ValueError):  # not in a container of that kind, or "max"
            free = min(free, int(Path(most).read_text()) - int(Path(used).read_text()))
    return max(_LEAST, int(free * _SHARE))


def _available() -> int:
    with suppress(OSError, StopIteration, ValueError):
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable:"))
    import psutil

    return int(psutil.virtual_memory().available)


def limit_growth(size: int) -> None:
    """Let this process allocate at most `size` bytes more than it has: what is too much fails in its request.

    Counts what is written to (RLIMIT_DATA), not the address space, of which torch reserves far more than it
    uses. Does nothing where the system cannot.
    """
    if sys.platform != "linux":
        return
    import resource

    with suppress(OSError, ValueError):
        status = Path("/proc/self/status").read_text()
        now = next(int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("VmData:"))
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        wanted = now + size if hard == resource.RLIM_INFINITY else min(now + size, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (wanted, hard))


def resident(pid: int) -> int:
    """Resident bytes of a process; 0 where it has just ended."""
    if _HAS_STATM:  # a fifth of the time psutil takes: asked ten times a second
        try:
            return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
        except (OSError, IndexError, ValueError):
            return 0
    import psutil

    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0


def is_exhaustion(error: BaseException) -> bool:
    """Whether an exception of the model's means that memory ran out."""
    if isinstance(error, MemoryError):
        return True
    text = str(error).lower()
    return any(words in text for words in _FAILED)
