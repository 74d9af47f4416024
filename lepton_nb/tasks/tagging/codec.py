"""Text in, spans out, for the service: numpy alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from lepton_nb.signature import Signature, TensorSpec
from lepton_nb.tasks.answers import Answers, finite, softmax
from lepton_nb.tasks.base import AnswerKind, Arrays, Form, Graphs
from lepton_nb.tasks.tagging.spans import Span, spans_of
from lepton_nb.tasks.tagging.words import encode_words, first_tokens
from lepton_nb.tasks.tensors import NPY, TensorCodec
from lepton_nb.tasks.texts import TextCodec


class TagCodec(TextCodec):
    """Takes ``{"text": "..."}``, ``{"texts": [...]}`` and plain text; answers with spans of the text.

    Beside the model's inputs go the places of the words, past the model to the answers. Of tensors that come
    without them every token is a word, and its number the place.
    """

    kind: ClassVar[str] = "tagged"
    form: ClassVar[Form] = Form("text", "text", ("text/plain", NPY), ("tokenizers",))

    def __init__(self, signature: Signature) -> None:
        length = int(signature.preprocessing["max_length"])
        places = TensorSpec("places", "int64", (length, 2))
        seen = replace(signature, inputs=(*signature.inputs, places), further_outputs=(places,))
        super().__init__(seen, SpanAnswers(seen))
        self._taken = len(signature.inputs)
        self._plain = TensorCodec(signature, self.answers)

    def read(self, texts: Sequence[str]) -> Arrays:
        ids, places = encode_words(texts, self.signature.preprocessing)
        mask = (ids != int(self.signature.preprocessing["pad_id"])).astype(np.int64)
        return (ids, mask, places) if self._taken > 1 else (ids, places)

    def from_tensors(self, value: Any) -> Arrays:
        if isinstance(value, Mapping) and "places" in value:
            return super().from_tensors(value)
        ids, *rest = self._plain.from_tensors(value)
        return (self.check(ids), *rest, token_places(ids))

    def inputs_schema(self) -> dict[str, Any]:
        return self._plain.inputs_schema()

    def check(self, batch: np.ndarray) -> np.ndarray:
        return batch if batch.ndim > 2 else super().check(batch)

    def run(self, graphs: Graphs, inputs: Arrays) -> Arrays:
        (logits,) = graphs["model"](inputs[: self._taken])
        return (logits, *inputs[self._taken :])


class SpanAnswers(Answers):
    """Logits ``(N, L, C)`` and places ``(N, L, 2)`` as spans: ``start``, ``end``, ``label`` and ``score``."""

    kind: ClassVar[AnswerKind] = "json"

    def encode(self, outputs: Arrays) -> list[dict[str, Any]]:
        logits = finite(outputs[0])
        places = outputs[1] if len(outputs) > 1 else token_places(logits)
        begins = first_tokens(places)
        return [
            {"spans": self._spans(row[first], place[first])}
            for row, place, first in zip(logits, places, begins, strict=True)
        ]

    def _spans(self, logits: np.ndarray, places: np.ndarray) -> list[dict[str, Any]]:
        scores = softmax(logits)
        tags = [self.signature.class_names[number] for number in logits.argmax(axis=1)]
        return [_answer(span, places, scores) for span in spans_of(tags)]

    def schema(self) -> dict[str, Any]:
        place = {"type": "integer", "minimum": 0}
        names = list(self.signature.class_names)
        properties = {
            "start": {**place, "description": "the first character"},
            "end": {**place, "description": "the character behind the last"},
            "label": {"enum": sorted({span.label for name in names for span in spans_of([name])})},
            "score": {"type": "number", "minimum": 0, "maximum": 1},
        }
        span = {"type": "object", "properties": properties, "required": list(properties)}
        return {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": {"spans": {"type": "array", "items": {**span, "additionalProperties": False}}},
            "required": ["spans"],
            "additionalProperties": False,
        }


def token_places(tokens: np.ndarray) -> np.ndarray:
    """The place of each of ``(N, L, …)`` tokens, as if it were a character: int64 ``(N, L, 2)``."""
    starts = np.arange(tokens.shape[1], dtype=np.int64)
    return np.broadcast_to(np.stack([starts, starts + 1], axis=1), (*tokens.shape[:2], 2)).copy()


def _answer(span: Span, places: np.ndarray, scores: np.ndarray) -> dict[str, Any]:
    """A span in characters, as sure as the least sure of its words."""
    return {
        "start": int(places[span.start, 0]),
        "end": int(places[span.end - 1, 1]),
        "label": span.label,
        "score": float(scores[span.start : span.end].max(axis=1).min()),
    }
