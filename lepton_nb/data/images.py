"""From stored bytes to what an image model takes: scaling on the batch, statistics of the training split."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

CHUNK = 2048  # images a statistics step looks at: keeps the float copy of a large data set small


@dataclass(frozen=True)
class PixelStats:
    """Mean and standard deviation of each channel, of pixels scaled to 0..1."""

    mean: tuple[float, ...]
    std: tuple[float, ...]

    @classmethod
    def measure(cls, images: Tensor, rows: np.ndarray) -> PixelStats:
        """The statistics of those `rows` of uint8 images ``(N, C, H, W)``; a constant channel has std 1."""
        channels = images.shape[1]
        histogram = np.zeros((channels, 256), dtype=np.int64)
        for start in range(0, len(rows), CHUNK):
            chunk = images[rows[start : start + CHUNK]]
            for channel in range(channels):
                histogram[channel] += np.bincount(chunk[:, channel].reshape(-1).numpy(), minlength=256)
        return cls.from_histogram(histogram)

    @classmethod
    def from_histogram(cls, histogram: np.ndarray) -> PixelStats:
        """The statistics of pixels counted by value: ``(C, 256)``."""
        values = np.arange(256) / 255
        weight = histogram / np.maximum(histogram.sum(axis=1, keepdims=True), 1)
        mean = weight @ values
        std = np.sqrt(np.maximum(weight @ values**2 - mean**2, 0))
        std[std < 1e-6] = 1.0
        return cls(tuple(round(float(m), 6) for m in mean), tuple(round(float(s), 6) for s in std))

    def normalise(self, pixels: Tensor) -> Tensor:
        """uint8 ``(N, C, H, W)`` as float32 ``(pixels / 255 - mean) / std``, on the same device."""
        scale = 1 / (255 * np.asarray(self.std))
        shift = -np.asarray(self.mean) / np.asarray(self.std)
        shape = (1, -1, 1, 1)
        scale_t = torch.as_tensor(scale, dtype=torch.float32, device=pixels.device).view(shape)
        shift_t = torch.as_tensor(shift, dtype=torch.float32, device=pixels.device).view(shape)
        return pixels.to(torch.float32).mul_(scale_t).add_(shift_t)
