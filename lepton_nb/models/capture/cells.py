"""The text of notebook cells as Python statements, with IPython's own syntax taken out."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

_CELL_MAGIC = re.compile(r"\s*%%(\w+)")
_RUNS_PYTHON = {"capture", "lepton", "prun", "time"}
_MAGIC_LINE = re.compile(r"^(\s*)(?:[%!?].*|\w[\w, ]*=\s*[%!](?!=).*|.*\?)$")


@dataclass(frozen=True)
class Statement:
    """One top-level statement of a cell."""

    node: ast.stmt
    cell: str

    @property
    def text(self) -> str:
        """The statement as it was written."""
        return segment(self.cell, self.node)


def python_of(cell: str) -> list[str]:
    """The Python in a cell, raw or as IPython's history keeps it: the cell, or the body of its magic.

    IPython's own lines are ``pass``. A cell that is not Python, or whose magic runs something else, such as
    ``%%bash`` or ``%%writefile``, gives nothing.
    """
    magic = _CELL_MAGIC.match(cell)
    if magic:
        cell = cell.partition("\n")[2] if magic[1] in _RUNS_PYTHON else ""
    text = tidy(cell)
    if text is None:
        return []
    body = ast.parse(text).body
    if len(body) == 1 and isinstance(body[0], ast.Expr):
        name, inner = _run_cell_magic(body[0].value)
        if name is not None:
            return python_of(f"%%{name}\n{inner}")
    return [text] if body else []


def _run_cell_magic(node: ast.expr) -> tuple[str | None, str]:
    """Name and body of ``get_ipython().run_cell_magic(name, line, body)``."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
        return None, ""
    values = [arg.value if isinstance(arg, ast.Constant) else None for arg in node.args]
    if node.func.attr != "run_cell_magic" or len(values) != 3:
        return None, ""
    return str(values[0]), str(values[2])


def tidy(text: str) -> str | None:
    """The text, with magic, shell and help lines as ``pass``; None where it is not Python."""
    for candidate in (text, "\n".join(_MAGIC_LINE.sub(r"\1pass", line) for line in text.split("\n"))):
        try:
            ast.parse(candidate)
        except (SyntaxError, ValueError):
            continue
        return candidate
    return None


def statements(cells: Sequence[str]) -> Iterator[Statement]:
    """The top-level statements of every cell, in the order they ran."""
    for cell in cells:
        yield from statements_of(cell)


@lru_cache(maxsize=1024)
def statements_of(cell: str) -> tuple[Statement, ...]:
    """The top-level statements of one cell; a session's cells are asked for again and again."""
    return tuple(Statement(node, text) for text in python_of(cell) for node in ast.parse(text).body)


def assigned_names(node: ast.AST) -> set[str]:
    """The names that a statement binds or changes, at any depth outside of functions and classes."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return {node.name}
    if isinstance(node, ast.Name):
        return {node.id} if isinstance(node.ctx, (ast.Store, ast.Del)) else set()
    if isinstance(node, ast.alias):
        return {node.asname or node.name.partition(".")[0]}
    if isinstance(node, ast.Lambda):
        return set()
    return {name for child in ast.iter_child_nodes(node) for name in assigned_names(child)}


def segment(text: str, node: ast.AST) -> str:
    """The text of a node, with its decorators, without indentation."""
    lines = text.split("\n")
    above = lines[first_line(node) - 1 : node.lineno - 1]  # type: ignore[attr-defined]
    before = lines[node.lineno - 1].encode()[: node.col_offset]  # type: ignore[attr-defined]
    # After a semicolon there is nothing to dedent.
    body = ast.get_source_segment(text, node, padded=before.isspace()) or ""
    return textwrap.dedent("\n".join([*above, body]))


def first_line(node: ast.AST) -> int:
    """The line a node starts on, its decorators included."""
    decorators: list[int] = [decorator.lineno for decorator in getattr(node, "decorator_list", [])]
    start: int = node.lineno  # type: ignore[attr-defined]
    return min([start, *decorators])
