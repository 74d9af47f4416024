"""What goes along with the functions of a service, for a terminal and for a notebook."""

from __future__ import annotations

from dataclasses import dataclass

from lepton_nb.show.colours import COLOURS
from lepton_nb.show.html import code, element, joined, quiet, table
from lepton_nb.show.numbers import size
from lepton_nb.show.words import columns

_SOFT, _WARNING = "opacity:.65", f"color:{COLOURS['waiting']}"


@dataclass(frozen=True)
class Captured:
    """One thing of the notebook that a service takes along.

    Attributes:
        name: The variable.
        kind: ``function``, ``class``, ``float``, ``array 3 × 4 float32`` …
        size: Bytes it adds to the package.
        where: The cell and line that make it; empty where they are not known.
        used_by: What needs it, with the line.
    """

    name: str
    kind: str
    size: int
    where: str
    used_by: tuple[str, ...]


@dataclass(frozen=True)
class CaptureReport:
    """Everything a service takes from the notebook beside its own functions.

    Attributes:
        entries: The captured variables, functions and classes.
        imports: The modules it imports.
        requirements: Their distributions, as ``name==version``.
        warnings: What is large or dangerous among them, one sentence each.
    """

    entries: tuple[Captured, ...] = ()
    imports: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def __repr__(self) -> str:
        if not (self.entries or self.imports or self.warnings):
            return "It takes nothing else from the notebook."
        rows = [(item.name, item.kind, size(item.size), _why(item), item.where) for item in self.entries]
        lines = [f"  {line}" for line in columns(rows)]
        head = ["It takes along from the notebook:"] if rows else []
        return "\n".join([*head, *lines, *self._notes()])

    def _notes(self) -> list[str]:
        notes = [f"It imports {', '.join(self.imports)}."] if self.imports else []
        if self.requirements:
            notes.append(f"Its requirements: {', '.join(self.requirements)}.")
        return [*notes, *(f"! {warning}." for warning in self.warnings)]

    def _repr_html_(self) -> str:
        rows = [
            (code(item.name), item.kind, size(item.size), quiet(_why(item)), quiet(item.where))
            for item in self.entries
        ]
        captured = table((), rows, right=(2,)) if rows else ""
        notes = joined(
            element("div", note, _WARNING if note.startswith("!") else _SOFT) for note in self._notes()
        )
        words = f"{len(self.entries)} captured from the notebook" if self.entries else "what it uses"
        opened = " open" if self.warnings else ""
        return (
            f'<details{opened} style="font-size:13px"><summary style="cursor:pointer">{words}</summary>'
            f"{captured}{notes}</details>"
            if self.entries or self.imports or self.warnings
            else ""
        )


def _why(item: Captured) -> str:
    return f"used by {'; '.join(item.used_by)}" if item.used_by else ""
