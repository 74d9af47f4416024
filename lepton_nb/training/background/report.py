"""What travels to a process in the background: the capture report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from html import escape
from typing import Any

from lepton_nb.show.numbers import size


@dataclass(frozen=True)
class Item:
    """One thing that travels.

    Attributes:
        kind: ``model``, ``data``, ``loss``, ``optimizer``, ``callbacks``, ``class``, ``function`` or
            ``variable``.
        name: What the user calls it.
        size: Bytes.
        why: Where it comes from, or who needs it.
    """

    kind: str
    name: str
    size: int
    why: str


class CaptureReport(Sequence[Item]):
    """A list of what travels, that shows itself as a table."""

    def __init__(self, items: Sequence[Item], size: int) -> None:
        self._items = list(items)
        self.size = size

    def __getitem__(self, index: Any) -> Any:
        return self._items[index]

    def __len__(self) -> int:
        return len(self._items)

    def to_dict(self) -> dict[str, Any]:
        return {"size": self.size, "items": [asdict(item) for item in self._items]}

    def __str__(self) -> str:
        rows = [(item.kind, item.name, size(item.size), item.why) for item in self._items]
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]
        return "\n".join([self._title(), *("  " + line for line in lines)])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        cell = 'style="text-align: left; padding: 1px 14px 1px 0"'
        rows = "".join(
            f"<tr><td {cell}>{escape(item.kind)}</td><td {cell}><b>{escape(item.name)}</b></td>"
            f'<td style="text-align: right; padding: 1px 14px 1px 0">{size(item.size)}</td>'
            f"<td {cell}>{escape(item.why)}</td></tr>"
            for item in self._items
        )
        return (
            f'<details style="font-size: 13px"><summary>{escape(self._title())}</summary>'
            f'<table style="color: inherit; background: transparent; margin: 4px 0 4px 14px">{rows}</table>'
            "</details>"
        )

    def _title(self) -> str:
        heads = [item.name for item in self._items if item.kind in ("model", "data")]
        more = len(self._items) - len(heads)
        others = f" and {more} more" if more else ""
        return f"Travels by value: {', '.join(heads)}{others}, {size(self.size)} in all"
