"""What IPython puts beside the user's own names: `open`, `display`, the history of the cells."""

from __future__ import annotations

import builtins
import re
from typing import TYPE_CHECKING, Any

from lepton_nb.models.capture.cells import assigned_names, statements

if TYPE_CHECKING:
    from lepton_nb.models.capture.closure import Scope

_NAMES = {"open", "exit", "quit", "get_ipython", "display"}
_HISTORY = re.compile(r"In|Out|_+|_i+|_i?\d+|_[iod]h|_exit_code")
_HOMES = {"IPython", "ipykernel"}


def is_builtin(name: str) -> bool:
    """Whether Python itself has the name, and not only IPython."""
    return hasattr(builtins, name) and not _from_ipython(name, getattr(builtins, name))


def is_shells(name: str, scope: Scope) -> bool:
    """Whether a name means what IPython has put there, in a scope whose cells do not bind it themselves."""
    space = scope.namespace
    history = "_ih" in space and name in space and _HISTORY.fullmatch(name) is not None
    if not history and not _from_ipython(name, space.get(name, getattr(builtins, name, None))):
        return False
    return not any(name in assigned_names(found.node) for found in statements(scope.cells))


def why_not(name: str) -> str:
    """Why what IPython has put there cannot go along; empty where Python has its own."""
    if name in ("open", "exit", "quit"):
        return ""
    if _HISTORY.fullmatch(name):
        return "the history of the notebook; give the value a name of its own in a cell"
    return "only a notebook has it; return what is to be shown, or print it to the log"


def _from_ipython(name: str, value: Any) -> bool:
    function = getattr(value, "__func__", value)
    home = getattr(function, "__globals__", {}).get("__name__") or type(value).__module__
    return name in _NAMES and home.partition(".")[0] in _HOMES
