"""Tags and notes of runs: what a person wants to find a run by, later."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from lepton_nb.errors import ArgumentError

if TYPE_CHECKING:
    from lepton_nb.runs.run import Run


def parse_tags(texts: Iterable[str]) -> dict[str, str]:
    """``["baseline", "team=vision"]`` as ``{"baseline": "", "team": "vision"}``.

    Raises:
        ArgumentError: If one has no name.
    """
    tags = {}
    for text in texts:
        name, _, value = text.partition("=")
        if not name.strip():
            raise ArgumentError(f"The tag {text!r} has no name.", "For example baseline, or team=vision")
        tags[name.strip()] = value.strip()
    return tags


def has_tags(run: Run, wanted: Mapping[str, str]) -> bool:
    """Whether the run has every tag, with that value where one is given."""
    return all(name in run.tags and value in ("", run.tags[name]) for name, value in wanted.items())


def tags_text(tags: Mapping[str, str]) -> str:
    """``baseline, team=vision``."""
    return ", ".join(f"{name}={value}" if value else name for name, value in tags.items())
