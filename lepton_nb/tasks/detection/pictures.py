"""A picture as a detector sees it: the service, `predict` and training share this. Numpy and Pillow alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import ExifTags, Image

from lepton_nb.tasks.detection.boxes import shown_size
from lepton_nb.tasks.images import load_image, open_header

Size = tuple[int, int]
"""Height and width."""
GREY = 128  # what a padded picture is filled up with


def open_upright(source: Any) -> Image.Image:
    """The whole picture in RGB, by its EXIF orientation; sources and errors as for `load_image`."""
    return Image.fromarray(load_image(source, "RGB", None).transpose(1, 2, 0))


def size_of(source: Any) -> Size:
    """Height and width of a picture once it is upright, by its header alone; errors as for `load_image`."""
    picture = open_header(source)
    width, height = picture.size
    turned = picture.getexif().get(ExifTags.Base.Orientation, 1) in (5, 6, 7, 8)
    return (width, height) if turned else (height, width)


def seen_by_model(source: Any, size: Sequence[int], fit: str) -> tuple[np.ndarray, Size]:
    """uint8 ``(3, H, W)`` of that size, and height and width of the picture itself.

    Args:
        fit: ``stretch``, or ``pad`` to keep its shape and fill up with grey at the right and below.
    """
    picture = open_upright(source)
    height, width = shown_size((picture.height, picture.width), size, fit)
    pixels = np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR))
    seen = np.full((3, size[0], size[1]), GREY, np.uint8)
    seen[:, :height, :width] = pixels.transpose(2, 0, 1)
    return seen, (picture.height, picture.width)
