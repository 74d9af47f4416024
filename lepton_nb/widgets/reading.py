"""How far the reading of a large data set is: one line that goes away."""

from __future__ import annotations

import sys
import time

from lepton_nb.show.html import quiet
from lepton_nb.widgets.place import place_here

_PATIENCE = 1.0  # seconds before anything shows
_INTERVAL = 0.2  # seconds between two updates
_LONG = 90.0  # seconds left that are worth telling


class ReadingProgress:
    """Called as ``progress(done, total)``; shows a line while it takes long, and removes it at the end.

    In a notebook the line is an output, in a terminal it is on standard error.

    Args:
        quiet: Show nothing.
        remedy: What to do where it will take minutes; nothing to say where empty.
    """

    def __init__(self, *, quiet: bool = False, remedy: str = "") -> None:
        self._remedy = remedy
        self._place = place_here()
        self._quiet = quiet or (self._place is None and not sys.stderr.isatty())
        self._has_shown = False

    def __enter__(self) -> ReadingProgress:
        self._began = time.monotonic()
        self._shown_at = self._began - _INTERVAL + _PATIENCE
        return self

    def __call__(self, done: int, total: int) -> None:
        if self._quiet or time.monotonic() - self._shown_at < _INTERVAL:
            return
        self._shown_at = time.monotonic()
        self._has_shown = True
        left = (self._shown_at - self._began) * (total - done) / done if done else 0.0
        text = f"Reading {done:,} of {total:,} …"
        if left > _LONG:
            text += f" {left / 60:.0f} minutes left. {self._remedy}".rstrip()
        self._show(text)

    def __exit__(self, *_: object) -> None:
        if self._has_shown:
            self._show("")

    def _show(self, text: str) -> None:
        if self._place is None:
            print(f"\r{text:<100}", end="" if text else "\r", file=sys.stderr, flush=True)
            return
        self._place.show({"text/plain": text, "text/html": quiet(text)})
