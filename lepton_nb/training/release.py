"""After an exception: nothing that training made stays in memory because a traceback holds on to it."""

from __future__ import annotations

import functools
import traceback
from collections.abc import Callable
from typing import ParamSpec, TypeVar

_P = ParamSpec("_P")
_R = TypeVar("_R")


def frees_memory(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """A function whose exceptions keep none of its objects alive.

    IPython keeps the last exception, its traceback keeps the frames, and they keep their variables:
    activations, gradients, an optimizer's moments. On a GPU that is the memory the next cell would need. The
    lines of the traceback stay; ``%debug`` finds the frames empty.
    """

    @functools.wraps(function)
    def call(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        try:
            return function(*args, **kwargs)
        except BaseException as error:
            release(error)
            raise
        finally:
            del args, kwargs

    return call


def release(error: BaseException) -> None:
    """Empty the frames in the traceback of an exception, and of those that led to it, that have returned."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        current = waiting.pop()
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        traceback.clear_frames(current.__traceback__)
        waiting += [current.__cause__, current.__context__]
