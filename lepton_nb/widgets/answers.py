"""The answers of `%lepton predict`, as a person reads them."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from typing import Any

from lepton_nb.show.html import bold, element, table
from lepton_nb.show.numbers import figure
from lepton_nb.tasks.base import Media, Prediction

Answer = dict[str, Any]

_SHOWN_SCORES = 5
_SHOWN_ANSWERS = 20


class AnswerView:
    """A list of answers, shown as text or as small tables.

    Args:
        answers: What `lepton_nb.predict` returned.
        doubts: What of the input is unlike everything that the model was trained on.
    """

    def __init__(self, answers: Sequence[Prediction], doubts: Sequence[str] = ()) -> None:
        self._answers = answers
        self._doubts = doubts

    def __repr__(self) -> str:
        lines = [_line(answer) for answer in self._answers[:_SHOWN_ANSWERS]]
        return "\n".join([*lines, *self._rest()])

    def _repr_html_(self) -> str:
        shown = [_table(answer) for answer in self._answers[:_SHOWN_ANSWERS]]
        return "".join(shown) + "".join(f"<p>{escape(text)}</p>" for text in self._rest())

    def _repr_pretty_(self, printer: Any, _: bool) -> None:
        printer.text(repr(self))

    def _rest(self) -> list[str]:
        more = len(self._answers) - _SHOWN_ANSWERS
        notes = [f"Note: {doubt}" for doubt in self._doubts]
        return [f"… and {more:,} more", *notes] if more > 0 else notes


def _ranked(answer: Answer) -> list[tuple[str, float]]:
    scores: dict[str, float] = answer.get("scores") or {}
    return sorted(scores.items(), key=lambda item: -item[1])[:_SHOWN_SCORES]


def _line(answer: Prediction) -> str:
    if isinstance(answer, Media):
        return f"{answer.type}, {len(answer.content):,} bytes"
    ranked = _ranked(answer)
    if not ranked:
        return "  ".join(f"{name}: {_text(value)}" for name, value in answer.items())
    scores = " · ".join(f"{name} {_percent(score)}" for name, score in ranked)
    if "labels" not in answer and answer.get("label") in (None, ranked[0][0]):
        return scores
    return f"{_title(answer)}  ({scores})"  # a threshold, not the likeliest alone, decided


def _table(answer: Prediction) -> str:
    if isinstance(answer, Media):
        return _media(answer)
    ranked = _ranked(answer)
    if not ranked:
        return table((), [(name, bold(_text(value))) for name, value in answer.items()])
    scores = table((), [(name, _percent(score)) for name, score in ranked], right=(1,))
    return element("div", bold(_title(answer)), "font-size:130%") + scores


def _title(answer: Answer) -> str:
    """The class; or of several labels those that are given."""
    if "labels" in answer:
        return ", ".join(answer["labels"]) or "no label"
    return str(answer.get("label", ""))


def _media(answer: Media) -> str:
    """The file itself, as a browser shows it."""
    url = f"data:{escape(answer.type)};base64,{base64.b64encode(answer.content).decode()}"
    if answer.type.startswith("image/"):
        return f'<img alt="the picture that came back" src="{url}">'
    if answer.type.startswith("audio/"):
        return f'<audio controls src="{url}"></audio>'
    return f'<a download="answer" href="{url}">Save {len(answer.content):,} bytes</a>'


def _percent(score: float) -> str:
    return f"{100 * score:.1f} %"


def _text(value: Any) -> str:
    return figure(value) if isinstance(value, float) else str(value)
