"""Captured source as a module of its own, so that its classes import, pickle and show their lines."""

from __future__ import annotations

import hashlib
import linecache
import sys
import threading
import types
from collections.abc import Sequence
from typing import Any

from lepton_nb.errors import ModelError

Places = Sequence[tuple[int, str, int]]
"""Of each statement its first line in the source, its cell or file, and its first line there."""

PLACES = "__lepton_places__"
"""The name under which a captured module keeps its `Places`, for whoever shows a traceback through it."""

_LOCK = threading.RLock()  # no thread may find a module that another is still executing


def load_source(source: str) -> types.ModuleType:
    """The module that `source` makes: executed once a process, found again by its content.

    It stands in ``sys.modules`` under a name of its own, and its lines in `linecache`, so that a traceback
    through it shows them.

    Raises:
        ModelError: If the source imports what is not installed here, or fails on its own.
    """
    name = "lepton_captured_" + hashlib.sha256(source.encode()).hexdigest()[:12]
    with _LOCK:
        return sys.modules.get(name) or _execute(name, source)


def _execute(name: str, source: str) -> types.ModuleType:
    filename = f"<{name}>"
    module = types.ModuleType(name)
    module.__file__ = filename
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    sys.modules[name] = module
    try:
        exec(compile(source, filename, "exec", dont_inherit=True), module.__dict__)
    except BaseException as error:
        del sys.modules[name]
        if isinstance(error, ModuleNotFoundError) and error.name:
            raise ModelError(
                f"The model's source imports {error.name}, which is not installed here.",
                f"pip install {error.name.partition('.')[0]}",
            ) from error
        if isinstance(error, Exception):
            raise ModelError(f"The model's source fails: {type(error).__name__}: {error}") from error
        raise
    return module


def evaluate_source(source: str, expression: str, places: Places = ()) -> Any:
    """The value of `expression` in the module of `source`, whose statements stood in those `places`."""
    module = load_source(source)
    if places:
        module.__dict__[PLACES] = tuple(places)
    return eval(compile(expression, "<expression>", "eval", dont_inherit=True), module.__dict__)
