"""What `doctor` found, for a terminal and for a notebook."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from lepton_nb.show.colours import COLOURS, Kind
from lepton_nb.show.html import coloured, joined, quiet, table

Level = Literal["ok", "mended", "warning", "problem"]

_SYMBOLS: dict[Level, str] = {"ok": "✓", "mended": "✎", "warning": "!", "problem": "✗"}
_KINDS: dict[Level, Kind] = {"ok": "good", "mended": "live", "warning": "waiting", "problem": "bad"}


@dataclass(frozen=True)
class Remark:
    """One thing that was looked at.

    Attributes:
        hint: What to do about it; empty where there is nothing to do.
    """

    level: Level
    topic: str
    text: str
    hint: str = ""


@dataclass
class Report:
    """The findings of one examination."""

    findings: list[Remark] = field(default_factory=list)

    def add(self, level: Level, topic: str, text: str, hint: str = "") -> None:
        self.findings.append(Remark(level, topic, text, hint))

    @property
    def ok(self) -> bool:
        """Whether nothing is left to be mended."""
        return not any(finding.level == "problem" for finding in self.findings)

    def __repr__(self) -> str:
        lines = []
        for finding in self.findings:
            lines.append(f"{_SYMBOLS[finding.level]} {finding.topic}: {finding.text}")
            if finding.hint:
                lines.append(f"    → {finding.hint}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = [
            (
                coloured(f"{_SYMBOLS[item.level]} {item.level}", COLOURS[_KINDS[item.level]]),
                quiet(item.topic),
                joined([item.text, *([quiet(f"→ {item.hint}", "div")] if item.hint else [])]),
            )
            for item in self.findings
        ]
        return table((), rows)
