"""A part of the data: pictures in memory or, where they do not fit, in their files; boxes beside them."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from lepton_nb.batch import Batch, moved
from lepton_nb.data.memory import prefetched
from lepton_nb.data.ordering import batch_count, epoch_order, generator
from lepton_nb.data.pictures.decoding import Decoded, PictureForm, decode
from lepton_nb.data.pictures.options import Augmentation, Size
from lepton_nb.data.pictures.stats import PixelStats, to_picture
from lepton_nb.data.pictures.streaming import AHEAD, CHUNK
from lepton_nb.errors import DataError
from lepton_nb.signature import Signature
from lepton_nb.tasks.detection.augment import AUGMENTERS, BoxAugmenter
from lepton_nb.tasks.detection.boxes import NOTHING, scale_to_input
from lepton_nb.tasks.images import load_image

Objects = list[tuple[np.ndarray, list[int]]]
"""Of each picture the boxes ``(K, 4)``, in its own pixels, and their labels."""


@dataclass
class Pool:
    """All pictures of a data set.

    Attributes:
        form: What the model gets of each.
        decoded: What one pass over them gave; it has pixels where these fit in memory.
        boxes: ``(M, K, 4)`` in pixels of that form.
        labels: int64 ``(M, K)``, filled up with `NOTHING`.
        sizes: Those of the pictures themselves.
    """

    paths: list[Path]
    form: PictureForm
    decoded: Decoded
    boxes: Tensor
    labels: Tensor
    sizes: list[Size]

    @classmethod
    def of(
        cls, paths: list[Path], form: PictureForm, decoded: Decoded, sizes: list[Size], objects: Objects
    ) -> Pool:
        most = max(1, *(len(labels) for _, labels in objects))
        boxes, labels = torch.zeros(len(paths), most, 4), torch.full((len(paths), most), NOTHING)
        for i, (own, numbers) in enumerate(objects):
            boxes[i, : len(own)] = torch.from_numpy(own * scale_to_input(sizes[i], form.size, form.fit))
            labels[i, : len(own)] = torch.tensor(numbers, dtype=torch.int64)
        return cls(paths, form, decoded, boxes, labels, sizes)

    def raw(self, i: int) -> Image.Image:
        """Picture `i` in its own size, upright."""
        return to_picture(load_image(self.paths[i], "RGB", None))

    def pixels(self, rows: Tensor) -> Tensor:
        """uint8 ``(N, 3, H, W)``.

        Raises:
            DataError: If a picture has to be decoded and can no longer be read.
        """
        if self.decoded.pixels is not None:
            return torch.from_numpy(self.decoded.pixels[rows.numpy()])
        paths = [self.paths[i] for i in rows.tolist()]
        found = decoded_again(paths, self.form, np.zeros((len(paths), *self.form.shape), np.uint8))
        assert found.pixels is not None
        return torch.from_numpy(found.pixels)

    def objects(self, i: int) -> tuple[np.ndarray, np.ndarray]:
        """Boxes, in pixels of the picture itself, and labels of picture `i`."""
        real = self.labels[i] != NOTHING
        scale = scale_to_input(self.sizes[i], self.form.size, self.form.fit)
        return self.boxes[i][real].numpy() / scale, self.labels[i][real].numpy()

    def counted(self, rows: np.ndarray, class_names: Sequence[str]) -> dict[str, int]:
        """Objects of each class in those pictures."""
        labels = self.labels[torch.from_numpy(rows)]
        by_class = torch.bincount(labels[labels != NOTHING], minlength=len(class_names)).tolist()
        return dict(zip(class_names, by_class, strict=True))

    def content(self, rows: np.ndarray) -> tuple[np.ndarray, ...]:
        """What stands for those pictures in a fingerprint."""
        return self.decoded.digests[rows], self.boxes[rows].numpy(), self.labels[rows].numpy()


def decoded_again(paths: list[Path], form: PictureForm, into: np.ndarray | None = None) -> Decoded:
    """Pictures that could be read once.

    Raises:
        DataError: If one cannot any more.
    """
    found = decode(paths.__getitem__, len(paths), form, into=into, chunk=CHUNK)
    for i, reason in found.bad.items():
        raise DataError(
            f"{paths[i]} could be read when the data was loaded, now it cannot: {reason}.",
            "Load the data again.",
        )
    return found


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
        changed = copy.copy(self)
        changed.augmenter = AUGMENTERS[preset]
        return changed

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
        settings, rows, pool = trained.preprocessing, self.rows.tolist(), self.pool
        paths, form = [pool.paths[i] for i in rows], PictureForm.of(settings)
        objects = [(boxes, [numbers[i] for i in labels]) for boxes, labels in map(pool.objects, rows)]
        sizes = [pool.sizes[i] for i in rows]
        seen = Pool.of(paths, form, decoded_again(paths, form), sizes, objects)
        stats = PixelStats(tuple(settings["mean"]), tuple(settings["std"]))
        return BoxSplit(self.name, seen, np.arange(len(rows)), stats, self.augmenter)

    def raw(self, index: int) -> Image.Image:
        return self.pool.raw(int(self.rows[index]))

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
        found = self._batches(epoch, start)
        return found if self.split.pool.decoded.pixels is not None else prefetched(found, AHEAD)

    def _batches(self, epoch: int, start: int) -> Iterator[Batch]:
        order = epoch_order(self.num_items, seed=self.seed, epoch=epoch, shuffle=self.shuffle)
        for number in range(start, len(self)):
            rows = self.split.rows[order[number * self.batch_size : (number + 1) * self.batch_size]]
            yield self._batch(rows, epoch, number)

    def _batch(self, rows: Tensor, epoch: int, number: int) -> Batch:
        pool = self.split.pool
        pixels, boxes, labels = pool.pixels(rows), pool.boxes[rows], pool.labels[rows]
        if self.augmenter is not None:
            pixels, boxes, labels = self.augmenter(pixels, boxes, labels, generator(self.seed, epoch, number))
        target: Any = moved({"boxes": boxes, "labels": labels}, self.device)
        return Batch(self.split.stats.normalise(pixels.to(self.device)), target)
