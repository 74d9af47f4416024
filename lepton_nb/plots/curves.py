"""Precision-recall and ROC curves, one class against the rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from lepton_nb.plots.charts import Line, Lines

ALL_CURVES_UP_TO = 8
"""With more classes than this, only the worst are coloured and named, the others lie behind in grey."""
_WORST = 5
_MAX_POINTS = 400
_AXES = {
    "precision_recall": ("Precision and recall", "recall", "precision"),
    "roc": ("ROC", "false positive rate", "true positive rate"),
}


@dataclass(eq=False)
class Curve:
    """One class's curve, and the area under it."""

    name: str
    x: np.ndarray
    y: np.ndarray
    area: float


def pr_curves(probabilities: np.ndarray, target: np.ndarray, class_names: Sequence[str]) -> Lines:
    """Precision over recall of each class that occurs; the number beside a name is its average precision.

    Args:
        probabilities: ``(N, C)``.
        target: Class indices ``(N,)``; or, of labels, 0 and 1 ``(N, C)``.
        class_names: The C names.
    """
    curves = _each_class(precision_recall, probabilities, target, class_names)
    return class_lines(curves, "precision_recall", "average precision")


def roc_curves(probabilities: np.ndarray, target: np.ndarray, class_names: Sequence[str]) -> Lines:
    """True positive rate over false positive rate of each class that occurs; arguments as `pr_curves`."""
    curves = _each_class(receiver_operating, probabilities, target, class_names)
    return class_lines(curves, "roc", "area under the curve")


def class_lines(curves: list[Curve], name: str, area: str) -> Lines:
    """The curves of the classes; of many the worst by name, the others in grey, from worse to better.

    Args:
        name: ``precision_recall`` or ``roc``.
        area: What the area under a curve is called.
    """
    named, rest = _split(curves)
    title, x, y = _AXES[name]
    return Lines(
        name=name,
        title=title,
        note="" if curves else "No class has both items and others.",
        lines=tuple(_line(curve, faint=curve in rest) for curve in (*named, *rest)),
        x=x,
        y=y,
        unit=True,
        diagonal=name == "roc",
        legend=f"Worst {len(named)} of {len(curves)} classes,\n{area}" if rest else area.capitalize(),
    )


def _line(curve: Curve, *, faint: bool) -> Line:
    return Line(name=curve.name, x=curve.x.tolist(), y=curve.y.tolist(), value=curve.area, faint=faint)


def precision_recall(scores: np.ndarray, positive: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Recall, precision, and average precision: the sum of precision × the step in recall."""
    true, false = _counts(scores, positive)
    recall, precision = true / true[-1], true / (true + false)
    area = float((np.diff(recall, prepend=0.0) * precision).sum())
    return np.concatenate([[0.0], recall]), np.concatenate([precision[:1], precision]), area


def receiver_operating(scores: np.ndarray, positive: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """False and true positive rate, and the area under them by trapezoids."""
    true, false = (np.concatenate([[0.0], counts]) for counts in _counts(scores, positive))
    x, y = false / false[-1], true / true[-1]
    return x, y, float((np.diff(x) * (y[1:] + y[:-1]) / 2).sum())


def _counts(scores: np.ndarray, positive: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """True and false positives at every threshold, from the highest score down; equal scores are one."""
    order = np.argsort(-scores, kind="stable")
    ranked, hits = scores[order], positive[order]
    last_of_equal = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
    true = np.cumsum(hits)[last_of_equal].astype(float)
    return true, last_of_equal + 1 - true


Shape = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray, float]]


def _each_class(
    shape: Shape, probabilities: np.ndarray, target: np.ndarray, class_names: Sequence[str]
) -> list[Curve]:
    """The curves of the classes that have both items and others."""
    curves = []
    for index, name in enumerate(class_names):
        positive = target == index if target.ndim == 1 else target[:, index] == 1
        if positive.any() and not positive.all():
            x, y, area = shape(probabilities[:, index], positive)
            keep = _thin(len(x))
            curves.append(Curve(name, x[keep], y[keep], area))
    return curves


def _thin(count: int) -> np.ndarray:
    """Indices of at most `_MAX_POINTS` of `count` points, the ends among them."""
    return np.unique(np.linspace(0, count - 1, min(count, _MAX_POINTS)).round().astype(int))


def _split(curves: list[Curve]) -> tuple[list[Curve], list[Curve]]:
    """The curves to name and those to leave in grey."""
    if len(curves) <= ALL_CURVES_UP_TO:
        return curves, []
    ranked = sorted(curves, key=lambda curve: curve.area)
    return ranked[:_WORST], ranked[_WORST:]
