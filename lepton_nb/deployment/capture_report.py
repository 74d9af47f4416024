"""What goes along with the functions of a service, for a terminal and for a notebook."""

from __future__ import annotations

import html
from dataclasses import dataclass

from lepton_nb.show.numbers import size

_SOFT, _WARNING = "opacity:.65", "color:#b7791f"


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
        if not (self.entries or self.imports):
            return "It takes nothing else from the notebook."
        rows = [(item.name, item.kind, size(item.size), _why(item), item.where) for item in self.entries]
        widths = [max((len(row[i]) for row in rows), default=0) for i in range(5)]
        lines = [
            "  " + "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows
        ]
        head = ["It takes along from the notebook:"] if rows else []
        return "\n".join([*head, *lines, *self._notes()])

    def _notes(self) -> list[str]:
        notes = [f"It imports {', '.join(self.imports)}."] if self.imports else []
        if self.requirements:
            notes.append(f"Its requirements: {', '.join(self.requirements)}.")
        return [*notes, *(f"! {warning}." for warning in self.warnings)]

    def _repr_html_(self) -> str:
        style = "text-align:left;padding:2px 16px 2px 0;vertical-align:top"
        soft = f"{style};opacity:.65"
        rows = "".join(
            f'<tr><td style="{style}"><code>{html.escape(item.name)}</code></td>'
            f'<td style="{style}">{html.escape(item.kind)}</td>'
            f'<td style="{style};text-align:right">{size(item.size)}</td>'
            f'<td style="{soft}">{html.escape(_why(item))}</td>'
            f'<td style="{soft}">{html.escape(item.where)}</td></tr>'
            for item in self.entries
        )
        table = (
            '<table style="color:inherit;background:transparent;border-collapse:collapse;font-size:12px">'
            f"{rows}</table>"
            if rows
            else ""
        )
        notes = "".join(
            f'<div style="{_WARNING if note.startswith("!") else _SOFT}">{html.escape(note)}</div>'
            for note in self._notes()
        )
        words = f"{len(self.entries)} captured from the notebook" if self.entries else "imports"
        opened = " open" if self.warnings else ""
        return (
            f'<details{opened} style="font-size:13px"><summary style="cursor:pointer">{words}</summary>'
            f"{table}{notes}</details>"
            if self.entries or self.imports
            else ""
        )


def _why(item: Captured) -> str:
    return f"used by {'; '.join(item.used_by)}" if item.used_by else ""
