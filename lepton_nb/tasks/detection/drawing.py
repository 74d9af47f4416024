"""Boxes over a picture, for whoever draws it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from lepton_nb.plots.charts import Box


def boxes_over(
    picture: Image.Image,
    boxes: np.ndarray,
    labels: np.ndarray,
    class_names: Sequence[str],
    scores: np.ndarray | None = None,
) -> tuple[Box, ...]:
    """Boxes in shares of the picture.

    Args:
        boxes: ``(N, 4)`` in pixels of the picture.
        labels: Indices of classes, ``(N,)``.
        scores: Of boxes that a model found, ``(N,)``; None for those that are true.
    """
    size = np.array([picture.width, picture.height] * 2)
    return tuple(
        Box(
            **_corners(box / size),
            label=class_names[label],
            score=None if scores is None else float(scores[place]),
            true=scores is None,
        )
        for place, (box, label) in enumerate(zip(boxes, labels, strict=True))
    )


def _corners(box: np.ndarray) -> dict[str, float]:
    left, top, right, bottom = map(float, box)
    return {
        "x1": min(left, right),
        "y1": min(top, bottom),
        "x2": max(left, right),
        "y2": max(top, bottom),
    }
