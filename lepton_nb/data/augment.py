"""Augmentation of a whole batch at once, with draws of its own for every image."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from lepton_nb.data.report import Finding


@dataclass(frozen=True)
class Augmenter:
    """Random crop with reflected borders and horizontal flip, by one gather per batch.

    Attributes:
        shift: Largest shift in pixels, up, down and sideways.
        flip: Whether half of the images are mirrored.
    """

    shift: int
    flip: bool

    def __call__(self, images: Tensor, index: Tensor, generator: torch.Generator) -> Tensor:
        """The images at `index` of uint8 `images` ``(N, C, H, W)``, augmented: uint8 ``(B, C, H, W)``."""
        _, channels, height, width = images.shape
        count = len(index)
        offsets = torch.randint(-self.shift, self.shift + 1, (2, count), generator=generator)
        mirrored = torch.rand(count, generator=generator) < (0.5 if self.flip else 0.0)
        rows = _reflect(torch.arange(height) + offsets[0, :, None], height)
        cols = _reflect(torch.arange(width) + offsets[1, :, None], width)
        cols = torch.where(mirrored[:, None], cols.flip(1), cols)
        rows, cols = rows.to(images.device), cols.to(images.device)
        channel = torch.arange(channels, device=images.device)
        return images[
            index[:, None, None, None], channel[:, None, None], rows[:, None, :, None], cols[:, None, None, :]
        ]


def _reflect(position: Tensor, size: int) -> Tensor:
    """Positions mirrored at the borders of 0..size-1, without repeating the border pixel."""
    position = position.abs()
    return torch.where(position >= size, 2 * (size - 1) - position, position)


def augmenter_for(preset: str, *, mode: str, size: tuple[int, int]) -> tuple[Augmenter | None, list[Finding]]:
    """The augmenter of a preset for images of this mode and ``(height, width)``, and what to say about it."""
    if preset == "none":
        return None, []
    flip = not (mode == "L" and max(size) <= 32)
    said = [] if flip else [Finding("Augmentation leaves mirroring out: tiny grey images are often digits.")]
    return Augmenter(shift=max(1, min(size) // 8), flip=flip), said
