"""Keeping freed memory for the next step, on a CPU.

glibc gives large blocks back to the kernel as soon as they are freed, and gets them anew, page by page, a
moment later: for a small convolutional network a fifth of every step. See ``mallopt(3)``.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import torch

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # from malloc.h
_NEVER = 2**31 - 1
_DEFAULTS = {_TRIM_THRESHOLD: 128 * 1024, _MMAP_MAX: 65536}


@contextmanager
def freed_memory_kept(device: torch.device) -> Iterator[None]:
    """Within the block memory that is freed stays with the process; after it, what is free goes back.

    Does nothing for an accelerator, which torch has an allocator of its own for, or without glibc.
    """
    libc = _glibc() if device.type == "cpu" else None
    if libc is None:
        yield
        return
    libc.mallopt(_MMAP_MAX, 0)
    libc.mallopt(_TRIM_THRESHOLD, _NEVER)
    try:
        yield
    finally:
        for option, value in _DEFAULTS.items():
            libc.mallopt(option, value)
        libc.malloc_trim(0)


@cache
def _glibc() -> ctypes.CDLL | None:
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None)
    return libc if hasattr(libc, "mallopt") and hasattr(libc, "gnu_get_libc_version") else None
