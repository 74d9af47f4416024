"""Answers to one label and to several, with probabilities."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from lepton_nb.tasks.answers import Answers, finite
from lepton_nb.tasks.base import AnswerKind, Arrays
from lepton_nb.tasks.labels.reading import decisions, probabilities, thresholds

_PROBABILITY = {"type": "number", "minimum": 0, "maximum": 1}
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
ALL_UP_TO = 100
"""With more labels than this, an answer holds those over their threshold and the `MOST_LIKELY`."""
MOST_LIKELY = 10


class BinaryAnswers(Answers):
    """One logit an item: which of two classes it is, and how likely the second, the positive one, is."""

    kind: ClassVar[AnswerKind] = "classes"

    def encode(self, outputs: Arrays) -> list[dict[str, Any]]:
        scores, said = decisions(finite(outputs[0]), self.signature)
        names = self.signature.class_names
        return [
            {
                "label": names[index],
                "index": index,
                "score": score,
                "scores": {names[0]: 1.0 - score, names[1]: score},
            }
            for index, score in zip(said[:, 0].astype(int).tolist(), scores[:, 0].tolist(), strict=True)
        ]

    def scores(self, output: np.ndarray) -> np.ndarray:
        positive = probabilities(output, self.signature)
        return np.concatenate([1.0 - positive, positive], axis=1)

    def schema(self) -> dict[str, Any]:
        names = list(self.signature.class_names)
        least = thresholds(self.signature)[0]
        properties = {
            "label": {"enum": names, "description": f"{names[1]!r} where its score is {least:g} or more"},
            "index": {"type": "integer", "minimum": 0, "maximum": 1},
            "score": {**_PROBABILITY, "description": f"the probability of {names[1]!r}"},
            "scores": {
                "type": "object",
                "properties": dict.fromkeys(names, _PROBABILITY),
                "required": names,
                "additionalProperties": False,
                "description": "both classes with their probabilities",
            },
        }
        return _object(properties)


class LabelAnswers(Answers):
    """Several logits an item: the labels that hold of it, and how likely each is."""

    kind: ClassVar[AnswerKind] = "labels"

    def encode(self, outputs: Arrays) -> list[dict[str, Any]]:
        scores, said = decisions(finite(outputs[0]), self.signature)
        names = self.signature.class_names
        order = np.argsort(-scores, axis=1, kind="stable")
        answers = []
        for row, held, ranked in zip(scores.tolist(), said.tolist(), order.tolist(), strict=True):
            shown = ranked
            if len(names) > ALL_UP_TO:
                shown = [i for place, i in enumerate(ranked) if held[i] or place < MOST_LIKELY]
            labels = [names[i] for i in ranked if held[i]]
            answers.append({"labels": labels, "scores": {names[i]: row[i] for i in shown}})
        return answers

    def scores(self, output: np.ndarray) -> np.ndarray:
        return probabilities(output, self.signature)

    def schema(self) -> dict[str, Any]:
        names = list(self.signature.class_names)
        least = ", ".join(
            f"{name} {value:g}" for name, value in zip(names, thresholds(self.signature), strict=True)
        )
        properties = {
            "labels": {
                "type": "array",
                "items": {"enum": names},
                "uniqueItems": True,
                "description": f"the labels whose score reaches their threshold, likeliest first: {least}",
            },
            "scores": {
                "type": "object",
                "propertyNames": {"enum": names},
                "additionalProperties": _PROBABILITY,
                "description": "labels with their probabilities, likeliest first; they need not sum to 1",
            },
        }
        return _object(properties)


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "$schema": _DIALECT,
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
