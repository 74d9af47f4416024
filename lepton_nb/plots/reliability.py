"""The reliability diagram: whether a model is right as often as it says."""

from __future__ import annotations

import numpy as np

from lepton_nb.plots.charts import Bars


def reliability_diagram(
    bins: np.ndarray, said: str = "confidence", found: str = "accuracy", of: str = "items"
) -> Bars:
    """How often what has each confidence is right; on the diagonal, confidence is deserved.

    Args:
        bins: ``(B, 3)`` of equal width on [0, 1]: mean confidence, accuracy and number of items.
        said: What confidence is called.
        found: What accuracy is called.
        of: What is counted.
    """
    confidence, accuracy, count = bins.T
    share = count / max(count.sum(), 1)
    gap = float((share * np.abs(confidence - accuracy)).sum())
    return Bars(
        name="reliability",
        title=f"Reliability: off by {gap:.1%} on average",
        at=((np.arange(len(bins)) + 0.5) / len(bins)).tolist(),
        width=0.9 / len(bins),
        heights=_where(accuracy, count),
        label=found,
        levels=_where(confidence, count),
        level_label=said,
        behind=share.tolist(),
        behind_label=f"share of {of}",
        x=said,
        y=found,
        unit=True,
        diagonal=True,
    )


def _where(values: np.ndarray, count: np.ndarray) -> list[float | None]:
    """An empty bin has neither."""
    return [float(value) if items else None for value, items in zip(values, count, strict=True)]
