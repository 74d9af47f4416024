"""What travels to a process in the background: the capture report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from lepton_nb.show.html import bold, element, joined, table
from lepton_nb.show.numbers import size
from lepton_nb.show.words import columns


@dataclass(frozen=True)
class CargoItem:
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


class CargoReport(Sequence[CargoItem]):
    """A list of what travels, that shows itself as a table."""

    def __init__(self, items: Sequence[CargoItem], size: int) -> None:
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
        return "\n".join([self._title(), *(f"  {line}" for line in columns(rows))])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = [(item.kind, bold(item.name), size(item.size), item.why) for item in self._items]
        head = element("summary", self._title())
        return element("details", joined([head, table((), rows, right=(2,))]), "font-size:13px")

    def _title(self) -> str:
        heads = [item.name for item in self._items if item.kind in ("model", "data")]
        more = len(self._items) - len(heads)
        others = f" and {more} more" if more else ""
        return f"Travels by value: {', '.join(heads)}{others}, {size(self.size)} in all"
