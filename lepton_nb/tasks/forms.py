"""How a person gives an input and reads an answer: what every page, panel and line of code follows from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Widget = Literal["image", "text", "table", "json", "audio", "ids"]
AnswerKind = Literal["classes", "value", "labels", "boxes", "text", "json", "media"]


@dataclass(frozen=True)
class Media:
    """An answer that is a file: sent as it is where the client asks for its type, in base64 within JSON."""

    content: bytes
    type: str


Prediction = dict[str, Any] | Media
"""The answer to one item: ready for JSON, or a file."""


@dataclass(frozen=True)
class Form:
    """How a person gives an input and reads an answer: page, panel, curl line and lab follow from it.

    Nothing else in the house asks which kind an input is.

    Attributes:
        widget: The field that takes an input; it is JSON wherever a page does not know the widget.
        key: The JSON key of one item; its plural takes a list of them.
        media_types: Bodies beside JSON.
        requirements: Distributions that the codec needs where it serves.
        answer: How an answer is drawn.
    """

    widget: Widget
    key: str
    media_types: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    answer: AnswerKind = "json"

    @property
    def plural(self) -> str:
        """The JSON key of a list of items."""
        return self.key if self.key.endswith("s") else f"{self.key}s"

    @property
    def file(self) -> str:
        """The name of a file that could be an item; empty where an item is none."""
        return {"image": "picture.png", "audio": "sound.wav"}.get(self.widget, "")

    @property
    def sample(self) -> str:
        """An item as a word on a line of ``%lepton predict``, to be written over."""
        return self.file or {"text": '"a sentence"', "table": '{"column": 1}'}.get(self.widget, "INPUT")
