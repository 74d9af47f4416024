"""Naming what cannot travel to another process: the variable, the cell and line, and the remedy."""

from __future__ import annotations

import ast
import io
import pickle
import socket
import sqlite3
import threading
import types
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lepton_nb.errors import TrainingError
from lepton_nb.models.blame import line_of
from lepton_nb.models.capture import is_installed
from lepton_nb.models.capture.cells import python_of
from lepton_nb.models.defining import notebook_scope

MakePickler = Callable[[Any], pickle.Pickler]
_DEEPEST = 40


@dataclass(frozen=True)
class _Step:
    """One thing on the way to the culprit: how the one before calls it."""

    label: str
    value: Any
    owner: Any


def cannot_travel(kind: str, part: Any, error: Exception, make: MakePickler) -> TrainingError:
    """The error for a `part` that cannot be packed.

    Args:
        kind: What the part is: ``model``, ``data`` …
        error: What packing it raised.
        make: Makes the pickler that failed.
    """
    steps = list(_way(part, make))
    culprit = steps[-1] if steps else _Step("", part, None)
    name = _spoken(kind, steps)
    made = _made_at(steps)
    raised = line_of(error)
    place = f", {made}" if made else f", in {raised}" if raised is not None else ""
    what = _described(culprit.value)
    return TrainingError(
        f"{name} is {what}{place}, which cannot travel to another process: {_reason(error)}",
        f"{_remedy(culprit.value)} Or train in this notebook: leave --background out.",
    )


def _way(part: Any, make: MakePickler) -> Iterator[_Step]:
    """From the part down to the innermost thing that cannot be packed by itself."""
    value, seen = part, {id(part)}
    for _ in range(_DEEPEST):
        found = next(
            (step for step in _inside(value) if id(step.value) not in seen and not _packs(step.value, make)),
            None,
        )
        if found is None:
            return
        seen.add(id(found.value))
        yield found
        value = found.value


def _packs(value: Any, make: MakePickler) -> bool:
    try:
        make(_Sink()).dump(value)
    except Exception:
        return False
    return True


class _Sink(io.RawIOBase):
    """A file that forgets what is written."""

    def write(self, data: Any) -> int:
        return len(data)


def _inside(value: Any) -> Iterator[_Step]:
    """What a value consists of."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield _Step(f"[{key!r}]", item, value)
    elif isinstance(value, list | tuple | set | frozenset):
        for index, item in enumerate(value):
            yield _Step(f"[{index}]", item, value)
    elif isinstance(value, types.MethodType):
        yield _Step("", value.__self__, value)
        yield _Step("", value.__func__, value)
    elif isinstance(value, types.FunctionType):
        yield from _inside_function(value)
    elif isinstance(value, type):
        if not is_installed(value.__module__):
            for key, member in vars(value).items():
                inner = member.__func__ if isinstance(member, staticmethod | classmethod) else member
                yield _Step(f".{key}", inner, value)
    else:
        yield from _inside_object(value)


def _inside_function(function: types.FunctionType) -> Iterator[_Step]:
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield _Step(name, cell.cell_contents, function)
        except ValueError:
            continue  # not bound yet
    for code in _codes(function.__code__):
        for name in code.co_names:
            if name in function.__globals__:
                yield _Step(name, function.__globals__[name], function)
    for default in function.__defaults__ or ():
        yield _Step("", default, function)


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for const in code.co_consts:
        if isinstance(const, types.CodeType):
            yield from _codes(const)


def _inside_object(value: Any) -> Iterator[_Step]:
    try:
        reduced = value.__reduce_ex__(5)
    except Exception:
        return
    attributes = getattr(value, "__dict__", {})
    for name, item in attributes.items():
        yield _Step(f".{name}", item, value)
    # Modules and containers keep things elsewhere, too.
    yield _Step("", type(value), value)
    if not isinstance(reduced, str):
        for item in reduced[1:3]:
            if item is not attributes:
                yield _Step("", item, value)
        for items in reduced[3:5]:
            if items is not None:
                for index, item in enumerate(items):
                    yield _Step(f"[{index}]", item, value)


def _spoken(kind: str, steps: Sequence[_Step]) -> str:
    """``train_set.file`` where a variable is on the way, else ``the data``."""
    variables = {
        id(value): name
        for name, value in notebook_scope(None, ()).namespace.items()
        if not name.startswith("_") and not isinstance(value, int | str | float | type(None))
    }
    start, name, user = -1, "", ""
    for index, step in enumerate(steps):
        if step.label.isidentifier() and isinstance(step.owner, types.FunctionType):
            start, name, user = index, step.label, f" (used by {step.owner.__qualname__})"
        elif id(step.value) in variables:
            start, name, user = index, variables[id(step.value)], ""
    rest = "".join(step.label for step in steps[start + 1 :] if step.label.startswith((".", "[")))
    if name:
        return f"`{name}{rest}`{user}"
    return f"The {kind} (`{rest.lstrip('.')}`)" if rest else f"The {kind}"


def _made_at(steps: Sequence[_Step]) -> str | None:
    """The cell and line where the culprit is assigned: as a variable, or as an attribute in its class."""
    for step in reversed(steps):
        name = step.label.lstrip(".")
        if not name.isidentifier():
            continue
        owner = type(step.owner).__name__ if step.label.startswith(".") else None
        for number, cell in reversed(list(enumerate(notebook_scope(None, ()).cells))):
            line = _assignment(cell, name, owner)
            if line is not None:
                return f"made in cell {number}, line {line[0]} (`{line[1]}`)"
    return None


def _assignment(cell: str, name: str, owner: str | None) -> tuple[int, str] | None:
    """Number and text of the last line of a cell that assigns a variable, or an attribute of ``self``."""
    found = None
    for text in python_of(cell):
        tree: ast.AST = ast.parse(text)
        if owner is not None:
            classes = [n for n in ast.walk(tree) if isinstance(n, ast.ClassDef) and n.name == owner]
            if not classes:
                continue
            tree = classes[-1]
        for node in ast.walk(tree):
            stored = isinstance(getattr(node, "ctx", None), ast.Store)
            hit = (
                isinstance(node, ast.Attribute) and node.attr == name
                if owner is not None
                else isinstance(node, ast.Name) and node.id == name
            )
            if stored and hit:
                line: int = node.lineno  # type: ignore[attr-defined]
                found = line, text.split("\n")[line - 1].strip()
    return found


_KINDS: tuple[tuple[tuple[type, ...], str, str], ...] = (
    (
        (io.IOBase,),
        "an open file",
        "Keep its path, and open it where it is read, for example in __getitem__.",
    ),
    (
        (sqlite3.Connection, sqlite3.Cursor, socket.socket),
        "an open connection",
        "Keep its address, and connect where it is used.",
    ),
    (
        (type(threading.Lock()), type(threading.RLock()), threading.Thread, threading.Event),
        "a lock or thread of this process",
        "Make it where it is first used, or leave it out in __getstate__.",
    ),
    (
        (types.GeneratorType, types.CoroutineType, types.AsyncGeneratorType),
        "a generator, which runs only once and here",
        "Make a list of it, or keep the function that makes it.",
    ),
)


def _described(value: Any) -> str:
    kind = next((text for classes, text, _ in _KINDS if isinstance(value, classes)), None)
    name = type(value).__name__
    return f"{kind} ({name})" if kind else f"a {name}"


def _remedy(value: Any) -> str:
    found = next((text for classes, _, text in _KINDS if isinstance(value, classes)), None)
    return found or "Make it where it is used, or leave it out in the __getstate__ of what holds it."


def _reason(error: Exception) -> str:
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0] if text else 'no reason given'}."
