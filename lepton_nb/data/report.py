"""What is in a data set and what was cleaned, to read in a terminal or a notebook."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any, Protocol

from lepton_nb.show.html import table
from lepton_nb.show.words import columns
from lepton_nb.signature import Signature

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN_CLASSES = 20  # with more, the largest and the smallest are listed
ENDS = 8  # how many of the largest, and of the smallest


@dataclass(frozen=True)
class Finding:
    """One thing worth knowing about the data.

    Attributes:
        text: What was found and what was done about it.
        examples: The first files or rows concerned.
        warning: Whether it can spoil a result.
    """

    text: str
    examples: tuple[str, ...] = ()
    warning: bool = False


class Preview(Protocol):
    """A few items of the training split."""

    def text(self) -> str:
        """For a terminal; empty where words cannot show it."""

    def html(self) -> str:
        """For a notebook, without scripts, style sheets or colours of its own."""

    def figure(self) -> Figure | None:
        """As a picture, where it is one."""


@dataclass
class DataReport:
    """Counts, signature and findings of a `DataBundle`.

    Attributes:
        name: The data set's name.
        source: Where it came from.
        counts: For each split, the number of items of each class; of the single entry ``""`` where there
            are no classes, or where only reading the data would tell.
        signature: What the model takes and gives.
        findings: What was decided, cleaned or is worth a warning.
        preview: A few items.
        items: The number of items of each split, where the counts are of what is in them.
        noun: What an item is called.
    """

    name: str
    source: str
    counts: dict[str, dict[str, int]]
    signature: Signature
    findings: list[Finding] = field(default_factory=list)
    preview: Preview | None = None
    items: dict[str, int] | None = None
    noun: str = "item"

    @property
    def sizes(self) -> dict[str, int]:
        """Items of each split."""
        if self.items is not None:
            return self.items
        return {split: sum(by_class.values()) for split, by_class in self.counts.items()}

    @property
    def warnings(self) -> list[str]:
        return [finding.text for finding in self.findings if finding.warning]

    def figure(self) -> Figure | None:
        """The grid of sample pictures; None where the data has none."""
        return self.preview.figure() if self.preview is not None else None

    def __str__(self) -> str:
        rows = self._table()
        lines = [f"{self.name} · {self.signature.task} · {self.source}", ""]
        lines += [f"  {line}" for line in columns(rows, right=range(1, len(rows[0])))]
        lines += ["", *(f"  {label}: {value}" for label, value in self._facts())]
        for finding in self._by_weight():
            lines.append(f"  {'!' if finding.warning else '-'} {finding.text}")
            lines += [f"      {example}" for example in finding.examples]
        sample = self.preview.text() if self.preview is not None else ""
        return "\n".join([*lines, *(["", sample] if sample else [])])

    def _repr_html_(self) -> str:
        head, *rows = self._table()
        counts = table(head, rows, right=range(1, len(head)))
        facts = "<br>".join(f"{escape(label)}: {escape(value)}" for label, value in self._facts())
        findings = "".join(f"<li>{_finding_html(finding)}</li>" for finding in self._by_weight())
        sample = self.preview.html() if self.preview is not None else ""
        return (
            f"<div><p><b>{escape(self.name)}</b> · {escape(self.signature.task)} · {escape(self.source)}</p>"
            f"{counts}<p>{facts}</p>"
            f"{f'<ul>{findings}</ul>' if findings else ''}{sample}</div>"
        )

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/plain": str(self), "text/html": self._repr_html_()}

    def _by_weight(self) -> list[Finding]:
        return sorted(self.findings, key=lambda finding: not finding.warning)

    def _table(self) -> list[list[str]]:
        """Header, one line a class, and the sum."""
        splits = list(self.counts)
        has_classes = all("" not in by_class for by_class in self.counts.values())
        rows = [["class" if has_classes else "", *splits]]
        if has_classes:
            names = list(dict.fromkeys(name for by_class in self.counts.values() for name in by_class))
            for name in _shown(names, self.counts[splits[0]]):
                counts = [f"{by_class.get(name, 0):,}" if name else "…" for by_class in self.counts.values()]
                rows.append([name or f"… {len(names) - 2 * ENDS} more", *counts])
        label = f"{self.noun}s" if self.items is not None or not has_classes else "all"
        return [*rows, [label, *(f"{size:,}" for size in self.sizes.values())]]

    def _facts(self) -> list[tuple[str, str]]:
        signature = self.signature
        facts = [
            ("model takes", ", ".join(map(str, signature.inputs))),
            ("model gives", str(signature.output)),
        ]
        settings = signature.preprocessing
        if "mode" in settings:
            size = f"{settings['mode']} {settings['size'][0]}×{settings['size'][1]}"
            numbers = f"mean {_short(settings['mean'])}, std {_short(settings['std'])}"
            facts.append(("pictures", f"{size}, {numbers} (pixels 0..1)"))
        elif settings["kind"] == "text":
            facts.append(("texts", f"cut and padded to {settings['max_length']} tokens"))
        elif settings["kind"] == "tensor":
            facts.append(("inputs", "tensors as they are; a service of this data takes tensors too"))
        if "std" in signature.target:
            target = signature.target
            scale = (
                f", mean {_short(target['mean'])}, std {_short(target['std'])} (standardised for the model)"
            )
            facts.append(("target", f"{target['name']}{'' if target['std'] == 1.0 else scale}"))
        return facts


def _short(numbers: Any) -> str:
    values = numbers if isinstance(numbers, list | tuple) else [numbers]
    return ", ".join(f"{value:.4g}" for value in values)


def _shown(names: list[str], counts: dict[str, int]) -> list[str]:
    """All class names, or the largest and the smallest with an empty name between them."""
    if len(names) <= SHOWN_CLASSES:
        return names
    by_size = sorted(names, key=lambda name: -counts.get(name, 0))
    return [*by_size[:ENDS], "", *by_size[-ENDS:]]


def _finding_html(finding: Finding) -> str:
    text = ("⚠ " if finding.warning else "") + escape(finding.text)
    if finding.examples:
        text += "<br>" + "<br>".join(f"<code>{escape(example)}</code>" for example in finding.examples)
    return text
