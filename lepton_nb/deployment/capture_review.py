"""What of a captured source cannot work in the service: undefined names, files of the notebook's folder."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lepton_nb.errors import RouteError, nearest

if TYPE_CHECKING:
    from lepton_nb.models.capture import Capture

_READERS = {"open", "Path", "load", "loadtxt", "imread"}
_READS = "read_"  # pandas' functions
_WRITING = set("wax")
_FORGIVING = {"NameError", "Exception", "BaseException"}


def refuse_undefined(found: Capture, uses: Mapping[str, list[str]], known: Mapping[str, Any]) -> None:
    """Refuse names that neither the notebook nor Python has.

    Raises:
        RouteError: If there are any; names them, and the lines that use them.
    """
    trees = [ast.parse(item.text.strip("\n")) for item in found.items.values()]
    loads = {name for tree in trees for name in _unguarded(tree)}
    bound = {
        name
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Global)
        for name in node.names
    }
    names = [name for name in found.undefined if name in loads - bound]
    if names:
        close = nearest(names[0], [*known, *dir(builtins)])
        shown = "; ".join(
            f"`{name}` (used in {', '.join(uses.get(name, ['the cell']))})" for name in names[:3]
        )
        raise RouteError(
            f"The service uses what is not defined: {shown}.",
            f"Did you mean {close!r}?" if close else "Define it in a cell, or in the class or function.",
        )


def _unguarded(node: ast.AST) -> Iterator[str]:
    """The names that are loaded, but for those whose absence is provided for."""
    if isinstance(node, ast.Name):
        if isinstance(node.ctx, ast.Load):
            yield node.id
        return
    guarded = node.body if isinstance(node, ast.Try) and any(map(_forgives, node.handlers)) else []
    for child in ast.iter_child_nodes(node):
        if child not in guarded:
            yield from _unguarded(child)


def _forgives(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(kind is None or (isinstance(kind, ast.Name) and kind.id in _FORGIVING) for kind in kinds)


def relative_files(found: Capture) -> Iterator[str]:
    """A sentence about each file that is named relative to the notebook, where the service does not run."""
    told: dict[str, str] = {}
    for name, item in found.items.items():
        for node in ast.walk(ast.parse(item.text.strip("\n"))):
            for text in _files_in(node, found.values):
                told.setdefault(text, name)
    for text, name in told.items():
        there = Path(text).absolute()
        place = f"write {str(there)!r}" if there.is_file() else "write its absolute path"
        yield (
            f"{name} names the file {text!r}, which is not where the service runs; {place}, "
            "or read it in a cell: what is read goes along"
        )


def _files_in(node: ast.AST, values: Mapping[str, Any]) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        if _is_relative(node.value) and Path(node.value).is_file():
            yield node.value
    elif isinstance(node, ast.Call) and node.args and _reads(node.func) and not _writes(node):
        text = _text_of(node.args[0], values)
        if _is_relative(text):
            yield text


def _reads(function: ast.expr) -> bool:
    name = getattr(function, "id", getattr(function, "attr", ""))
    return name in _READERS or name.startswith(_READS)


def _is_relative(text: str) -> bool:
    """Whether a text looks like the path of a file beside the notebook."""
    path = len(text) < 256 and text.isprintable() and ("." in text or "/" in text) and "://" not in text
    return path and text[0] not in "{[<" and not Path(text).is_absolute()


def _text_of(node: ast.expr, values: Mapping[str, Any]) -> str:
    value = (
        node.value
        if isinstance(node, ast.Constant)
        else values.get(node.id)
        if isinstance(node, ast.Name)
        else ""
    )
    return value if isinstance(value, str) else ""


def _writes(call: ast.Call) -> bool:
    modes = [*call.args[1:2], *(word.value for word in call.keywords if word.arg == "mode")]
    return any(isinstance(mode, ast.Constant) and bool(_WRITING & set(str(mode.value))) for mode in modes)
