"""What one of several processes gets of a loader's batches, when all of them train or measure one run."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from lepton_nb.batch import Batch, part
from lepton_nb.data.bundle import Loader


class Shard:
    """One rank's part of every batch.

    Each batch is cut as equal as can be: its parts, in the order of the ranks, are the batch as one process
    alone would have it, order and augmentation included. So all ranks have as many batches, and no item is
    lost or doubled. Of a batch with fewer items than ranks some ranks get a part of no items, of which a pass
    over held-out data measures nothing. No model trains on one: such a last batch is left out for all.

    Args:
        loader: Gives the same batches on every rank.
        training: Whether a last batch of fewer items than ranks is left out.
    """

    def __init__(self, loader: Loader, rank: int, world: int, *, training: bool = False) -> None:
        self.batch_size = -(-loader.batch_size // world)
        self.num_items = loader.num_items
        self._loader, self._rank, self._world = loader, rank, world
        self._training = training

    def __len__(self) -> int:
        count = len(self._loader)
        last = self.num_items - (count - 1) * self._loader.batch_size
        return count - (self._training and 0 < last < self._world)

    def batches(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        whole = self._loader.batches(epoch, start)
        for batch in islice(whole, max(len(self) - start, 0)):
            first, stop = (batch.items * rank // self._world for rank in (self._rank, self._rank + 1))
            yield part(batch, first, stop)
