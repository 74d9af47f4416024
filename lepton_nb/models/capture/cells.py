"""The text of notebook cells as Python statements, with IPython's own syntax taken out."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_CELL_MAGIC = re.compile(r"\s*%%(\w+)")
_RUNS_PYTHON = {"capture", "lepton", "prun", "time"}
_MAGIC_LINE = re.compile(r"^(\s*)(?:[%!?].*|\w[\w, ]*=\s*[%!](?!=).*|.*\?)$")


@dataclass(frozen=True)
class Statement:
    """One top-level statement of a cell, as it was written."""

    node: ast.stmt
    text: str


def python_of(cell: str) -> list[str]:
    """The Python in a cell, raw or as IPython's history keeps it: the cell, or the body of its magic.

    A cell magic that runs something else, such as ``%%bash`` or ``%%writefile``, gives nothing.
    """
    magic = _CELL_MAGIC.match(cell)
    if magic:
        return [cell[cell.index("\n") + 1 :]] if magic[1] in _RUNS_PYTHON and "\n" in cell else []
    tree = parse(cell)
    if tree is None:
        return []
    if len(tree.body) == 1 and isinstance(tree.body[0], ast.Expr):
        name, body = _run_cell_magic(tree.body[0].value)
        if name is not None:
            return [body] if name in _RUNS_PYTHON else []
    return [cell]


def _run_cell_magic(node: ast.expr) -> tuple[str | None, str]:
    """Name and body of ``get_ipython().run_cell_magic(name, line, body)``."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
        return None, ""
    values = [arg.value if isinstance(arg, ast.Constant) else None for arg in node.args]
    if node.func.attr != "run_cell_magic" or len(values) != 3:
        return None, ""
    return str(values[0]), str(values[2])


def parse(text: str) -> ast.Module | None:
    """The syntax tree, with IPython's magic and shell lines as ``pass``; None where it is not Python."""
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError):
        pass
    try:
        return ast.parse(clean(text))
    except (SyntaxError, ValueError):
        return None


def clean(text: str) -> str:
    """The text with magic, shell and help lines as ``pass``; line numbers stay."""
    return "\n".join(_MAGIC_LINE.sub(r"\1pass", line) for line in text.split("\n"))


def statements(cells: Sequence[str]) -> Iterator[Statement]:
    """The top-level statements of every cell, in the order they ran."""
    for cell in cells:
        for text in python_of(cell):
            tree = parse(text)
            for node in tree.body if tree is not None else ():
                yield Statement(node, segment(text, node))


def segment(text: str, node: ast.AST) -> str:
    """The text of a node, with its decorators, without indentation."""
    decorators = [decorator.lineno for decorator in getattr(node, "decorator_list", [])]
    body = ast.get_source_segment(text, node, padded=True) or ""
    if not decorators:
        return textwrap.dedent(body)
    above = text.split("\n")[min(decorators) - 1 : node.lineno - 1]  # type: ignore[attr-defined]
    return textwrap.dedent("\n".join([*above, body]))
