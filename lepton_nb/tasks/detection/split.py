"""A part of the data in memory: pixels, boxes and labels, batched by indexing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from lepton_nb.batch import Batch, moved
from lepton_nb.data.ordering import batch_count, epoch_order, generator
from lepton_nb.data.pictures.options import Augmentation
from lepton_nb.data.pictures.stats import PixelStats
from lepton_nb.errors import DataError
from lepton_nb.signature import Signature
from lepton_nb.tasks.base import InputError
from lepton_nb.tasks.detection.augment import AUGMENTERS, BoxAugmenter
from lepton_nb.tasks.detection.boxes import NOTHING, scale_to_input
from lepton_nb.tasks.detection.pictures import Size, open_upright, seen_by_model

_THREADS = 8


@dataclass
class Pool:
    """All pictures of a data set.

    Attributes:
        pixels: uint8 ``(M, 3, H, W)``.
        boxes: ``(M, K, 4)`` in their pixels.
        labels: int64 ``(M, K)``, filled up with `NOTHING`.
        sizes: Those of the pictures themselves.
        fit: How they were made to fit.
    """

    paths: list[Path]
    pixels: Tensor
    boxes: Tensor
    labels: Tensor
    sizes: list[Size]
    fit: str

    @property
    def size(self) -> Size:
        """Height and width that the model gets."""
        height, width = self.pixels.shape[-2:]
        return height, width

    @classmethod
    def of(
        cls,
        paths: list[Path],
        pixels: Tensor,
        sizes: list[Size],
        fit: str,
        objects: list[tuple[np.ndarray, list[int]]],
    ) -> Pool:
        """Of pictures with the boxes ``(K, 4)``, in pixels of the picture itself, and labels of each."""
        most = max(1, *(len(labels) for _, labels in objects))
        boxes, labels = torch.zeros(len(paths), most, 4), torch.full((len(paths), most), NOTHING)
        pool = cls(paths, pixels, boxes, labels, sizes, fit)
        for i, (own, numbers) in enumerate(objects):
            pool.boxes[i, : len(own)] = torch.from_numpy(own * scale_to_input(sizes[i], pool.size, fit))
            pool.labels[i, : len(own)] = torch.tensor(numbers, dtype=torch.int64)
        return pool

    @staticmethod
    def decode(paths: list[Path], size: Size, fit: str) -> list[np.ndarray | InputError]:
        """Each picture as the model sees it, or why it cannot be read."""

        def one(path: Path) -> np.ndarray | InputError:
            try:
                return seen_by_model(path, size, fit)[0]
            except InputError as error:
                return error

        with ThreadPoolExecutor(_THREADS) as threads:
            return list(threads.map(one, paths))

    def objects(self, i: int) -> tuple[np.ndarray, np.ndarray]:
        """Boxes, in pixels of the picture itself, and labels of picture `i`."""
        real = self.labels[i] != NOTHING
        scale = scale_to_input(self.sizes[i], self.size, self.fit)
        return self.boxes[i][real].numpy() / scale, self.labels[i][real].numpy()

    def counted(self, rows: np.ndarray, class_names: Sequence[str]) -> dict[str, int]:
        """Objects of each class in those pictures."""
        labels = self.labels[torch.from_numpy(rows)]
        by_class = torch.bincount(labels[labels != NOTHING], minlength=len(class_names)).tolist()
        return dict(zip(class_names, by_class, strict=True))

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
        self,
        name: str,
        pool: Pool,
        rows: np.ndarray,
        stats: PixelStats,
        augmenter: BoxAugmenter | None = None,
    ) -> None:
        self.name, self.pool, self.rows = name, pool, torch.from_numpy(rows)
        self.stats, self.augmenter = stats, augmenter
        self.targets: Tensor | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def with_preset(self, preset: Augmentation) -> BoxSplit:
        return BoxSplit(self.name, self.pool, self.rows.numpy(), self.stats, AUGMENTERS[preset])

    def varied_by(self, preset: Augmentation) -> str:
        return f'mirroring, zoom and colour, boxes with them (augment="{preset}").'

    def as_trained(self, own: Signature, trained: Signature) -> BoxSplit:
        """The same pictures as a model of another signature sees them, classes matched by name.

        Raises:
            DataError: If there is a class that the model does not know, or a picture can no longer be read.
        """
        unknown = [name for name in own.class_names if name not in trained.class_names]
        if unknown:
            raise DataError(
                f"The model knows no class {unknown[0]!r}; its classes are {trained.class_names}."
            )
        numbers = [trained.class_names.index(name) for name in own.class_names]
        settings, rows = trained.preprocessing, self.rows.tolist()
        paths, size = [self.pool.paths[i] for i in rows], tuple(settings["size"])
        decoded = self.pool.decode(paths, size, settings["fit"])
        for path, seen in zip(paths, decoded, strict=True):
            if isinstance(seen, InputError):
                raise DataError(f"{path} could be read when the data was loaded, now it cannot: {seen}.")
        objects = [(boxes, [numbers[i] for i in labels]) for boxes, labels in map(self.pool.objects, rows)]
        pixels = torch.from_numpy(np.stack([seen for seen in decoded if isinstance(seen, np.ndarray)]))
        pool = Pool.of(paths, pixels, [self.pool.sizes[i] for i in rows], settings["fit"], objects)
        stats = PixelStats(tuple(settings["mean"]), tuple(settings["std"]))
        return BoxSplit(self.name, pool, np.arange(len(rows)), stats, self.augmenter)

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


class BoxLoader:
    """Batches of pictures and a target of ``boxes`` and ``labels``; draws follow from epoch and number."""

    def __init__(
        self, split: BoxSplit, batch_size: int, device: torch.device, shuffle: bool, seed: int, augment: bool
    ) -> None:
        self.split, self.batch_size, self.device = split, batch_size, device
        self.shuffle, self.seed = shuffle, seed
        self.augmenter = split.augmenter if augment else None
        self.num_items = len(split)

    def __len__(self) -> int:
        return batch_count(self.num_items, self.batch_size, shuffle=self.shuffle)

    def batches(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        order = epoch_order(self.num_items, seed=self.seed, epoch=epoch, shuffle=self.shuffle)
        for number in range(start, len(self)):
            rows = self.split.rows[order[number * self.batch_size : (number + 1) * self.batch_size]]
            yield self._batch(rows, epoch, number)

    def _batch(self, rows: Tensor, epoch: int, number: int) -> Batch:
        pool = self.split.pool
        pixels, boxes, labels = pool.pixels[rows], pool.boxes[rows], pool.labels[rows]
        if self.augmenter is not None:
            pixels, boxes, labels = self.augmenter(pixels, boxes, labels, generator(self.seed, epoch, number))
        target: Any = moved({"boxes": boxes, "labels": labels}, self.device)
        return Batch(self.split.stats.normalise(pixels.to(self.device)), target)
