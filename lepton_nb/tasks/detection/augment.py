"""Mirroring, zoom and colour of a whole batch at once, boxes with it; draws of its own for every picture."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from lepton_nb.tasks.detection.boxes import NOTHING


@dataclass(frozen=True)
class BoxAugmenter:
    """Changes pictures and moves their boxes.

    Attributes:
        zoom: Smallest and largest scale.
        upside_down: Whether half of the pictures are turned over, too: right for what has no up and down.
        contrast, tint: Largest change of the contrast as a share, and of each channel in 1/255.
    """

    zoom: tuple[float, float] = (0.8, 1.25)
    upside_down: bool = False
    contrast: float = 0.2
    tint: float = 10.0

    def __call__(
        self, pixels: Tensor, boxes: Tensor, labels: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        """uint8 ``(N, C, H, W)``, boxes ``(N, K, 4)`` and labels ``(N, K)``; the pixels as float32, 0 to 255.

        An object whose middle leaves the picture goes with it.
        """
        count, channels, height, width = pixels.shape
        size = torch.tensor([width, height], dtype=torch.float32)
        low, high = self.zoom
        scale = low + (high - low) * torch.rand(count, 1, generator=generator)
        shift = (size - size * scale) * torch.rand(count, 2, generator=generator)
        turned = torch.rand(count, 2, generator=generator) < torch.tensor([0.5, 0.5 * self.upside_down])
        changed = _moved(pixels.float(), scale, 2 * shift / size, turned)
        contrast = 1 + self.contrast * (2 * torch.rand(count, 1, 1, 1, generator=generator) - 1)
        tint = self.tint * (2 * torch.rand(count, channels, 1, 1, generator=generator) - 1)
        changed = ((changed - 128) * contrast + 128 + tint).clamp_(0, 255)
        return changed, *_moved_boxes(boxes, labels, scale, shift, turned, size)


AUGMENTERS = {"none": None, "standard": BoxAugmenter(), "strong": BoxAugmenter((0.7, 1.4), upside_down=True)}


def _moved(pixels: Tensor, scale: Tensor, shift: Tensor, turned: Tensor) -> Tensor:
    """Pictures scaled, shifted (in halves of the picture) and turned over; what comes in is a reflection."""
    theta = torch.zeros(len(pixels), 2, 3)
    sign = torch.where(turned, -1.0, 1.0)
    theta[:, 0, 0], theta[:, 1, 1] = (sign / scale).unbind(1)
    theta[:, :, 2] = (1 - shift) / scale - 1
    grid = F.affine_grid(theta, list(pixels.shape), align_corners=False)
    return F.grid_sample(pixels, grid, padding_mode="reflection", align_corners=False)


def _moved_boxes(
    boxes: Tensor, labels: Tensor, scale: Tensor, shift: Tensor, turned: Tensor, size: Tensor
) -> tuple[Tensor, Tensor]:
    corners = boxes.view(*boxes.shape[:2], 2, 2) * scale[:, :, None, None] + shift[:, None, None]
    corners = torch.where(turned[:, None, None], size - corners.flip(2), corners)
    middle = corners.mean(dim=2)
    stays = (labels != NOTHING) & (middle > 0).all(dim=2) & (middle < size).all(dim=2)
    moved = corners.clamp(min=0).minimum(size).flatten(2)
    return moved * stays[..., None], torch.where(stays, labels, NOTHING)
