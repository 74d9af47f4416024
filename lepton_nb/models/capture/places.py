"""Where captured statements stood in the notebook: a traceback in a service can name cell and line."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from lepton_nb.models.capture.closure import Capture, Scope


class Placed(NamedTuple):
    """Where a captured statement comes from.

    Attributes:
        name: What it defines.
        start: Its first line in the captured source.
        file: What a traceback calls its cell or file, such as ``Cell In[5]``.
        line: Its first line there.
    """

    name: str
    start: int
    file: str
    line: int


def places_of(found: Capture, scope: Scope) -> Iterator[Placed]:
    """The place of each captured statement whose text stands in a cell or a file of the user's."""
    texts = list(_texts(found, scope))
    at = 0
    for name, item in found.items.items():
        text = item.text.strip("\n")
        at = found.source.index(text, at)
        start = found.source.count("\n", 0, at) + 1
        at += len(text)
        for label, whole in texts:
            position = whole.find(text)
            if position >= 0:
                yield Placed(name, start, label, whole.count("\n", 0, position) + 1)
                break


def cells_of(scope: Scope) -> Iterator[tuple[str, str]]:
    """The cells, newest first, with what a traceback calls them; of a script its one text."""
    file = scope.namespace.get("__file__")
    script = isinstance(file, str) and "In" not in scope.namespace
    for number in reversed(range(len(scope.cells))):
        yield Path(str(file)).name if script else f"Cell In[{number}]", scope.cells[number]


def _texts(found: Capture, scope: Scope) -> Iterator[tuple[str, str]]:
    """The cells, and the user's files."""
    yield from cells_of(scope)
    for value in found.values.values():
        module = sys.modules.get(getattr(value, "__module__", None) or "")
        path = getattr(module, "__file__", None)
        if path and path != scope.namespace.get("__file__") and path.endswith(".py"):
            yield Path(path).name, Path(path).read_text("utf-8", "replace")
