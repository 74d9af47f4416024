"""Arrays of pictures in the layouts people have them in."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image

from lepton_nb.data.pictures.decoding import PictureForm
from lepton_nb.data.pictures.pool import ImagePool
from lepton_nb.data.pictures.stats import channel_sums, to_picture
from lepton_nb.data.report import Finding

CHANNELS = (1, 3)


def as_pictures(x: np.ndarray) -> tuple[np.ndarray | None, list[Finding]]:
    """Pictures as uint8 ``(N, C, H, W)``, or None where the array holds something else.

    ``(N, C, H, W)`` and ``(N, H, W, C)`` of 1 or 3 channels are pictures where their values are whole numbers
    of 0..255 or floats of 0..1; ``(N, H, W)`` only as uint8, since floats of that shape may be sequences.
    """
    if x.ndim == 3 and x.dtype == np.uint8:
        x = x[:, None]
    if x.ndim == 3:
        text = "X is taken as it is; grey pictures are told from sequences by a channel: X[:, None]."
        return None, [Finding(text)]
    if x.ndim != 4:
        return None, []
    if x.shape[1] not in CHANNELS and x.shape[3] in CHANNELS:
        x = x.transpose(0, 3, 1, 2)
    elif x.shape[1] not in CHANNELS:
        return None, [
            Finding(f"Pictures have 1 or 3 channels; items of {x.shape[1:]} are taken as they are.")
        ]
    return _as_bytes(x)


def image_pool(pictures: np.ndarray, labels: np.ndarray, digests: np.ndarray, noun: str) -> ImagePool:
    """Pictures in memory, ready for `image_bundle`.

    Args:
        pictures: uint8 ``(N, C, H, W)``.
        labels: Class numbers ``(N,)``.
        digests: What stands for the content of each, uint64 ``(N,)``.
        noun: What an item is called.
    """

    def raw(i: int) -> Image.Image:
        return to_picture(pictures[i])

    return ImagePool(
        labels=labels,
        digests=digests,
        contents=digests,
        sums=channel_sums(pictures),
        pixels=torch.from_numpy(pictures),
        form=PictureForm("RGB" if pictures.shape[1] == 3 else "L", pictures.shape[2:]),
        read=raw,
        name_of=lambda i: f"{noun} {i}",
        raw=raw,
    )


def _as_bytes(x: np.ndarray) -> tuple[np.ndarray | None, list[Finding]]:
    """Pixels as contiguous uint8, where they are whole numbers of 0..255 or floats of 0..1."""
    if x.dtype == np.uint8:
        return np.ascontiguousarray(x), []
    if x.dtype == bool:
        return np.ascontiguousarray(x.astype(np.uint8) * 255), []
    low, high = float(x.min()), float(x.max())
    if low >= 0 and 1 < high <= 255 and bool((x % 1 == 0).all()):
        return np.ascontiguousarray(x.astype(np.uint8)), []
    if low >= 0 and high <= 1:
        scaled = x.astype(np.float32) * 255
        pixels = np.rint(scaled)
        exact = bool((np.abs(scaled - pixels) < 0.01).all())
        said = [] if exact else [Finding("Floats of 0..1 are stored as pixels of 8 bits.")]
        return np.ascontiguousarray(pixels.astype(np.uint8)), said
    return None, [
        Finding(f"Values of {low:.3g} to {high:.3g} are no pixels: they reach the model as they are.")
    ]
