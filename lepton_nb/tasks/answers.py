"""Model outputs as JSON answers: the reading half of a codec, in numpy."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from lepton_nb.signature import Signature
from lepton_nb.tasks.base import AnswerKind, Arrays, InputError, Prediction
from lepton_nb.tasks.bodies import item_schema

ALL_SCORES_UP_TO = 10
"""With more classes than this, an answer lists only the most likely `TOP_SCORES`."""
TOP_SCORES = 5


class Answers(ABC):
    """Turns the outputs of a model into one kind of answers.

    Attributes:
        kind: How such an answer is drawn.
    """

    kind: ClassVar[AnswerKind]

    def __init__(self, signature: Signature) -> None:
        self.signature = signature

    @abstractmethod
    def encode(self, outputs: Arrays) -> Sequence[Prediction]:
        """One answer per item of the outputs.

        Raises:
            InputError: With the item's index, where the model's output for it is not finite.
        """

    @abstractmethod
    def schema(self) -> dict[str, Any]:
        """JSON schema of one answer."""

    def scores(self, output: np.ndarray) -> np.ndarray:  # noqa: ARG002
        """The probability of each class or label ``(N, C)``, where there are any."""
        raise InputError("this model has no classes")


class ClassAnswers(Answers):
    """Logits ``(N, C)`` as the most likely class and the probabilities."""

    kind: ClassVar[AnswerKind] = "classes"

    def scores(self, output: np.ndarray) -> np.ndarray:
        return softmax(output)

    def encode(self, outputs: Arrays) -> list[dict[str, Any]]:
        scores = self.scores(finite(outputs[0]))
        names = self.signature.class_names
        shown = scores.shape[1] if scores.shape[1] <= ALL_SCORES_UP_TO else TOP_SCORES
        order = np.argsort(-scores, axis=1, kind="stable")[:, :shown]
        ranked = np.take_along_axis(scores, order, axis=1).tolist()
        return [
            {
                "label": names[indices[0]],
                "index": indices[0],
                "score": values[0],
                "scores": {names[i]: value for i, value in zip(indices, values, strict=True)},
            }
            for indices, values in zip(order.tolist(), ranked, strict=True)
        ]

    def schema(self) -> dict[str, Any]:
        names = list(self.signature.class_names)
        probability = {"type": "number", "minimum": 0, "maximum": 1}
        return {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": {
                "label": {"enum": names, "description": "the most likely class"},
                "index": {"type": "integer", "minimum": 0, "maximum": len(names) - 1},
                "score": {**probability, "description": "the probability of the label"},
                "scores": {
                    "type": "object",
                    "propertyNames": {"enum": names},
                    "additionalProperties": probability,
                    "description": "the most likely classes with their probabilities, best first",
                },
            },
            "required": ["label", "index", "score", "scores"],
            "additionalProperties": False,
        }


class ValueAnswers(Answers):
    """Standardised values ``(N, T)`` in the unit of the target; one number where T is 1, else a list."""

    kind: ClassVar[AnswerKind] = "value"

    def encode(self, outputs: Arrays) -> list[dict[str, Any]]:
        values = unstandardise(finite(outputs[0]), self.signature)
        name = str(self.signature.target.get("name", "value"))
        items = values.reshape(len(values), -1).tolist()
        return [{"name": name, "value": item[0] if len(item) == 1 else item} for item in items]

    def schema(self) -> dict[str, Any]:
        count = self.signature.num_outputs
        number = {"type": "number"}
        several = {"type": "array", "items": number, "minItems": count, "maxItems": count}
        return {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": {
                "name": {"const": str(self.signature.target.get("name", "value"))},
                "value": number if count == 1 else several,
            },
            "required": ["name", "value"],
            "additionalProperties": False,
        }


class RawAnswers(Answers):
    """Outputs as they are: ``{"outputs": nested list}``, of several ``{"outputs": {name: nested list}}``."""

    kind: ClassVar[AnswerKind] = "json"

    def encode(self, outputs: Arrays) -> list[dict[str, Any]]:
        lists = [finite(output).tolist() for output in outputs]
        if len(lists) == 1:
            return [{"outputs": item} for item in lists[0]]
        names = [spec.name for spec in self.signature.outputs]
        return [{"outputs": dict(zip(names, item, strict=True))} for item in zip(*lists, strict=True)]

    def schema(self) -> dict[str, Any]:
        schemas = {spec.name: item_schema(spec) for spec in self.signature.outputs}
        several = {"type": "object", "properties": schemas, "required": list(schemas)}
        return {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": {"outputs": several if len(schemas) > 1 else next(iter(schemas.values()))},
            "required": ["outputs"],
            "additionalProperties": False,
        }


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities ``(N, C)`` of logits ``(N, C)``."""
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    total: np.ndarray = exponentials / exponentials.sum(axis=1, keepdims=True)
    return total


def unstandardise(values: np.ndarray, signature: Signature) -> np.ndarray:
    """Values ``(N, T)`` of a standardised target in its own unit, as float64."""
    mean = np.asarray(signature.target.get("mean", 0.0), dtype=np.float64)
    std = np.asarray(signature.target.get("std", 1.0), dtype=np.float64)
    own: np.ndarray = values.astype(np.float64) * std + mean
    return own


def finite(output: np.ndarray) -> np.ndarray:
    """The output ``(N, ...)`` itself.

    Raises:
        InputError: With the item's index, where one is not finite.
    """
    right = np.isfinite(output).reshape(len(output), -1).all(axis=1)
    if not right.all():
        raise InputError("the model gives no finite output for this input", int(np.argmin(right)))
    return output
