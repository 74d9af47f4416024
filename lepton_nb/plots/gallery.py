"""Real inputs with captions: pictures with what is drawn over them, sentences and table rows as text."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image

from lepton_nb.plots.charts import Exhibit, Mask

_SIDE = 224  # pixels of the longer side: what a tile of a figure has room for
_FIELDS = 8
_LONGEST_TEXT = 600


def exhibit(
    item: Any, caption: str, truth: str = "", *, index: int | None = None, error: float | None = None
) -> Exhibit:
    """A real input as a person sees it.

    Args:
        item: A PIL picture, a sentence, a row as a dict, or an array.
        caption: What was predicted.
        truth: What is true.
        index: Its position among the items.
        error: How wrong the prediction is.
    """
    pixels = as_picture(item)
    return Exhibit(
        caption=caption,
        truth=truth,
        picture="" if pixels is None else _thumbnail(pixels),
        text=describe_item(item)[:_LONGEST_TEXT] if pixels is None else "",
        index=index,
        error=error,
    )


def mask(inside: np.ndarray, label: str = "", *, true: bool = False) -> Mask:
    """The part of a picture where ``inside (H, W)`` is true."""
    opacity = Image.fromarray(np.where(inside, 255, 0).astype(np.uint8))
    opacity.thumbnail((_SIDE, _SIDE), Image.Resampling.NEAREST)
    shape = Image.merge("LA", (Image.new("L", opacity.size, 255), opacity))
    return Mask(shape=_data_url(shape, "PNG"), label=label, true=true)


def opened(data_url: str) -> Image.Image:
    """The picture in a data URL."""
    return Image.open(io.BytesIO(base64.b64decode(data_url.partition(",")[2])))


def describe_item(item: Any) -> str:
    """A sentence as it is, a row as ``column value``, an array by its shape and first values."""
    if isinstance(item, str):
        return item
    if isinstance(item, Mapping):
        fields = [f"{name} {_value(value)}" for name, value in list(item.items())[:_FIELDS]]
        return "  ·  ".join(fields) + ("  ·  …" if len(item) > _FIELDS else "")
    if isinstance(item, np.ndarray):
        first = ", ".join(_value(value) for value in item.ravel()[:6])
        return f"{'×'.join(map(str, item.shape))}: {first}{', …' if item.size > 6 else ''}"
    return repr(item)


def _value(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float | np.floating) else str(value)


def as_picture(item: Any) -> np.ndarray | None:
    """Pixels ``(H, W)`` or ``(H, W, C)`` to show, or None where the item is no picture."""
    if isinstance(item, Image.Image) and item.mode[0] in "IF":  # 16 bits or floats
        return stretched(np.asarray(item), item.info.get("range"))
    if isinstance(item, Image.Image):
        return np.asarray(item if item.mode in ("L", "RGB", "RGBA") else item.convert("RGB"))
    if not isinstance(item, np.ndarray) or item.ndim not in (2, 3):
        return None
    pixels = item
    if pixels.ndim == 3 and pixels.shape[0] in (1, 3):
        pixels = pixels.transpose(1, 2, 0)
    if pixels.ndim == 3 and pixels.shape[2] not in (1, 3):
        return None
    if pixels.dtype != np.uint8:  # normalised by transforms that are not known
        pixels = stretched(pixels, None)
    return pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels


def stretched(pixels: np.ndarray, value_range: tuple[float, float] | None) -> np.ndarray:
    """Values as uint8: of this range, or of what is there."""
    low, high = map(float, value_range or (np.nanmin(pixels), np.nanmax(pixels)))
    share = np.nan_to_num((pixels.astype(np.float64) - low) / ((high - low) or 1.0))
    return (255 * share.clip(0, 1)).astype(np.uint8)


def _thumbnail(pixels: np.ndarray) -> str:
    """A small picture whole; a photograph smaller, and as a JPEG, which takes a tenth of the room."""
    image = Image.fromarray(pixels)
    if max(image.size) <= _SIDE:
        return _data_url(image, "PNG")
    image.thumbnail((_SIDE, _SIDE))
    return _data_url(image, "PNG" if image.mode == "RGBA" else "JPEG")


def _data_url(image: Image.Image, form: str) -> str:
    stream = io.BytesIO()
    image.save(stream, form, optimize=True)
    return f"data:image/{form.lower()};base64,{base64.b64encode(stream.getvalue()).decode()}"
