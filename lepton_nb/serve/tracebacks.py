"""Tracebacks of the user's own code in the log: from their first line on, with the cell they wrote it in."""

from __future__ import annotations

import bisect
import sys
import traceback

_PLACES = "__lepton_places__"  # see lepton_nb.models.loading, which a service without torch never loads


def print_error(error: BaseException) -> None:
    """Write a traceback to standard error, as the notebook would show it."""
    told = traceback.TracebackException.from_exception(error)
    chain: traceback.TracebackException | None = told
    while chain is not None:
        _translate(chain.stack)
        chain = chain.__cause__ or (None if chain.__suppress_context__ else chain.__context__)
    print("".join(told.format()), end="", file=sys.stderr, flush=True)


def _translate(stack: traceback.StackSummary) -> None:
    """Name cells and their lines; what led to the user's first line says nothing to them."""
    first: int | None = None
    for index, frame in enumerate(stack):
        module = sys.modules.get(frame.filename.strip("<>"))
        places = getattr(module, _PLACES, None)
        if module is None or not frame.filename.startswith("<lepton_captured_"):
            continue
        first = index if first is None else first
        at = bisect.bisect_right([start for start, _, _ in places or ()], frame.lineno or 0) - 1
        if places and at >= 0:
            start, file, line = places[at]
            frame.filename = file
            frame.lineno = (frame.lineno or 0) + line - start
            if frame.end_lineno is not None:
                frame.end_lineno += line - start
    if first:
        del stack[:first]
