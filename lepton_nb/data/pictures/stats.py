"""From stored bytes to what an image model takes: scaling on the batch, statistics of the training split."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from PIL import Image
from torch import Tensor

CHUNK = 1024  # pictures summed at a time: keeps the wide copy of a large data set small


@dataclass(frozen=True)
class PixelStats:
    """Mean and standard deviation of each channel, of pixels scaled to 0..1."""

    mean: tuple[float, ...]
    std: tuple[float, ...]

    @classmethod
    def from_sums(cls, sums: np.ndarray, pixels: int) -> PixelStats:
        """The statistics of pictures by their `channel_sums` ``(N, 2, C)``; a constant channel has std 1.

        Args:
            pixels: Height × width of a picture.
        """
        count = max(len(sums), 1) * pixels
        first, second = sums.sum(axis=0) / count
        mean = first / 255
        std = np.sqrt(np.maximum(second / 255**2 - mean**2, 0))
        std[std < 1e-6] = 1.0
        return cls(tuple(round(float(m), 6) for m in mean), tuple(round(float(s), 6) for s in std))

    def normalise(self, pixels: Tensor) -> Tensor:
        """uint8 ``(N, C, H, W)`` as float32 ``(pixels / 255 - mean) / std``, on the same device."""
        scale, shift = _factors(self, pixels.device)
        return pixels.to(torch.float32).mul_(scale).sub_(shift)


@lru_cache(maxsize=32)
def _factors(stats: PixelStats, device: torch.device) -> tuple[Tensor, Tensor]:
    """Scale and shift of `PixelStats.normalise`, ``(C, 1, 1)``: made once, not for every batch."""
    scale = torch.tensor([1 / (255 * s) for s in stats.std], device=device)
    shift = torch.tensor([m / s for m, s in zip(stats.mean, stats.std, strict=True)], device=device)
    return scale[:, None, None], shift[:, None, None]


def to_picture(pixels: np.ndarray) -> Image.Image:
    """uint8 ``(C, H, W)`` of 1 or 3 channels as a picture."""
    return Image.fromarray(pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0))


def channel_sums(images: np.ndarray) -> np.ndarray:
    """Sum and sum of squares of each picture's channels: uint8 ``(N, C, H, W)`` to int64 ``(N, 2, C)``."""
    sums = np.empty((len(images), 2, images.shape[1]), dtype=np.int64)
    for start in range(0, len(images), CHUNK):
        wide = images[start : start + CHUNK].astype(np.int32)
        sums[start : start + CHUNK, 0] = wide.sum(axis=(2, 3), dtype=np.int64)
        sums[start : start + CHUNK, 1] = np.square(wide, out=wide).sum(axis=(2, 3), dtype=np.int64)
    return sums
