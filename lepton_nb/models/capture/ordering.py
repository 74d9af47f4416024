"""Captured statements in an order that runs and reads well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lepton_nb.models.capture.names import Needs


@dataclass(frozen=True)
class Item:
    """One captured statement, and the names it needs."""

    text: str
    needs: Needs

    @property
    def definition(self) -> bool:
        """Whether it is a class or function, not an assignment."""
        return self.text.startswith(("class ", "def ", "@", "async "))


def ordered(items: dict[str, Item]) -> list[str]:
    """The names so that each stands after all it needs.

    Where that goes in a circle (a method names a class whose base is its own), each stands after what it
    needs at once, when its statement runs.
    """
    order = _depth_first(items, called=True)
    position = {name: index for index, name in enumerate(order)}
    runs = all(position.get(need, -1) <= position[name] for name in order for need in items[name].needs.now)
    return order if runs else _depth_first(items, called=False)


def _depth_first(items: dict[str, Item], *, called: bool) -> list[str]:
    order: list[str] = []
    seen: set[str] = set()

    def place(name: str) -> None:
        if name in seen or name not in items:
            return
        seen.add(name)
        needs = items[name].needs
        for needed in needs.every if called else needs.now:
            place(needed)
        order.append(name)

    constants = [
        name
        for name, item in items.items()
        if not item.definition and not any(needed in items for needed in item.needs.every)
    ]
    for name in (*constants, *items):
        place(name)
    return order


def join_source(headers: Sequence[str], items: Sequence[Item]) -> str:
    """Headers, then assignments close together, and definitions with two empty lines around them."""
    text = "\n\n".join(header for header in headers if header)
    after_definition = False
    for index, item in enumerate(items):
        gap = "\n\n\n" if item.definition or after_definition else "\n\n" if index == 0 else "\n"
        text += (gap if text else "") + item.text.strip("\n")
        after_definition = item.definition
    return text + "\n"
