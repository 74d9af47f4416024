"""Splits too large for memory: pictures are decoded in threads while the model works on the last batch.

Threads do what DataLoader workers would do (decoders release the interpreter lock) without starting
processes, which hang or die where a notebook defined a class.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from lepton_nb.batch import Batch
from lepton_nb.data.memory import to_device
from lepton_nb.data.ordering import batch_count, epoch_order, generator
from lepton_nb.data.pictures.augment import Augmented, Augmenter
from lepton_nb.data.pictures.stats import PixelStats
from lepton_nb.data.pictures.streaming import AHEAD
from lepton_nb.errors import DataError
from lepton_nb.tasks import InputError

if TYPE_CHECKING:
    from lepton_nb.data.pictures.pool import ImagePool


class LazySplit(Augmented):
    """A split whose pictures stay in their files.

    Args:
        name: ``train``, ``val`` or ``test``.
        pool: Where the pictures come from.
        rows: Which of the pool's pictures are this split's.
        targets: int64 ``(N,)``.
        stats: How pixels are normalised.
        augmenter: What augmented batches go through.
    """

    def __init__(
        self,
        name: str,
        pool: ImagePool,
        rows: np.ndarray,
        targets: Tensor,
        stats: PixelStats,
        augmenter: Augmenter | None,
    ) -> None:
        self.name = name
        self.targets: Tensor | None = targets
        self._targets = targets
        self._pool, self._rows = pool, rows
        self._stats, self._augmenter = stats, augmenter

    def __len__(self) -> int:
        return len(self._rows)

    def raw(self, index: int) -> Any:
        return self._pool.raw(int(self._rows[index]))

    def origin(self, index: int) -> Path | str:
        """The file of item `index`, or what it is called."""
        return self._pool.origin(int(self._rows[index]))

    def decode(self, index: int) -> np.ndarray:
        """Item `index` as uint8 ``(C, H, W)``.

        Raises:
            DataError: If its file has gone or changed since the data was loaded.
        """
        row = int(self._rows[index])
        try:
            return self._pool.form.load(self._pool.read(row))
        except (InputError, OSError) as error:
            raise DataError(
                f"{self._pool.name_of(row)} could be read when the data was loaded, now it cannot: {error}.",
                "Load the data again.",
            ) from error

    def loader(
        self,
        *,
        batch_size: int,
        device: torch.device | str = "cpu",
        shuffle: bool = False,
        seed: int = 0,
        augment: bool = False,
    ) -> LazyLoader:
        return LazyLoader(
            self,
            self._targets,
            batch_size=batch_size,
            device=torch.device(device),
            shuffle=shuffle,
            seed=seed,
            stats=self._stats,
            augmenter=self._augmenter if augment else None,
        )


class LazyLoader:
    """Batches decoded `AHEAD` of their use."""

    def __init__(
        self,
        split: LazySplit,
        targets: Tensor,
        *,
        batch_size: int,
        device: torch.device,
        shuffle: bool,
        seed: int,
        stats: PixelStats,
        augmenter: Augmenter | None,
    ) -> None:
        self.batch_size = batch_size
        self.num_items = len(split)
        self._split, self._targets = split, targets
        self._device, self._shuffle, self._seed = device, shuffle, seed
        self._stats, self._augmenter = stats, augmenter

    def __len__(self) -> int:
        return batch_count(self.num_items, self.batch_size, shuffle=self._shuffle)

    def batches(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        order = epoch_order(self.num_items, seed=self._seed, epoch=epoch, shuffle=self._shuffle)
        pool = ThreadPoolExecutor(max_workers=min(16, os.cpu_count() or 1))
        waiting: deque[tuple[Tensor, list[Future[np.ndarray]]]] = deque()
        numbers = iter(range(start, len(self)))
        try:
            for number in range(start, len(self)):
                while len(waiting) <= AHEAD and (next_number := next(numbers, None)) is not None:
                    index = order[next_number * self.batch_size : (next_number + 1) * self.batch_size]
                    waiting.append((index, [pool.submit(self._split.decode, i) for i in index.tolist()]))
                index, decoded = waiting.popleft()
                pixels = torch.from_numpy(np.stack([future.result() for future in decoded]))
                target = to_device(self._targets[index], self._device)
                yield Batch(self._prepare(pixels, epoch, number), target)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _prepare(self, pixels: Tensor, epoch: int, number: int) -> Tensor:
        if self._augmenter is not None:
            everything = torch.arange(len(pixels))
            pixels = self._augmenter(pixels, everything, generator(self._seed, epoch, number))
        return self._stats.normalise(to_device(pixels, self._device))
