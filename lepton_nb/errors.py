"""Errors that read like advice: what is wrong, what was seen, what to do about it.

Every error a user can cause is a `LeptonError`. In a notebook it shows as one or two lines, without a
traceback, and still fails the cell, so that Run All, nbclient and nbval stop there.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_RED, _RESET = "\x1b[31m", "\x1b[0m"


class LeptonError(Exception):
    """A failure explained to the person who caused it.

    Args:
        message: What is wrong, with the value seen and the value expected.
        hint: What to do about it, as something one can type.
    """

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message if self.hint is None else f"{self.message}\n{self.hint}"

    def _render_traceback_(self) -> list[str]:
        """IPython's hook: the lines to show in place of a traceback."""
        lines = [f"{_RED}{type(self).__name__}{_RESET}: {self.message}"]
        if self.hint:
            lines.append(f"→ {self.hint}")
        return lines


class ArgumentError(LeptonError):
    """A magic line or a call has a wrong or missing argument."""


class DataError(LeptonError):
    """The data cannot be read, or does not fit the task."""


class ModelError(LeptonError):
    """The model cannot be built, or does not fit the data."""


class TrainingError(LeptonError):
    """Training cannot start or go on."""


class NotFoundError(LeptonError):
    """No run, deployment, data set or variable has that name."""


class StoreError(LeptonError):
    """The run store on disk cannot be read or written."""


class PackageError(LeptonError):
    """A model cannot be packaged, or a package is damaged."""


class DeploymentError(LeptonError):
    """A service cannot be started, reached or stopped."""


class RouteError(LeptonError):
    """The functions of a service cell cannot be routes."""


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """The candidate closest to `name` in spelling, or None where nothing is close."""
    pool = list(candidates)
    by_folded = {candidate.lower(): candidate for candidate in pool}
    if name.lower() in by_folded:
        return by_folded[name.lower()]
    close = difflib.get_close_matches(name.lower(), by_folded, n=1, cutoff=0.6)
    return by_folded[close[0]] if close else None


def did_you_mean(name: str, candidates: Iterable[str]) -> str | None:
    """A hint for an unknown name: the nearest other spelling, else what there is, else None."""
    pool = [candidate for candidate in candidates if candidate != name]
    best = nearest(name, pool)
    if best is not None:
        return f"Did you mean {best!r}?"
    if pool:
        shown = ", ".join(repr(candidate) for candidate in pool[:8])
        return f"There {'is' if len(pool) == 1 else 'are'} {shown}{' …' if len(pool) > 8 else ''}."
    return None
