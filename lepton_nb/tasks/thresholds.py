"""From which score on a model says yes, each class by itself: chosen where F1 is largest.

Lipton, Elkan and Narayanaswamy (2014). Numpy only, for the service.
"""

from __future__ import annotations

import numpy as np

from lepton_nb.signature import Signature

THRESHOLDS = "thresholds"
"""In ``Signature.target``: for each class or label the least score that counts as yes."""
_DIGITS = 6


def thresholds_of(signature: Signature, usual: float) -> np.ndarray:
    """The least score of each class or label ``(C,)`` that counts as yes."""
    known = signature.target.get(THRESHOLDS)
    return np.full(signature.num_outputs, usual) if known is None else np.asarray(known, dtype=np.float64)


def best_threshold(scores: np.ndarray, right: np.ndarray, wanted: int, usual: float) -> float:
    """The threshold of largest F1: half-way between the last score that says yes and the next.

    So rounding moves no item across it. Of several the one nearest to the usual.

    Args:
        scores: ``(N,)``.
        right: Whether a yes is right, bool ``(N,)``.
        wanted: How many there are to be found.
        usual: Where nothing can be chosen by.
    """
    if not len(scores) or not wanted or not right.any():
        return usual
    order = np.argsort(-scores, kind="stable")
    ranked, hits = scores[order], np.cumsum(right[order])
    ends = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)  # equal scores decide alike
    f1 = 2 * hits[ends] / (ends + 1 + wanted)
    cuts = (ranked[ends] + np.append(ranked[ends[1:]], 0.0)) / 2
    best = np.flatnonzero(f1 >= f1.max() - 1e-12)
    nearest = best[np.argmin(np.abs(cuts[best] - usual))]
    return round(float(cuts[nearest]), _DIGITS)
