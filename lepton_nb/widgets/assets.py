"""The scripts and style sheets of the panels: plain files, joined, because a widget has one of each."""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).parent


def joined(*names: str) -> str:
    """The text of those files of this folder, one after the other."""
    return "\n".join((_HERE / name).read_text("utf-8") for name in names)
