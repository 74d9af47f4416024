"""Pictures in, boxes in their own pixels out. Numpy and Pillow alone: the serving process imports this."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from lepton_nb.signature import Signature, TensorSpec
from lepton_nb.tasks.answers import Answers
from lepton_nb.tasks.arrays import to_batch
from lepton_nb.tasks.base import AnswerKind, Arrays, Form, Graphs, InputError
from lepton_nb.tasks.detection.boxes import (
    NOTHING,
    Found,
    aligned_candidates,
    aligned_objects,
    clipped,
    scale_to_input,
    select,
)
from lepton_nb.tasks.images import Fit, ImageCodec, load_image, normalise, open_header, upright_size
from lepton_nb.tasks.thresholds import thresholds_of

SIZE = TensorSpec("size", "float32", (2,))
"""Height and width of the picture itself travel beside it: boxes are answered in its pixels."""
PROPOSALS, OBJECTS = "proposals", "objects"
"""The graphs of a detector of two stages."""
USUAL = 0.3
"""Boxes of a lower score are measured in an evaluation, but not answered, where no threshold was chosen."""


def is_sure(scores: np.ndarray, labels: np.ndarray, signature: Signature) -> np.ndarray:
    """Which boxes are answered: those of the score of their class's threshold or more; bool like `scores`."""
    sure: np.ndarray = (labels != NOTHING) & (scores >= thresholds_of(signature, USUAL)[labels])
    return sure


class BoxAnswers(Answers):
    """Boxes, scores and labels as ``{"boxes": [{"label", "score", "box"}]}``, best first."""

    kind: ClassVar[AnswerKind] = "boxes"

    def encode(self, outputs: Arrays) -> list[dict[str, Any]]:
        return [{"boxes": self._boxes(*item)} for item in zip(*outputs, strict=True)]

    def _boxes(self, boxes: np.ndarray, scores: np.ndarray, labels: np.ndarray) -> list[dict[str, Any]]:
        names = self.signature.class_names
        sure = is_sure(scores, labels, self.signature)
        tenths = boxes[sure].astype(np.float64).round(1)  # of float32, a tenth has many digits
        rows = zip(labels[sure].tolist(), scores[sure].tolist(), tenths.tolist(), strict=True)
        return [{"label": names[label], "score": score, "box": box} for label, score, box in rows]

    def schema(self) -> dict[str, Any]:
        number = {"type": "number"}
        box = {
            "type": "object",
            "properties": {
                "label": {"enum": list(self.signature.class_names), "description": "the class of the object"},
                "score": {**number, "minimum": 0, "maximum": 1},
                "box": {
                    "type": "array",
                    "items": number,
                    "minItems": 4,
                    "maxItems": 4,
                    "description": "left, top, right and bottom in pixels of the picture",
                },
            },
            "required": ["label", "score", "box"],
            "additionalProperties": False,
        }
        least = thresholds_of(self.signature, USUAL)
        named = ", ".join(f"{n} {t:.3g}" for n, t in zip(self.signature.class_names, least, strict=True))
        found = f"objects, best first, from a score on of: {named}"
        return {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": {"boxes": {"type": "array", "items": box, "description": found}},
            "required": ["boxes"],
            "additionalProperties": False,
        }


def _candidates(graphs: Graphs, image: np.ndarray) -> Arrays:
    """Those of the last stage: a first one proposes where to look."""
    if PROPOSALS not in graphs:
        return graphs["model"]((image,))
    boxes, scores, labels, limits, *maps = _finite(graphs[PROPOSALS]((image,)))
    proposed = select(boxes, scores, labels, limits)
    most = max(2, int((proposed.labels != NOTHING).sum(axis=1).max(initial=0)))
    return graphs[OBJECTS]((proposed.boxes[:, :most], *maps))


def _finite(candidates: Arrays) -> Arrays:
    finite = [np.isfinite(part).reshape(len(part), -1).all(axis=1) for part in candidates]
    for index in np.flatnonzero(~np.all(finite, axis=0)):
        raise InputError("the model gives no finite output for this input", int(index))
    return candidates


class DetectionCodec(ImageCodec):
    """Takes pictures of any size, as `ImageCodec` does, and remembers the size of each."""

    kind: ClassVar[str] = "boxes"
    form: ClassVar[Form] = replace(ImageCodec.form, answer="boxes")

    def __init__(self, signature: Signature) -> None:
        super().__init__(replace(signature, inputs=(*signature.inputs, SIZE)), BoxAnswers(signature))
        self._fit: Fit = signature.preprocessing["fit"]

    def from_tensors(self, value: Any) -> Arrays:
        """Also pictures alone, as the model takes them: boxes are then in pixels of those."""
        if isinstance(value, Mapping) and SIZE.name in value:
            image, size = super().from_tensors(value)
            if not (size >= 1).all():
                raise InputError("'size' is height and width of the picture in pixels, 1 or more")
            return image, size
        if isinstance(value, Mapping) and set(value) == {"image"}:
            value = value["image"]
        elif isinstance(value, Mapping):
            return super().from_tensors(value)
        image = to_batch(value, self.signature.inputs[0])
        return image, self._own_size(len(image))

    def run(self, graphs: Graphs, inputs: Arrays) -> Arrays:
        """The objects in each picture, in its own pixels."""
        image, *given = inputs
        sizes = given[0] if given else self._own_size(len(image))
        found = select(*_finite(_candidates(graphs, image)))
        for boxes, size in zip(found.boxes, sizes, strict=True):
            boxes[:] = clipped(boxes / scale_to_input(size, self._size, self._fit), size)
        return found

    def aligned(self, expected: Arrays, answered: Arrays) -> Arrays:
        align = aligned_objects if len(expected) == len(Found._fields) else aligned_candidates
        return align(expected, answered)

    def inputs_schema(self) -> dict[str, Any]:
        both = super().inputs_schema()
        return {"anyOf": [*both["properties"]["image"]["anyOf"], both]}

    def _own_size(self, count: int) -> np.ndarray:
        return np.tile(np.array(self._size, np.float32), (count, 1))

    def _batch(self, sources: Sequence[Any]) -> Arrays:
        seen = self._loaded(sources)
        pixels = np.stack([picture for picture, _ in seen])
        return normalise(pixels, self._mean, self._std), np.array([size for _, size in seen], np.float32)

    def _load(self, source: Any) -> Any:
        return load_image(source, "RGB", self._size, fit=self._fit), upright_size(open_header(source))
