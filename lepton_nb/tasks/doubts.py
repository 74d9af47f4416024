"""Doubts about an input that is taken all the same: what is unlike everything that the model was trained on.

Whoever reads an input notes them, whoever answers it asks for them, and nobody between has to pass them on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_MOST = 20
_NOTED: ContextVar[list[str] | None] = ContextVar("doubts", default=None)


def doubt(messages: Iterable[str]) -> None:
    """Note doubts for the block of `doubts` around; without one, nobody looks for them."""
    noted = _NOTED.get()
    if noted is not None:
        noted.extend(messages)


@contextmanager
def doubts() -> Iterator[list[str]]:
    """Collect what is noted while the block runs: the first of it, and at its end how much more there was."""
    noted: list[str] = []
    token = _NOTED.set(noted)
    try:
        yield noted
    finally:
        _NOTED.reset(token)
        if len(noted) > _MOST:
            noted[_MOST:] = [f"and {len(noted) - _MOST:,} more"]
