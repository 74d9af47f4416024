"""Where something live is shown: an output of the cell that runs, in a kernel or in marimo."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import PurePath
from typing import Any

from IPython.core.getipython import get_ipython
from IPython.display import display

_counted = ("", 0)  # the request that a cell's run is, and how many ids it was given


class Place:
    """An output of a cell, which another one may replace."""

    def __init__(self) -> None:
        self._handle: Any = None

    def show(self, what: Any) -> None:
        """Show a widget, or a dict of contents by MIME type, in place of what was shown before."""
        raw = isinstance(what, dict)
        if self._handle is None:
            self._handle = display(what, raw=raw, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._handle.update(what, raw=raw)


class MarimoPlace(Place):
    """The output of a cell of marimo, which knows anywidgets, and knows neither kernels nor handles."""

    def show(self, what: Any) -> None:
        marimo = sys.modules["marimo"]
        shown = marimo.Html(what["text/html"]) if isinstance(what, dict) else what
        marimo.output.replace(shown)


def place_here() -> Place | None:
    """A new place below the cell that runs; None where nothing live can be shown."""
    marimo = sys.modules.get("marimo")
    if marimo is not None and marimo.running_in_notebook():
        return MarimoPlace()
    return Place() if in_kernel() else None


def in_kernel() -> bool:
    return hasattr(get_ipython(), "kernel")


def element_id() -> str:
    """An id for an element in an output: the same whenever that cell of that notebook runs.

    So a notebook that is run again differs in what it found alone. Of notebooks open in one page the ids
    differ, for a cell's own id is random.
    """
    global _counted
    shell = get_ipython()
    parent = shell.get_parent() if shell is not None and hasattr(shell, "get_parent") else {}
    request = parent.get("header", {}).get("msg_id", "")
    _counted = (request, _counted[1] + 1 if request == _counted[0] else 1)
    cell = parent.get("metadata", {}).get("cellId") or f"In {getattr(shell, 'execution_count', 0)}"
    notebook = PurePath(os.environ.get("JPY_SESSION_NAME", "")).name
    seed = f"{notebook} {cell} {_counted[1]}"
    return f"lepton-{hashlib.sha256(seed.encode()).hexdigest()[:12]}"
