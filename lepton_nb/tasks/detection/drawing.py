"""Boxes over a picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

COLOURS = ("#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7")  # Okabe & Ito
TRUE = "#ffffff"
_SIDE = 360  # pixels of the longer side: enough to look at, small enough to keep in a notebook


def draw(
    picture: Image.Image, boxes: np.ndarray, labels: Sequence[int], true: np.ndarray | None = None
) -> Image.Image:
    """A small copy of the picture with boxes in the colours of their classes.

    Args:
        boxes: ``(N, 4)`` in pixels of the picture.
        true: Boxes that were to be found, ``(M, 4)``: in white, beneath.
    """
    scale = min(1.0, _SIDE / max(picture.size))
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    copy = picture.convert("RGB").resize(size)
    pen = ImageDraw.Draw(copy)
    for box in () if true is None else true * scale:
        pen.rectangle(_ordered(box), outline=TRUE, width=4)
    for box, label in zip(boxes * scale, labels, strict=True):
        pen.rectangle(_ordered(box), outline=COLOURS[label % len(COLOURS)], width=2)
    return copy


def _ordered(box: np.ndarray) -> tuple[float, float, float, float]:
    left, top, right, bottom = map(float, box)
    return min(left, right), min(top, bottom), max(left, right), max(top, bottom)
