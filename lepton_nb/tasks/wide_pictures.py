"""Pictures of more than 8 bits a channel: their values, and a range of them as bytes.

Cameras and scanners that write 16 bits seldom use all of them, and floats have no usual range: only the
training pictures say which values are black and white. The signature carries that range to the service.
"""

from __future__ import annotations

import io
import re
import sys
from typing import Any

import numpy as np
from PIL import ExifTags, Image

ValueRange = tuple[float, float]

_GREY = {"I;16", "I;16L", "I;16B", "I;16N", "I", "F"}
_OTHER_BYTE = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}


def is_wide(picture: Image.Image) -> bool:
    """Whether a picture, of which perhaps only the header is read, has more than 8 bits a channel."""
    return picture.mode in _GREY or _deep_mode(picture) is not None


def wide_values(picture: Image.Image) -> np.ndarray | None:
    """The values ``(H, W)`` or ``(H, W, C)`` of such a picture; None for one of 8 bits a channel."""
    if picture.mode in _GREY:
        return np.asarray(picture)
    mode = _deep_mode(picture)
    return None if mode is None else _deep_values(picture, mode)


def in_bytes(values: np.ndarray, value_range: ValueRange) -> np.ndarray:
    """Values as uint8: their range as 0..255, what lies beyond it as its ends, NaN as its lower end."""
    low, high = value_range
    scaled = (values.astype(np.float64) - low) * (255.0 / ((high - low) or 1.0))
    scaled = np.nan_to_num(scaled, nan=0.0, posinf=255.0, neginf=0.0)
    return np.rint(scaled).clip(0, 255).astype(np.uint8)


def in_eight_bits(picture: Image.Image, value_range: ValueRange | None) -> Image.Image:
    """The picture with 8 bits a channel, turned as it was; one that has no more stays what it is.

    Without a range, whole numbers keep the upper 8 of their 16 bits, and the rest is PIL's to convert.
    """
    if value_range is None and not picture.mode.startswith("I"):
        return picture
    values = wide_values(picture)
    if values is None:
        return picture
    if value_range is None:
        pixels = (values.astype(np.int64) >> 8).clip(0, 255).astype(np.uint8)
    else:
        pixels = in_bytes(values, value_range)
    narrow = Image.fromarray(pixels)
    narrow.getexif()[ExifTags.Base.Orientation] = picture.getexif().get(ExifTags.Base.Orientation, 1)
    return narrow


def _deep_mode(picture: Image.Image) -> str | None:
    """How the file stores colours of 16 bits, of which PIL alone keeps the upper 8: ``RGB;16B``."""
    tiles = getattr(picture, "tile", None) or []
    mode = _raw_mode(tiles[0].args) if tiles else ""
    return mode if re.fullmatch(r"(RGB|RGBA|LA);16[BLN]", mode) else None


def _raw_mode(args: Any) -> str:
    first = args[0] if isinstance(args, tuple) and args else args
    return first if isinstance(first, str) else ""


def _deep_values(picture: Any, mode: str) -> np.ndarray:
    """Colours of 16 bits, from what PIL reads and from the bytes that it leaves out."""
    place = picture.fp.tell()
    picture.fp.seek(0)
    twin: Any = Image.open(io.BytesIO(picture.fp.read()), formats=(picture.format,))
    picture.fp.seek(place)
    colours, order = mode[: mode.index(";")], mode[-1]
    other = "RGBA" if colours == "LA" else f"{colours};16{_OTHER_BYTE[order]}"
    twin.tile = [tile._replace(args=_with_mode(tile.args, other)) for tile in twin.tile]
    if colours == "LA":  # its four bytes a pixel: grey, then opacity
        grey = np.asarray(twin)[..., :2].astype(np.uint16)
        return grey[..., 0] << 8 | grey[..., 1] if order == "B" else grey[..., 1] << 8 | grey[..., 0]
    high, low = (np.asarray(part)[..., :3].astype(np.uint16) for part in (picture, twin))
    return high << 8 | low


def _with_mode(args: Any, mode: str) -> Any:
    return (mode, *args[1:]) if isinstance(args, tuple) else mode
