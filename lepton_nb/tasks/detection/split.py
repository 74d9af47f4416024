"""A part of the data in memory: pixels, boxes and labels, batched by indexing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from lepton_nb.batch import Batch, moved
from lepton_nb.data.ordering import batch_count, epoch_order, generator
from lepton_nb.data.pictures.stats import PixelStats
from lepton_nb.tasks.detection.augment import BoxAugmenter
from lepton_nb.tasks.detection.boxes import NOTHING, scale_to_input
from lepton_nb.tasks.detection.pictures import open_upright


@dataclass
class Pool:
    """All pictures of a data set.

    Attributes:
        pixels: uint8 ``(M, 3, H, W)``.
        boxes: ``(M, K, 4)`` in their pixels.
        labels: int64 ``(M, K)``, filled up with `NOTHING`.
        sizes: Height and width of each picture itself.
        fit: How it was made to fit.
    """

    paths: list[Path]
    pixels: Tensor
    boxes: Tensor
    labels: Tensor
    sizes: list[tuple[int, int]]
    fit: str

    def objects(self, i: int) -> tuple[np.ndarray, np.ndarray]:
        """Boxes, in pixels of the picture itself, and labels of picture `i`."""
        real = self.labels[i] != NOTHING
        scale = scale_to_input(self.sizes[i], self.pixels.shape[-2:], self.fit)
        return self.boxes[i][real].numpy() / scale, self.labels[i][real].numpy()

    def content(self, rows: np.ndarray) -> tuple[np.ndarray, ...]:
        """What stands for those pictures in a fingerprint."""
        index = torch.from_numpy(rows)
        return tuple(part[index].numpy() for part in (self.pixels, self.boxes, self.labels))


class BoxSplit:
    """Some of the pictures of a pool.

    Args:
        rows: Which.
        stats: How pixels are normalised.
        augmenter: What augmented batches go through.
    """

    def __init__(
        self, name: str, pool: Pool, rows: np.ndarray, stats: PixelStats, augmenter: BoxAugmenter | None
    ) -> None:
        self.name, self.pool, self.rows = name, pool, torch.from_numpy(rows)
        self.stats, self.augmenter = stats, augmenter
        self.targets: Tensor | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def raw(self, index: int) -> Image.Image:
        return open_upright(self.pool.paths[int(self.rows[index])])

    def loader(
        self,
        *,
        batch_size: int,
        device: torch.device | str = "cpu",
        shuffle: bool = False,
        seed: int = 0,
        augment: bool = False,
    ) -> BoxLoader:
        return BoxLoader(self, batch_size, torch.device(device), shuffle, seed, augment)


@dataclass
class BoxLoader:
    """Batches of ``image`` and a target of ``boxes`` and ``labels``; the draws follow from epoch and number."""

    split: BoxSplit
    batch_size: int
    device: torch.device
    shuffle: bool
    seed: int
    augment: bool

    @property
    def num_items(self) -> int:
        return len(self.split)

    def __len__(self) -> int:
        return batch_count(self.num_items, self.batch_size, shuffle=self.shuffle)

    def batches(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        order = epoch_order(self.num_items, seed=self.seed, epoch=epoch, shuffle=self.shuffle)
        for number in range(start, len(self)):
            rows = self.split.rows[order[number * self.batch_size : (number + 1) * self.batch_size]]
            yield self._batch(rows, epoch, number)

    def _batch(self, rows: Tensor, epoch: int, number: int) -> Batch:
        pool, augmenter = self.split.pool, self.split.augmenter
        pixels, boxes, labels = pool.pixels[rows], pool.boxes[rows], pool.labels[rows]
        if self.augment and augmenter is not None:
            pixels, boxes, labels = augmenter(pixels, boxes, labels, generator(self.seed, epoch, number))
        target: Any = moved({"boxes": boxes, "labels": labels}, self.device)
        return Batch(self.split.stats.normalise(pixels.to(self.device)), target)
