"""The variables that a `%lepton` line sees: those of the function it stands in, then the notebook's.

IPython's own ``needs_local_scope`` gives the values a function's variables have. It does not tell which names
are the function's without a value yet, for which a global of that name must not be taken, and sees none of
the functions around it.
"""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

from IPython.core.interactiveshell import InteractiveShell

_ENTRIES = {InteractiveShell.run_line_magic.__code__, InteractiveShell.run_cell_magic.__code__}
_OPTIMIZED = 0x1  # CO_OPTIMIZED: the code of a function, whose variables are not a dict


def calling_function(namespace: dict[str, Any]) -> FrameType | None:
    """The frame in which the running magic stands; None where that is a cell.

    Args:
        namespace: The notebook's variables.
    """
    frame: FrameType | None = sys._getframe()
    while frame is not None and frame.f_code not in _ENTRIES:
        frame = frame.f_back
    while frame is not None and frame.f_code in _ENTRIES:
        frame = frame.f_back
    return None if frame is None or frame.f_locals is namespace else frame


def visible(function: FrameType, namespace: dict[str, Any]) -> dict[str, Any]:
    """The notebook's variables under those of the function, and of the running functions it stands in."""
    found = dict(namespace)
    for frame in reversed(_scopes(function)):
        local = dict(frame.f_locals)
        for name in [name for name in found if name not in local and is_its_variable(name, frame)]:
            del found[name]  # it has no value yet: Python would not take the global either
        found |= local
    return found


def is_its_variable(name: str, function: FrameType) -> bool:
    """Whether the function's code assigns to the name."""
    code = function.f_code
    return bool(code.co_flags & _OPTIMIZED) and name in (*code.co_varnames, *code.co_cellvars)


def _scopes(function: FrameType) -> list[FrameType]:
    """The function, and the functions around its definition that are still running, the innermost first."""
    scopes, frame = [function], function.f_back
    while frame is not None:
        if scopes[-1].f_code in frame.f_code.co_consts and frame.f_code.co_flags & _OPTIMIZED:
            scopes.append(frame)
        frame = frame.f_back
    return scopes
