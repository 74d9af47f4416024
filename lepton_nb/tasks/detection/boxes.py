"""Boxes as arrays ``(N, 4)`` of left, top, right, bottom in pixels: overlap, suppression, padding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

NOTHING = -1
"""The label of a row that only fills up a batch."""
CANDIDATES = 100  # boxes a picture: what COCO's measure takes, too
LEAST_SCORE = 0.05  # below it a candidate is noise that costs time
_ROUNDING = 1e-3  # of a score
_UNLIKELY = 0.1  # below it a box may fall to either side of a limit by rounding
OVERLAP = 0.5  # of two boxes of a class that are taken for the same object


class Found(NamedTuple):
    """Objects of N pictures, best first, filled up with label `NOTHING`.

    Attributes:
        boxes: float32 ``(N, K, 4)``.
        scores: float32 ``(N, K)``.
        labels: int64 ``(N, K)``.
    """

    boxes: np.ndarray
    scores: np.ndarray
    labels: np.ndarray


def areas(boxes: np.ndarray) -> np.ndarray:
    """``(N, 4)`` to ``(N,)``; zero where a side is not positive."""
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 0)
    product: np.ndarray = sides[:, 0] * sides[:, 1]
    return product


def overlaps(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Intersection over union of each pair: ``(N, 4)``, ``(M, 4)`` to ``(N, M)``."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    sides = np.maximum(high - low, 0)
    shared = sides[..., 0] * sides[..., 1]
    union = areas(first)[:, None] + areas(second)[None] - shared
    ratio: np.ndarray = shared / np.maximum(union, 1e-9)
    return ratio


def suppress(
    boxes: np.ndarray, scores: np.ndarray, labels: np.ndarray, overlap: float = OVERLAP
) -> np.ndarray:
    """Which boxes stay, best first: those that overlap no better one of their class by more than that."""
    order = np.argsort(-scores, kind="stable")
    boxes, labels = boxes[order], labels[order]
    same = (overlaps(boxes, boxes) > overlap) & (labels[:, None] == labels[None])
    stays = np.ones(len(order), dtype=bool)
    for i in range(len(order)):
        if stays[i]:
            stays[i + 1 :] &= ~same[i, i + 1 :]
    return order[stays]


def select(boxes: np.ndarray, scores: np.ndarray, labels: np.ndarray) -> Found:
    """The objects among the candidates ``(N, K, …)`` of a model."""
    count, most = scores.shape
    found = empty(count, most)
    for i in range(count):
        likely = np.flatnonzero((scores[i] >= LEAST_SCORE) & (labels[i] != NOTHING))
        kept = likely[suppress(boxes[i, likely], scores[i, likely], labels[i, likely])]
        for to, given in zip(found, (boxes, scores, labels), strict=True):
            to[i, : len(kept)] = given[i, kept]
    return found


def empty(count: int, most: int) -> Found:
    """Room for `most` objects in each of `count` pictures, without any."""
    return Found(
        np.zeros((count, most, 4), np.float32),
        np.zeros((count, most), np.float32),
        np.full((count, most), NOTHING, np.int64),
    )


def shown_size(given: Sequence[int], size: Sequence[int], fit: str) -> tuple[int, int]:
    """Height and width that a picture has within the model's input, from its top left corner on.

    Args:
        given: Height and width of the picture.
        size: Those of the input.
        fit: ``stretch`` to fill it, or ``pad`` to keep the picture's shape.
    """
    if fit == "stretch":
        return int(size[0]), int(size[1])
    scale = min(size[0] / given[0], size[1] / given[1])
    return max(1, round(given[0] * scale)), max(1, round(given[1] * scale))


def scale_to_input(given: Sequence[int], size: Sequence[int], fit: str) -> np.ndarray:
    """The factors ``(4,)`` that take boxes of a picture to boxes of the model's input."""
    height, width = shown_size(given, size, fit)
    x, y = width / given[1], height / given[0]
    return np.array([x, y, x, y])


def clipped(boxes: np.ndarray, given: Sequence[float]) -> np.ndarray:
    """Boxes ``(N, 4)`` within a picture of that height and width."""
    limit = np.array([given[1], given[0], given[1], given[0]])
    inside: np.ndarray = np.clip(boxes, 0, limit)
    return inside


def counted(labels: np.ndarray, class_names: Sequence[str]) -> str:
    """``12 RBC, 1 WBC``; ``nothing`` where there is none."""
    by_class = np.bincount(labels, minlength=len(class_names))
    named = zip(class_names, by_class, strict=True)
    return ", ".join(f"{count} {name}" for name, count in named if count) or "nothing"


def aligned(expected: Found, answered: Found) -> Found:
    """The boxes of `answered` in the places of the same ones of `expected`: equal scores come in any order.

    What is too unlikely to be taken for an object, or about to be left out for the number of candidates, is
    left as expected; anything else stays where it does not fit, and so differs.
    """
    if any(one.shape != other.shape for one, other in zip(expected, answered, strict=True)):
        return answered
    placed = Found(*(part.copy() for part in expected))
    for i in range(len(expected.scores)):
        least = max(_UNLIKELY, float(expected.scores[i].min()) + _ROUNDING)
        likely = [
            np.flatnonzero((f.scores[i] > least) & (f.labels[i] != NOTHING)) for f in (expected, answered)
        ]
        shared = overlaps(expected.boxes[i][likely[0]], answered.boxes[i][likely[1]])
        shared *= expected.labels[i][likely[0]][:, None] == answered.labels[i][likely[1]][None]
        if shared.shape[0] != shared.shape[1]:
            return answered
        for row, place in enumerate(likely[0]):
            best = int(shared[row].argmax())
            shared[:, best] = -1
            for to, given in zip(placed, answered, strict=True):
                to[i, place] = given[i, likely[1][best]]
    return placed
