"""Operations for strong augmentation: each picture of a batch gets its own, with its own magnitude.

The operations and their ranges are those of RandAugment (Cubuk et al. 2020); one operation a picture, drawn
evenly with an even magnitude, is TrivialAugment (Müller & Hutter 2021).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

GEOMETRIC_OPS = ("rotate", "shear_x", "shear_y", "translate_x", "translate_y")
OPS = (
    "identity",
    *GEOMETRIC_OPS,
    "brightness",
    "contrast",
    "saturation",
    "sharpness",
    "posterize",
    "solarize",
    "autocontrast",
    "equalize",
)
GENTLE_OPS = ("identity", "rotate", "shear_x", "brightness", "contrast", "sharpness")
"""What a digit survives: a half turn makes a 6 a 9, and there is little to colour."""

ROTATION = math.radians(30)
SHEAR, TRANSLATION, BLEND = 0.3, 0.45, 0.9
ERASE_CHANCE, ERASE_AREA, ERASE_RATIO = 0.25, (0.02, 0.2), (0.3, 3.3)


def apply_random_ops(batch: Tensor, ops: Sequence[str], generator: torch.Generator) -> Tensor:
    """uint8 pictures ``(B, C, H, W)``, each changed by one of `ops`."""
    count = len(batch)
    drawn = torch.randint(len(ops), (count,), generator=generator)
    strength = torch.rand(count, generator=generator) * 2 - 1  # of -1..1
    batch = _warp(batch, [ops[i] for i in drawn.tolist()], strength)
    colour_ops = _colour_ops()
    for number, op in enumerate(ops):
        rows = (drawn == number).nonzero().flatten()
        if op in colour_ops and len(rows):
            here = rows.to(batch.device)
            batch[here] = colour_ops[op](batch[here], strength[rows].to(batch.device).view(-1, 1, 1, 1))
    return batch


def erase_rectangles(batch: Tensor, fill: Sequence[int], generator: torch.Generator) -> Tensor:
    """uint8 pictures ``(B, C, H, W)``, a quarter of them with a rectangle of `fill`."""
    count, _, height, width = batch.shape
    chosen, area, ratio, top, left = torch.rand(5, count, generator=generator).unbind()
    area = (ERASE_AREA[0] + area * (ERASE_AREA[1] - ERASE_AREA[0])) * height * width
    ratio = torch.exp(math.log(ERASE_RATIO[0]) + ratio * math.log(ERASE_RATIO[1] / ERASE_RATIO[0]))
    tall = (area * ratio).sqrt().round().clamp(1, height) * (chosen < ERASE_CHANCE)
    wide = (area / ratio).sqrt().round().clamp(1, width)
    top, left = (top * (height - tall + 1)).floor(), (left * (width - wide + 1)).floor()
    y, x = torch.arange(height), torch.arange(width)
    in_rows = (y >= top[:, None]) & (y < (top + tall)[:, None])
    in_columns = (x >= left[:, None]) & (x < (left + wide)[:, None])
    mask = (in_rows[:, None, :, None] & in_columns[:, None, None, :]).to(batch.device)
    colour = torch.tensor(fill, dtype=batch.dtype, device=batch.device).view(1, -1, 1, 1)
    return torch.where(mask, colour, batch)


def _warp(batch: Tensor, ops: Sequence[str], strength: Tensor) -> Tensor:
    """The pictures that drew a geometric operation, resampled in one go; borders are reflected."""
    chosen = [i for i, op in enumerate(ops) if op in GEOMETRIC_OPS]
    if not chosen:
        return batch
    height, width = batch.shape[2:]
    strengths = strength.tolist()
    matrices = torch.tensor([_matrix(ops[i], strengths[i], width / height) for i in chosen])
    here = torch.tensor(chosen, device=batch.device)
    pictures = batch[here].float()
    grid = F.affine_grid(matrices.to(batch.device), list(pictures.shape), align_corners=False)
    warped = F.grid_sample(pictures, grid, padding_mode="reflection", align_corners=False)
    batch[here] = warped.round_().clamp_(0, 255).to(torch.uint8)
    return batch


def _matrix(op: str, strength: float, aspect: float) -> list[list[float]]:
    """Where a pixel comes from, in coordinates of -1..1: two rows of three.

    Args:
        aspect: Width by height: turns are round in pixels, not in those coordinates.
    """
    a, b, x, c, d, y = 1.0, 0.0, 0.0, 0.0, 1.0, 0.0
    if op == "rotate":
        angle = strength * ROTATION
        a, b = math.cos(angle), -math.sin(angle) / aspect
        c, d = math.sin(angle) * aspect, math.cos(angle)
    elif op == "shear_x":
        b = strength * SHEAR / aspect
    elif op == "shear_y":
        c = strength * SHEAR * aspect
    elif op == "translate_x":
        x = strength * 2 * TRANSLATION
    else:
        y = strength * 2 * TRANSLATION
    return [[a, b, x], [c, d, y]]


def _blend(plain: Tensor, batch: Tensor, strength: Tensor) -> Tensor:
    """Away from or towards a plain version of the pictures, as ``PIL.ImageEnhance`` does."""
    factor = 1 + BLEND * strength
    mixed = torch.lerp(plain.float(), batch.float(), factor.expand_as(plain))
    return mixed.round_().clamp_(0, 255).to(torch.uint8)


def _posterize(batch: Tensor, strength: Tensor) -> Tensor:
    """Keep the upper 4 to 8 bits of each pixel."""
    cleared = (strength.abs() * 4).round().to(torch.int32)
    return ((batch.to(torch.int32) >> cleared) << cleared).to(torch.uint8)


def _solarize(batch: Tensor, strength: Tensor) -> Tensor:
    """Invert the pixels above a threshold."""
    return torch.where(batch >= (1 - strength.abs()) * 255, 255 - batch, batch)


@cache
def _colour_ops() -> dict[str, Callable[[Tensor, Tensor], Tensor]]:
    """By name. torchvision takes as long to import as torch, and most data never needs it."""
    from torchvision.transforms.v2 import functional as V

    return {
        "brightness": lambda batch, strength: _blend(V.adjust_brightness(batch, 0.0), batch, strength),
        "contrast": lambda batch, strength: _blend(V.adjust_contrast(batch, 0.0), batch, strength),
        "saturation": lambda batch, strength: _blend(V.adjust_saturation(batch, 0.0), batch, strength),
        "sharpness": lambda batch, strength: _blend(V.adjust_sharpness(batch, 0.0), batch, strength),
        "posterize": _posterize,
        "solarize": _solarize,
        "autocontrast": lambda batch, strength: V.autocontrast(batch),  # noqa: ARG005
        "equalize": lambda batch, strength: V.equalize(batch),  # noqa: ARG005
    }
