"""Ctrl-C and the kernel's interrupt button: the first asks, the second insists."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from lepton_nb.callbacks import Control


@contextmanager
def graceful_interrupt(control: Control) -> Iterator[None]:
    """Turn the first SIGINT into a stop request, and the second into KeyboardInterrupt.

    Outside the main thread Python cannot set a signal handler; SIGINT then keeps its usual meaning.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(_signal: int, _frame: FrameType | None) -> None:
        if control.stop_requested:
            raise KeyboardInterrupt
        control.stop()

    previous = signal.signal(signal.SIGINT, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
