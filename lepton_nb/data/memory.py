"""Splits that lie in memory as tensors, batched by indexing: no DataLoader, no workers."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from lepton_nb.batch import Batch
from lepton_nb.data.ordering import batch_count, epoch_order, generator
from lepton_nb.data.pictures.augment import Augmented, Augmenter
from lepton_nb.data.pictures.stats import PixelStats
from lepton_nb.data.pictures.streaming import AHEAD, Stream

if TYPE_CHECKING:
    from lepton_nb.data.bundle import Loader

RawItem = Callable[[int], Any]
Origin = Callable[[int], Path | str | int]
DEVICE_SHARE = 0.25  # of an accelerator's free memory that one split may take
BLOCK = 64 * 1024  # bytes of items gathered at once where batches are small

_Tensors = tuple[Tensor, Tensor, Tensor]  # inputs, targets, rows of the inputs


class MemorySplit(Augmented):
    """A split held as two tensors.

    Args:
        name: ``train``, ``val`` or ``test``.
        inputs: uint8 images ``(M, C, H, W)`` where `stats` is given, else what the model takes.
        targets: int64 ``(N,)`` or float32 ``(N, T)``.
        raw_item: Gives item ``i`` as a person sees it.
        rows: Which of the M inputs are this split's N, so that splits share one array; None for all.
        stats: How uint8 pixels are normalised.
        augmenter: What augmented batches go through.
        ahead: Batches that a thread gathers before they are asked for: where reading may wait for a disk.
        stream: Decodes the inputs when they are first asked for.
        origin: Gives the file, the name or the row of item ``i`` in what was read.
    """

    def __init__(
        self,
        name: str,
        inputs: Tensor,
        targets: Tensor,
        raw_item: RawItem,
        *,
        rows: Tensor | None = None,
        stats: PixelStats | None = None,
        augmenter: Augmenter | None = None,
        ahead: int = 0,
        stream: Stream | None = None,
        origin: Origin | None = None,
    ) -> None:
        self.name = name
        self.origin = origin
        self.inputs = inputs
        self.targets: Tensor | None = targets
        self._targets = targets
        self._raw_item = raw_item
        self._rows = torch.arange(len(targets)) if rows is None else rows
        self._stats = stats
        self._augmenter = augmenter
        self._ahead = ahead
        self._stream = stream
        self._copies: dict[torch.device, _Tensors] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_copies": {}}  # another process makes its own copies on the device

    def __len__(self) -> int:
        return len(self._targets)

    def raw(self, index: int) -> Any:
        return self._raw_item(range(len(self))[index])

    def loader(
        self,
        *,
        batch_size: int,
        device: torch.device | str = "cpu",
        shuffle: bool = False,
        seed: int = 0,
        augment: bool = False,
    ) -> Loader:
        device = torch.device(device)
        return MemoryLoader(
            *self._on_device(device),
            batch_size=batch_size,
            device=device,
            shuffle=shuffle,
            seed=seed,
            stats=self._stats,
            augmenter=self._augmenter if augment else None,
            ahead=self._ahead,
            stream=self._unfinished(),
        )

    def _unfinished(self) -> Stream | None:
        """The stream, as long as it has pictures to decode or to leave out."""
        stream = self._stream
        if stream is None or (stream.complete and stream.fill(self._rows.numpy()).all()):
            return None
        return stream

    def _on_device(self, device: torch.device) -> _Tensors:
        """The tensors, copied to the device once where it has room for them, else where they are."""
        here = (self.inputs, self._targets, self._rows)
        if device.type == "cpu" or self._unfinished() is not None:
            return here
        if device not in self._copies:
            if not _has_room(device, len(self) * self.inputs[0].nbytes):
                return here
            inputs = self.inputs.index_select(0, self._rows).to(device)
            self._copies[device] = (inputs, self._targets.to(device), torch.arange(len(self), device=device))
        return self._copies[device]


class MemoryLoader:
    """Batches by `index_select` over a permutation of the epoch."""

    def __init__(
        self,
        inputs: Tensor,
        targets: Tensor,
        rows: Tensor,
        *,
        batch_size: int,
        device: torch.device,
        shuffle: bool,
        seed: int,
        stats: PixelStats | None,
        augmenter: Augmenter | None,
        ahead: int = 0,
        stream: Stream | None = None,
    ) -> None:
        self.batch_size = batch_size
        self.num_items = len(targets)
        self._inputs, self._targets, self._rows = inputs, targets, rows
        self._device, self._shuffle, self._seed = device, shuffle, seed
        self._stats, self._augmenter, self._ahead = stats, augmenter, ahead
        self._stream = stream

    @property
    def streams(self) -> bool:
        """Whether there are pictures left to decode."""
        return self._stream is not None and not self._stream.complete

    def __len__(self) -> int:
        return batch_count(self.num_items, self.batch_size, shuffle=self._shuffle)

    def batches(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        batches = self._gather(epoch, start)
        ahead = AHEAD if self.streams else self._ahead  # decoded and in memory, they cost less than a thread
        return prefetched(batches, ahead) if ahead else batches

    def _gather(self, epoch: int, start: int) -> Iterator[Batch]:
        order = epoch_order(self.num_items, seed=self._seed, epoch=epoch, shuffle=self._shuffle)
        order = order[: len(self) * self.batch_size].to(self._inputs.device)
        together = self._together()
        for first in range(start, len(self), together):
            index = order[first * self.batch_size : (first + together) * self.batch_size]
            if self._stream is not None:
                index = self._readable(index, self._stream)
            target = to_device(self._targets.index_select(0, index), self._device)
            inputs = self._prepare(index, epoch, first)
            if together == 1:
                yield Batch(inputs, target)
            else:
                pieces = torch.split(inputs, self.batch_size), torch.split(target, self.batch_size)
                yield from map(Batch, *pieces)

    def _readable(self, index: Tensor, stream: Stream) -> Tensor:
        """Those of a batch whose pictures can be read; they are decoded now.

        Raises:
            DataError: If there are none, or if the batches are to be in the order of the split.
        """
        rows = self._rows[index].cpu().numpy()
        good = stream.fill(rows)
        if good.all():
            return index
        if not self._shuffle or not good.any():
            raise stream.refuse(rows[~good])
        return index[torch.from_numpy(good)]

    def _together(self) -> int:
        """Batches gathered at once: many small ones cost little more than one. Augmentation takes one."""
        if self._augmenter is not None or self._stream is not None or not len(self._inputs):
            return 1
        return max(1, BLOCK // max(1, self._inputs[0].nbytes * self.batch_size))

    def _prepare(self, index: Tensor, epoch: int, number: int) -> Tensor:
        rows = self._rows.index_select(0, index)
        if self._augmenter is None:
            items = self._inputs.index_select(0, rows)
        else:
            items = self._augmenter(self._inputs, rows, generator(self._seed, epoch, number))
        items = to_device(items, self._device)
        return items if self._stats is None else self._stats.normalise(items)


def prefetched(batches: Iterator[Batch], ahead: int) -> Iterator[Batch]:
    """The same batches, of which a thread makes up to `ahead` before they are asked for."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        waiting: deque[Future[Batch | None]] = deque()
        try:
            while True:
                while len(waiting) <= ahead:
                    waiting.append(pool.submit(next, batches, None))
                batch = waiting.popleft().result()
                if batch is None:
                    return
                yield batch
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def to_device(tensor: Tensor, device: torch.device) -> Tensor:
    """The tensor on the device; to a GPU by way of pinned memory, so that nobody waits for the copy."""
    if tensor.device.type == "cpu" and device.type == "cuda":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor if tensor.device == device else tensor.to(device)


def _has_room(device: torch.device, nbytes: int) -> bool:
    if device.type != "cuda":
        return False
    free, _ = torch.cuda.mem_get_info(device)
    return nbytes < free * DEVICE_SHARE
