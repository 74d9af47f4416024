"""Average precision of boxes, as COCO defines it: 101 recalls, at most 100 boxes a picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from lepton_nb.tasks.base import Measures
from lepton_nb.tasks.detection.boxes import NOTHING, Found, overlaps

if TYPE_CHECKING:
    from lepton_nb.batch import Tree

OVERLAPS = np.linspace(0.5, 0.95, 10)
_RECALLS = np.linspace(0, 1, 101)


class Precision:
    """The meter of an epoch: ``map50``, the average precision at an overlap of a half.

    Args:
        found: Gives the objects among a model's outputs.
        classes: How many there are.
    """

    def __init__(self, found: Callable[[Any], Found], classes: int) -> None:
        self.found, self.classes = found, classes
        self.seen: list[list[Matched]] = []

    def update(self, outputs: Tree, target: Tree) -> None:
        found = self.found(outputs)
        boxes, labels = (target[name].cpu().numpy() for name in ("boxes", "labels"))
        self.seen.append(matches(found, boxes, labels, self.classes, OVERLAPS[:1]))

    def merge(self, other: Self) -> None:
        self.seen += other.seen

    def compute(self) -> dict[str, float]:
        by_class = [joined([batch[label] for batch in self.seen]) for label in range(self.classes)]
        each = [average_precision(matched)[0] for matched in by_class if matched.objects]
        return {"map50": float(np.mean(each)) if each else float("nan")}


class Matched:
    """The boxes of one class, and which of them are right.

    Attributes:
        scores: ``(D,)``.
        right: bool ``(T, D)``, by the overlap that is asked for.
        objects: How many there are to be found.
    """

    def __init__(self, scores: np.ndarray, right: np.ndarray, objects: int) -> None:
        order = np.argsort(-scores, kind="stable")
        self.scores, self.right, self.objects = scores[order], right[:, order], objects


def joined(parts: Sequence[Matched]) -> Matched:
    """The boxes of several batches as one."""
    scores = np.concatenate([part.scores for part in parts])
    right = np.concatenate([part.right for part in parts], axis=1)
    return Matched(scores, right, sum(part.objects for part in parts))


def matches(
    found: Found, boxes: np.ndarray, labels: np.ndarray, classes: int, wanted: np.ndarray
) -> list[Matched]:
    """For each class, the boxes found, and whether each is a true one.

    Args:
        boxes: The true ones, ``(N, K, 4)``.
        labels: Their labels ``(N, K)``.
        wanted: From which overlaps on a box counts as right.
    """
    parts: list[list[Matched]] = [[] for _ in range(classes)]
    for picture in range(len(labels)):
        for label in range(classes):
            mine = found.labels[picture] == label
            true = boxes[picture][labels[picture] == label]
            right = _right(found.boxes[picture][mine], true, wanted)
            parts[label].append(Matched(found.scores[picture][mine], right, len(true)))
    return [joined(part) for part in parts]


def _right(found: np.ndarray, true: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Which boxes, best first, take a true one that no better one took: bool ``(T, D)``."""
    right = np.zeros((len(wanted), len(found)), dtype=bool)
    shared = overlaps(found, true)
    for t, least in enumerate(wanted):
        left = shared.copy()
        for d in range(len(found) if len(true) else 0):
            best = int(left[d].argmax())
            if left[d, best] >= least:
                right[t, d] = True
                left[:, best] = -1
    return right


def precisions(matched: Matched, level: int = 0) -> np.ndarray:
    """The best precision at each of 101 recalls or beyond it, ``(101,)``."""
    hits = np.cumsum(matched.right[level])
    precision = hits / np.arange(1, len(hits) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    place = np.searchsorted(hits / max(matched.objects, 1), _RECALLS, side="left")
    return np.array([envelope[i] if i < len(envelope) else 0.0 for i in place])


def average_precision(matched: Matched) -> np.ndarray:
    """``(T,)``, one for each overlap; NaN where there is nothing to be found."""
    if not matched.objects:
        return np.full(len(matched.right), np.nan)
    return np.array([precisions(matched, level).mean() for level in range(len(matched.right))])


def measure(found: Found, boxes: np.ndarray, labels: np.ndarray, classes: int) -> Measures:
    """All the numbers of an evaluation; arguments as for `matches`."""
    by_class = matches(found, boxes, labels, classes, OVERLAPS)
    each = np.array([average_precision(matched) for matched in by_class])
    known = ~np.isnan(each[:, 0])
    support = [float(matched.objects) for matched in by_class]
    notes = [] if known.any() else ["There is no object in this split, so nothing can be measured."]
    scalars = (
        {
            "map50": float(each[known, 0].mean()),
            "map75": float(each[known, 5].mean()),
            "map": float(each[known].mean()),
        }
        if known.any()
        else {}
    )
    per_class = {"ap50": _or_none(each[:, 0]), "ap": _or_none(each.mean(axis=1)), "support": [*support]}
    curves = np.array([precisions(matched) for matched in by_class])
    return Measures(scalars, per_class, {"precision_at_recall": curves}, notes)  # type: ignore[arg-type]


def mistakes(found: Found, sure: np.ndarray, boxes: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Objects that were missed and boxes that are wrong, by their score, of each picture: ``(N,)``.

    Args:
        sure: Which boxes are answered, bool ``(N, K)``.
    """
    wrong = np.zeros(len(labels))
    for i in range(len(labels)):
        shown = sure[i]
        real = labels[i] != NOTHING
        shared = overlaps(found.boxes[i][shown], boxes[i][real])
        shared *= found.labels[i][shown][:, None] == labels[i][real][None]
        hit = shared >= OVERLAPS[0]
        wrong[i] = (~hit.any(axis=0)).sum() + found.scores[i][shown][~hit.any(axis=1)].sum()
    return wrong


def _or_none(values: np.ndarray) -> list[float | None]:
    return [None if np.isnan(value) else float(value) for value in values]
