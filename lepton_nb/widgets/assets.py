"""The scripts and style sheets of the panels: plain files, joined, because a widget has one of each."""

from __future__ import annotations

from pathlib import Path

from lepton_nb.runs.states import javascript

_HERE = Path(__file__).parent


def joined(*names: str) -> str:
    """The text of those files of this folder as one; in front of a script the states of a run."""
    lists = [javascript()] if names[0].endswith(".js") else []
    return "\n".join([*lists, *((_HERE / name).read_text("utf-8") for name in names)])
