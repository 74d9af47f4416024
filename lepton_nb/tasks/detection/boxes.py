"""Boxes as arrays ``(N, 4)`` of left, top, right, bottom in pixels: overlap, suppression, padding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from lepton_nb.tasks.images import Fit, shown_size

NOTHING = -1
"""The label of a row that only fills up a batch."""
CANDIDATES = 100  # boxes a picture: what COCO's measure takes, too
LEAST_SCORE = 0.05  # below it a candidate is noise that costs time
_ROUNDING = 1e-3  # of a score
_UNLIKELY = 0.1  # below it a box may fall to either side of a limit by rounding
_LEAST_AREA = 0.01  # square pixels
_SAME, _NEAR = 0.95, 0.4  # overlap of one box computed twice, and of one that may stand for another
_MOST_OF = 0.8  # the objects that must be found again: which were looked at may hang on equal scores, too
OVERLAP = 0.5  # of two boxes of a class that are taken for the same object


Arrays = tuple[np.ndarray, ...]


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
    boxes: np.ndarray, scores: np.ndarray, labels: np.ndarray, overlap: float, most: int
) -> np.ndarray:
    """Which boxes stay, best first: those that overlap no better one of their class by more than that.

    Args:
        most: Boxes that stay; further ones go, too.
    """
    left, kept = np.argsort(-scores, kind="stable"), list[int]()
    while len(left) and len(kept) < most:
        best, left = int(left[0]), left[1:]
        kept.append(best)
        covered = overlaps(boxes[best : best + 1], boxes[left])[0] > overlap
        left = left[~(covered & (labels[left] == labels[best]))]
    return np.array(kept, dtype=np.int64)


def select(boxes: np.ndarray, scores: np.ndarray, labels: np.ndarray, limits: np.ndarray) -> Found:
    """The objects among the candidates ``(N, K, …)`` of a model.

    Args:
        limits: ``(N, 2)``: from which overlap on two boxes of a class are one object, and how many stay.
    """
    found = empty(len(scores), int(limits[:, 1].max(initial=0)))
    for i, (overlap, most) in enumerate(limits):
        likely = np.flatnonzero(labels[i] != NOTHING)
        kept = likely[suppress(boxes[i, likely], scores[i, likely], labels[i, likely], overlap, int(most))]
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


def scale_to_input(given: Sequence[int], size: Sequence[int], fit: Fit) -> np.ndarray:
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


def aligned_candidates(expected: Arrays, answered: Arrays) -> Arrays:
    """Candidates of `answered` in the places of the same ones of `expected`: equal scores come in any order.

    Those about to be left out for their number are left as expected. Anything else stays where it does not
    fit, and so differs.
    """
    return _placed(expected, answered, exact=True)


def aligned_objects(expected: Arrays, answered: Arrays) -> Arrays:
    """The same of objects, of which suppression may keep another of two that are equally likely.

    Such a one, where it covers the expected, counts as that: whether boxes are right to the pixel shows in
    the candidates.
    """
    return _placed(expected, answered, exact=False)


def _placed(expected: Arrays, answered: Arrays, *, exact: bool) -> Arrays:
    if any(one.shape != other.shape for one, other in zip(expected, answered, strict=True)):
        return answered
    placed = tuple(part.copy() for part in expected)
    for i in range(len(expected[0])):
        own, other = (Found(*(part[i] for part in found[:3])) for found in (expected, answered))
        rows, same, fits = _matched(own, other, exact)
        if not fits or not _matched(other, own, exact)[2]:
            return answered
        for to, given in zip(placed[:3], other, strict=True):
            to[i, rows] = given[same]
    return (*placed[:3], *answered[3:])


def _matched(one: Found, other: Found, exact: bool) -> tuple[np.ndarray, np.ndarray, bool]:
    """The likely boxes of a picture, the same ones of another, and whether it has them all.

    Returns:
        Their places ``(M,)`` in `one` and in `other`, without those that only something near stands for.
    """
    likely = np.flatnonzero(_likely(one, exact))
    rows, same_class = np.arange(len(likely)), one.labels[likely][:, None] == other.labels[None]
    shared = np.where(same_class, overlaps(one.boxes[likely], other.boxes), -1.0)
    apart = np.abs(one.scores[likely][:, None] - other.scores[None])
    best = np.where(apart <= _ROUNDING, shared, -1.0).argmax(axis=1)
    sure = (apart[rows, best] <= _ROUNDING) & (shared[rows, best] > (OVERLAP if exact else _SAME))
    near = ((shared > _NEAR) & (apart <= _UNLIKELY)).any(axis=1) & (not exact)
    fits = (sure | near).mean() >= (1.0 if exact else _MOST_OF) if len(likely) else True
    return likely[sure], best[sure], bool(fits)


def _likely(found: Found, exact: bool) -> np.ndarray:
    """Which boxes are no noise and not about to be left out, of each class as candidates are, or of all."""
    real = (found.labels != NOTHING) & (areas(found.boxes) > _LEAST_AREA)
    least = np.full(len(real), found.scores.min(initial=1.0))
    for label in np.unique(found.labels[real]) if exact else ():
        mine = real & (found.labels == label)
        least[mine] = found.scores[mine].min()
    likely: np.ndarray = real & (found.scores > np.maximum(least + _ROUNDING, _UNLIKELY))
    return likely
