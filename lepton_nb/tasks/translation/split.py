"""Pairs of token sequences in memory, and batches of them padded to their longest."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lepton_nb.batch import Batch, moved
from lepton_nb.data.ordering import batch_count, epoch_order, generator
from lepton_nb.tasks.translation.codec import padded
from lepton_nb.tasks.translation.tokens import PAD, START

_BLUR = 3.0  # tokens by which lengths are blurred, so that other pairs meet in every epoch


class Ragged:
    """Rows of whole numbers of different length, one after another."""

    def __init__(self, rows: Sequence[Sequence[int]]) -> None:
        self.lengths = np.array([len(row) for row in rows], dtype=np.int64)
        self.starts = np.concatenate([[0], np.cumsum(self.lengths)])
        self.values = np.fromiter((value for row in rows for value in row), np.int32, int(self.starts[-1]))

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, index: int) -> np.ndarray:
        row: np.ndarray = self.values[self.starts[index] : self.starts[index + 1]]
        return row

    def padded(self, rows: Sequence[int] | np.ndarray, width: int) -> Tensor:
        """These rows as int64 ``(N, width)``, cut where they are longer."""
        return torch.from_numpy(padded([self[row][:width] for row in rows], width))


@dataclass
class PairSplit:
    """Sources with their targets: one target an item where a model learns, all where it is measured.

    A batch has the inputs ``source (N, S)`` and ``before (N, T)``, what stands before each token of the first
    target, and as its target all of them, ``(N, R, T')``, the first first.

    Attributes:
        sources: Ids of each item's source.
        references: Ids of every target.
        members: Which of the references are each item's.
        text: Gives item ``i`` as a person sees it.
        longest: Tokens of a target that a model reads; to be measured against, they are kept whole.
    """

    name: str
    sources: Ragged
    references: Ragged
    members: Ragged
    text: Callable[[int], str]
    longest: int
    targets: Tensor | None = None

    def __len__(self) -> int:
        return len(self.sources)

    def raw(self, index: int) -> str:
        return self.text(range(len(self))[index])

    def loader(
        self,
        *,
        batch_size: int,
        device: torch.device | str = "cpu",
        shuffle: bool = False,
        seed: int = 0,
        augment: bool = False,  # noqa: ARG002
    ) -> PairLoader:
        return PairLoader(self, batch_size, torch.device(device), shuffle, seed)

    def batch(self, items: np.ndarray, shape: tuple[int, int] | None = None) -> Batch:
        """Items as one batch on the CPU.

        Args:
            shape: References an item and tokens of each, ``(R, T')``; as many as there are where None.
        """
        lists = [self.members[item] for item in items]
        first = self.references.lengths[[rows[0] for rows in lists]]
        most, longest = shape or (max(map(len, lists)), int(max(first)))
        target = torch.full((len(items), most, longest), PAD)
        for place, rows in zip(target, lists, strict=True):
            place[: len(rows)] = self.references.padded(rows[:most], longest)
        wanted = target[:, 0, : min(int(max(first)), self.longest)]
        start = torch.full((len(items), 1), START)
        source = self.sources.padded(items, int(self.sources.lengths[items].max()))
        # The token after the last is not asked for: what the end stands before, nothing follows.
        return Batch({"source": source, "before": torch.cat([start, wanted[:, :-1]], 1)}, target)

    @property
    def shape(self) -> tuple[int, int]:
        """References of the item that has most, and tokens of the longest."""
        return int(self.members.lengths.max()), int(self.references.lengths.max())

    @property
    def lengths(self) -> np.ndarray:
        """How long each item is, of both sides together."""
        first = self.members.values[self.members.starts[:-1]]
        total: np.ndarray = self.sources.lengths + self.references.lengths[first]
        return total


@dataclass
class PairLoader:
    """Batches of items of about one length, in any order; unshuffled, in the order of the items."""

    split: PairSplit
    batch_size: int
    device: torch.device
    shuffle: bool
    seed: int

    def __post_init__(self) -> None:
        self.num_items = len(self.split)

    def __len__(self) -> int:
        return batch_count(self.num_items, self.batch_size, shuffle=self.shuffle)

    def batches(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        # Batches of a fixed shape can be put one after another.
        shape = None if self.shuffle else self.split.shape
        for items in self._order(epoch)[start:]:
            inputs, target = self.split.batch(items, shape)
            yield Batch(moved(inputs, self.device), moved(target, self.device))

    def _order(self, epoch: int) -> list[np.ndarray]:
        """The items of each batch. Sorted by their blurred lengths, then the batches in any order."""
        order = epoch_order(self.num_items, seed=self.seed, epoch=epoch, shuffle=self.shuffle).numpy()
        order = order[: len(self) * self.batch_size]
        if not self.shuffle:
            return _pieces(order, self.batch_size)
        draws = generator(self.seed, epoch, len(order))
        blur = torch.rand(len(order), generator=draws).numpy() * _BLUR
        batches = _pieces(order[np.argsort(self.split.lengths[order] + blur, kind="stable")], self.batch_size)
        return [batches[number] for number in torch.randperm(len(batches), generator=draws)]


def _pieces(order: np.ndarray, size: int) -> list[np.ndarray]:
    return [order[at : at + size] for at in range(0, len(order), size)]
