"""Thresholds of largest F1, each label by itself: Lipton, Elkan and Narayanaswamy (2014)."""

from __future__ import annotations

import numpy as np

from lepton_nb.tasks.labels.reading import USUAL

_DIGITS = 6


def best_thresholds(probabilities: np.ndarray, truth: np.ndarray) -> list[float]:
    """For each label the threshold at which its F1 is largest; 0.5 where an item of either side is missing.

    Args:
        probabilities: ``(N, L)``.
        truth: bool ``(N, L)``.
    """
    pairs = zip(probabilities.T, truth.T, strict=True)
    return [_best(scores, positive) if _decides(positive) else USUAL for scores, positive in pairs]


def _decides(positive: np.ndarray) -> bool:
    return bool(positive.any() and not positive.all())


def _best(scores: np.ndarray, positive: np.ndarray) -> float:
    """Half-way between the last score that says yes and the next: rounding moves no item across it."""
    order = np.argsort(-scores, kind="stable")
    ranked, hits = scores[order], np.cumsum(positive[order])
    ends = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)  # equal scores decide alike
    f1 = 2 * hits[ends] / (ends + 1 + hits[-1])
    cuts = (ranked[ends] + np.append(ranked[ends[1:]], 0.0)) / 2
    best = np.flatnonzero(f1 >= f1.max() - 1e-12)
    nearest = best[np.argmin(np.abs(cuts[best] - USUAL))]
    return round(float(cuts[nearest]), _DIGITS)
