"""Mixup and cutmix: batches whose items are blended in pairs, with targets blended alike.

Mixup is Zhang et al. 2018 (arXiv:1710.09412), cutmix Yun et al. 2019 (arXiv:1905.04899). Every item meets the
one before it; batches are shuffled, so that is a random pair. Where both are on, each batch takes one of the
two.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from lepton_nb.batch import Batch, Tree, mapped
from lepton_nb.data import DataBundle, Loader
from lepton_nb.errors import ArgumentError
from lepton_nb.models.calling import input_tensors
from lepton_nb.training.config import TrainConfig

_SALT = 0x6D6978  # draws of its own, apart from those of the order and the augmentation


class MixedLoader:
    """The batches of another loader, mixed. The draws depend on seed, epoch and batch number alone.

    Args:
        loader: Where the batches come from.
        mixup: Alpha of the Beta distribution of mixup's weights; 0 is off.
        cutmix: Alpha of the Beta distribution of cutmix's areas; 0 is off.
        classes: How many, where targets are indices: they become probabilities ``(N, C)``. None leaves
            quantities as they are.
        seed: Seed of the draws.
    """

    def __init__(
        self, loader: Loader, *, mixup: float, cutmix: float, classes: int | None, seed: int
    ) -> None:
        self.loader = loader
        self.batch_size, self.num_items = loader.batch_size, loader.num_items
        self.mixup, self.cutmix = mixup, cutmix
        self.classes = classes
        self.seed = seed

    def __len__(self) -> int:
        return len(self.loader)

    def batches(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        for number, (inputs, target) in enumerate(self.loader.batches(epoch, start), start):
            draw = np.random.default_rng([self.seed % 2**32, epoch, number, _SALT])
            if self.classes is not None:
                target = F.one_hot(target, self.classes).float()
            cut = self.cutmix > 0 and (self.mixup == 0 or draw.random() < 0.5)
            alpha = self.cutmix if cut else self.mixup
            share = float(draw.beta(alpha, alpha))
            if cut:
                inputs, share = _paste(inputs, share, draw)
            else:
                inputs = mapped(partial(_blend, share=share), inputs)
            yield Batch(inputs, _blend(target, share))


def check_mixing(config: TrainConfig, data: DataBundle, loss: Any) -> None:
    """Refuse what cannot be mixed, before anything is trained.

    Raises:
        ArgumentError: If the inputs are no numbers, or for cutmix no pictures, or the loss wants indices.
    """
    if not config.mixup and not config.cutmix:
        return
    inputs, target = data.example(2)
    tensors = input_tensors(inputs)
    if not all(part.is_floating_point() for part in tensors):
        raise ArgumentError(
            f"mixup and cutmix blend numbers, but the inputs of {data.name!r} are {tensors[0].dtype} (ids).",
            "Leave --mixup and --cutmix out.",
        )
    if config.cutmix and (not isinstance(inputs, Tensor) or inputs.ndim != 4):
        shape = tuple(tensors[0].shape[1:])
        raise ArgumentError(
            f"cutmix pastes boxes of pictures (C, H, W), but an input of {data.name!r} is {shape}.",
            "Use --mixup instead.",
        )
    classes = class_count(data)
    if classes is None:
        _check_blendable(target, data.name)
        return
    device = next((p.device for p in getattr(loss, "parameters", list)()), target.device)
    soft = torch.full((2, classes), 1 / classes, device=device)
    try:
        value = loss(torch.zeros(2, classes, device=device), soft)
        usable = isinstance(value, Tensor) and math.isfinite(float(value))
    except (RuntimeError, TypeError, ValueError, IndexError):
        usable = False
    if not usable:
        raise ArgumentError(
            "With mixup or cutmix the targets are class probabilities (N, C), which your loss does not take.",
            "nn.CrossEntropyLoss() does.",
        )


def _check_blendable(target: Tree, name: str) -> None:
    if not isinstance(target, Tensor):
        raise ArgumentError(
            f"mixup and cutmix blend one target an item, but {name!r} has several.",
            "Leave --mixup and --cutmix out.",
        )
    if not target.is_floating_point():
        raise ArgumentError(
            f"mixup and cutmix blend targets, but your loss gets those of {name!r} as {target.dtype}.",
            "Leave --mixup and --cutmix out, or blend in your own DataLoader.",
        )


def mixed(loader: Loader, data: DataBundle, config: TrainConfig) -> Loader:
    """The loader with the mixing that the settings ask for; the loader itself where they ask for none."""
    if not config.mixup and not config.cutmix:
        return loader
    return MixedLoader(
        loader,
        mixup=config.mixup,
        cutmix=config.cutmix,
        classes=class_count(data),
        seed=config.seed,
    )


def class_count(data: DataBundle) -> int | None:
    """How many classes the targets are indices of; None where they are quantities."""
    return data.signature.num_outputs if data.task.target_dtype == "int64" else None


def _blend(values: Tensor, share: float) -> Tensor:
    return values.roll(1, 0).lerp_(values, share)


def _paste(pictures: Tensor, share: float, draw: np.random.Generator) -> tuple[Tensor, float]:
    """A box with the area ``1 - share`` of the picture before; and the share that was really left."""
    height, width = pictures.shape[-2:]
    side = math.sqrt(1.0 - share)
    middle_y, middle_x = int(draw.integers(height)), int(draw.integers(width))
    half_y, half_x = int(height * side) // 2, int(width * side) // 2
    top, bottom = max(0, middle_y - half_y), min(height, middle_y + half_y)
    left, right = max(0, middle_x - half_x), min(width, middle_x + half_x)
    mixed = pictures.clone()
    mixed[..., top:bottom, left:right] = pictures.roll(1, 0)[..., top:bottom, left:right]
    return mixed, 1.0 - (bottom - top) * (right - left) / (height * width)
