"""What the child processes of the front do at their start."""

from __future__ import annotations

import ctypes
import signal
import sys
from contextlib import suppress
from pathlib import Path

_PR_SET_PDEATHSIG = 1


def tie_to_the_front() -> None:
    """End with the front, before it where memory runs out, and not by a terminal's Ctrl-C.

    Where the kernel can, the child ends even while it hangs and nobody reads its socket.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    with suppress(OSError):  # the kernel shall take the process that can be replaced
        Path("/proc/self/oom_score_adj").write_text("500")
    # A terminal's Ctrl-C goes to the whole group; when to end is the front's decision.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
