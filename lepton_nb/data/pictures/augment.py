"""Augmentation of a whole batch at once, with draws of its own for every picture.

torchvision's v2 transforms draw once per call, so a batch would be shifted, mirrored and coloured as one;
here the draws are vectors and v2's kernels do the work.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

import torch
from torch import Tensor

from lepton_nb.data.pictures.augment_ops import GENTLE_OPS, OPS, apply_random_ops, erase_rectangles
from lepton_nb.data.pictures.options import Augmentation
from lepton_nb.data.report import Finding

AUGMENTED_BY = "Training pictures are augmented by"
TINY = 32  # grey pictures up to this side are taken for digits and letters


@dataclass(frozen=True)
class Augmenter:
    """Random shift with reflected borders and mirroring; optionally a random operation and erasing.

    Attributes:
        shift: Largest shift in pixels, up, down and sideways (He et al. 2016 use 4 of 32).
        flip: Whether half of the pictures are mirrored.
        ops: Operations of which each picture gets one (TrivialAugment, Müller & Hutter 2021).
        fill: Pixel value of each channel in erased rectangles (Zhong et al. 2020); empty for none.
    """

    shift: int
    flip: bool
    ops: Sequence[str] = field(default=())
    fill: Sequence[int] = field(default=())

    def __call__(self, images: Tensor, rows: Tensor, generator: torch.Generator) -> Tensor:
        """The pictures at `rows` of uint8 `images` ``(N, C, H, W)``, augmented: uint8 ``(B, C, H, W)``.

        Args:
            images: On any device.
            rows: int64 ``(B,)`` on the same device.
            generator: On the CPU, where all draws are made.
        """
        batch = self._shift_and_flip(images.index_select(0, rows), generator)
        if self.ops:
            batch = apply_random_ops(batch, self.ops, generator)
        if self.fill:
            batch = erase_rectangles(batch, self.fill, generator)
        return batch

    def _shift_and_flip(self, batch: Tensor, generator: torch.Generator) -> Tensor:
        """One gather per batch: where each pixel comes from is a sum of a row's and a column's offset."""
        count, channels, height, width = batch.shape
        shifts = torch.randint(-self.shift, self.shift + 1, (2, count), generator=generator)
        mirrored = torch.rand(count, generator=generator) < (0.5 if self.flip else 0.0)
        rows = _reflect(torch.arange(height) + shifts[0, :, None], height)
        columns = _reflect(torch.arange(width) + shifts[1, :, None], width)
        columns = torch.where(mirrored[:, None], columns.flip(1), columns)
        source = (rows[:, :, None] * width + columns[:, None, :]).view(count, 1, -1).to(batch.device)
        moved = batch.flatten(2).gather(2, source.expand(count, channels, height * width))
        return moved.view_as(batch)


def augmenter_for(
    preset: Augmentation, *, mode: str, size: Sequence[int], mean: Sequence[float]
) -> tuple[Augmenter | None, list[Finding]]:
    """The augmenter of a preset, and what to say about it.

    Args:
        mode: ``RGB`` or ``L``.
        size: ``(height, width)``.
        mean: Of each channel, of pixels of 0..1.
    """
    if preset == "none":
        return None, []
    tiny = mode == "L" and max(size) <= TINY
    shift = max(1, min(size) // 8)
    steps = [
        f"shifts by up to {shift} pixels",
        "without mirroring (tiny grey pictures are often digits)" if tiny else "mirroring",
    ]
    if preset == "standard":
        augmenter = Augmenter(shift, not tiny)
    else:
        ops = GENTLE_OPS if tiny else OPS if mode == "RGB" else tuple(op for op in OPS if op != "saturation")
        augmenter = Augmenter(shift, not tiny, ops, tuple(round(255 * value) for value in mean))
        steps += [f"one of {len(ops)} operations", "erasing"]
    return augmenter, [Finding(f"{AUGMENTED_BY} {preset!r}: {', '.join(steps)}.")]


class Augmented:
    """A split whose pictures an augmenter changes."""

    _augmenter: Augmenter | None

    def with_augmenter(self, augmenter: Augmenter | None) -> Self:
        """The same split with another augmenter; the pictures are shared."""
        changed = copy.copy(self)
        changed._augmenter = augmenter
        return changed


def _reflect(position: Tensor, size: int) -> Tensor:
    """Positions mirrored at the borders of 0..size-1, without repeating the border pixel."""
    position = position.abs()
    return torch.where(position >= size, 2 * (size - 1) - position, position)
