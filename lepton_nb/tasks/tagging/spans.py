"""Tags of words as spans: ``B-PER I-PER O`` is one person of two words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

OUTSIDE = "O"


class Span(NamedTuple):
    """Words from `start` up to, but not with, `end`."""

    start: int
    end: int
    label: str


def spans_of(tags: Sequence[str]) -> list[Span]:
    """The spans of tags in the BIO scheme; a tag without ``B-`` or ``I-`` is a span of one word.

    An ``I-`` that goes on with nothing begins a span, as in CoNLL's own evaluation.

    >>> spans_of(["B-PER", "I-PER", "O", "B-LOC"])
    [Span(start=0, end=2, label='PER'), Span(start=3, end=4, label='LOC')]
    """
    found: list[Span] = []
    for place, tag in enumerate(tags):
        scheme, dash, label = tag.partition("-")
        label = label if dash and scheme in ("B", "I") else tag
        last = found[-1] if found else None
        if tag == OUTSIDE:
            continue
        if scheme == "I" and dash and last is not None and last.end == place and last.label == label:
            found[-1] = last._replace(end=place + 1)
        else:
            found.append(Span(place, place + 1, label))
    return found


def continued(tag: str) -> str:
    """The tag of a further piece of a word that has this one."""
    return f"I-{tag[2:]}" if tag.startswith("B-") else tag
