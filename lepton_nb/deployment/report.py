"""What `doctor` found, for a terminal and for a notebook."""

from __future__ import annotations

import html
from dataclasses import dataclass, field
from typing import Literal

Level = Literal["ok", "mended", "warning", "problem"]

_SYMBOLS: dict[Level, str] = {"ok": "✓", "mended": "✎", "warning": "!", "problem": "✗"}
# Readable on white and on black alike.
_COLOURS: dict[Level, str] = {
    "ok": "#2b9348",
    "mended": "#2f81f7",
    "warning": "#b7791f",
    "problem": "#e5484d",
}


@dataclass(frozen=True)
class Finding:
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

    findings: list[Finding] = field(default_factory=list)

    def add(self, level: Level, topic: str, text: str, hint: str = "") -> None:
        self.findings.append(Finding(level, topic, text, hint))

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
        style = "text-align:left;vertical-align:top;padding:3px 12px 3px 0"
        first = f"{style};white-space:nowrap"
        rows = "".join(
            f'<tr><td style="{first};color:{_COLOURS[item.level]}">{_SYMBOLS[item.level]} {item.level}</td>'
            f'<td style="{style};opacity:.65">{html.escape(item.topic)}</td>'
            f'<td style="{style}">{html.escape(item.text)}'
            + (f'<br><span style="opacity:.65">→ {html.escape(item.hint)}</span>' if item.hint else "")
            + "</td></tr>"
            for item in self.findings
        )
        return (
            '<table style="color:inherit;background:transparent;border-collapse:collapse;font-size:13px">'
            f"{rows}</table>"
        )
