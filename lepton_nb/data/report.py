"""What is in a data set and what was cleaned, to read in a terminal or a notebook."""

from __future__ import annotations

from dataclasses import dataclass, field

from lepton_nb.signature import Signature


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


@dataclass
class DataReport:
    """Counts, signature and findings of a `DataBundle`.

    Attributes:
        name: The data set's name.
        source: Where it came from.
        counts: For each split, the number of items of each class; of the single entry ``""`` where there
            are no classes.
        signature: What the model takes and gives.
        findings: What was decided, cleaned or is worth a warning.
    """

    name: str
    source: str
    counts: dict[str, dict[str, int]]
    signature: Signature
    findings: list[Finding] = field(default_factory=list)

    @property
    def sizes(self) -> dict[str, int]:
        return {split: sum(by_class.values()) for split, by_class in self.counts.items()}

    def __str__(self) -> str:
        lines = [f"{self.name}: {self.signature.task}, from {self.source}"]
        lines += [f"  {split}: {size:,}" for split, size in self.sizes.items()]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return f"<pre>{self}</pre>"
