"""Splits read through a user's own DataLoader or Dataset."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor
from torch.utils.data import BatchSampler, DataLoader, Dataset, SequentialSampler, Subset

from lepton_nb.batch import Batch, Given, leaves, mapped
from lepton_nb.data.bundle import Inputs
from lepton_nb.data.ordering import batch_count, epoch_order
from lepton_nb.data.own.batches import as_float32, as_target, check_batch, explain_failure, sent, target_key
from lepton_nb.data.own.dataloader_views import count_items, item_order, rebuild
from lepton_nb.data.own.dataset_views import dataset_targets, picture_reader
from lepton_nb.data.own.isolation import RandomStreams
from lepton_nb.data.own.names import as_zeros_and_ones, collate, names_in
from lepton_nb.data.own.workers import (
    check_sendable,
    imports_in_workers,
    lost_batch,
    sent_by_value,
    worker_death,
)
from lepton_nb.data.targets import Kind
from lepton_nb.errors import DataError


class UserSplit:
    """What splits over a user's data share.

    Args:
        name: ``train``, ``val`` or ``test``.
        dataset: The user's Dataset.
        order: Which items the split holds, in the order of unshuffled batches; None where nobody can tell.
        num_items: How many there are.

    Attributes:
        kind: Whether the targets are classes or quantities, once that is known; None leaves those of a
            batch as they are.
        notes: What the report is to say.
        target_name: Under which name a dict batch holds its target; None for other batches.
        label_names: Of the labels, where targets are lists of those that hold.
    """

    def __init__(self, name: str, dataset: Dataset[Any], order: Sequence[int] | None, num_items: int) -> None:
        self.name = name
        self.dataset = dataset
        self.order = order
        self._num_items = num_items
        self.kind: Kind | None = None
        self.notes: list[str] = []
        self.target_name: str | None = None
        self.label_names: tuple[str, ...] = ()
        self.whole = False
        self.read_picture = picture_reader(dataset) if order is not None else None
        self.targets: Tensor | None = None
        if order is not None:
            targets = dataset_targets(dataset)
            self.targets = (
                None if targets is None else targets[torch.as_tensor(list(order), dtype=torch.int64)]
            )

    def __len__(self) -> int:
        return self._num_items

    def raw(self, index: int) -> Any:
        """Item `index` before the dataset's transform where that can be told, else its input as an array.

        Raises:
            DataError: If the loader's own sampler decides on the order.
        """
        if self.order is None:
            raise DataError(
                f"The items of {self.name} have no order: the loader draws them by its own sampler."
            )
        position = int(self.order[index])
        if self.read_picture is not None:
            return self.read_picture(position)
        return as_array(self.item(index))

    def origin(self, index: int) -> Path | int:
        """The file of item `index` where the dataset lists them, else its number there."""
        position = index if self.order is None else int(self.order[index])
        dataset: Any = self.dataset
        while isinstance(dataset, Subset):
            dataset, position = dataset.dataset, int(dataset.indices[position])
        listed = getattr(dataset, "samples", None)
        file = listed[position][0] if isinstance(listed, list) and isinstance(listed[0], tuple) else None
        return Path(file) if isinstance(file, str | Path) else position

    def set_kind(self, kind: Kind) -> None:
        """Say what the targets are; from now on they come as the tasks take them."""
        self.kind = kind
        self.targets = None if self.targets is None else as_target(self.targets, kind)

    def as_given(self) -> Self:
        """The same split, whose batches hold the targets exactly as the user's code yields them."""
        twin = copy.copy(self)
        twin.kind = None
        return twin

    def as_whole(self) -> Self:
        """The same split, whose batches also hold what the user's code yields: for a step of theirs."""
        twin = copy.copy(self)
        twin.whole = True
        return twin

    def ready(self, batch: Any, device: torch.device) -> Batch:
        """What the loader yields, as models and tasks take it, on the device; a whole one beside itself.

        Raises:
            DataError: If it is not ``(inputs, target)``.
        """
        if not self.whole:
            return self._known(batch, device)
        try:
            known = self._known(batch, device)
        except DataError:
            known = None
        return Given.of(sent(batch, device), known)

    def _known(self, batch: Any, device: torch.device) -> Batch:
        """What the loader yields, checked, in the types that models and tasks take, on the device.

        Raises:
            DataError: If it is not ``(inputs, target)``.
        """
        batch = as_zeros_and_ones(batch, self.label_names, self.name)
        inputs, target = check_batch(batch, self.name)
        if inputs is target:
            self._note(f"The batches of {self.name} are inputs alone: each item is its own target.")
        if any(tensor.dtype == torch.float64 for tensor in leaves(inputs)):
            self._note(f"The inputs of {self.name} are float64: read as float32.")
        self.target_name = target_key(batch)
        if self.kind is not None:
            target = as_target(target, self.kind)

        inputs = mapped(lambda tensor: as_float32(tensor).to(device, non_blocking=True), inputs)
        return Batch(inputs, mapped(lambda tensor: tensor.to(device, non_blocking=True), target))

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def item(self, index: int) -> Inputs:
        """The input of item `index` as the model gets it, without the batch dimension."""
        assert self.order is not None
        with RandomStreams(0).active():
            batch = collate([self.dataset[int(self.order[index])]])
        inputs, _ = self._known(batch, torch.device("cpu"))
        return mapped(lambda tensor: tensor[0], inputs)


class LoaderSplit(UserSplit):
    """A split read through a DataLoader: shuffled epochs take it as it is.

    Unshuffled epochs go through the dataset in order, so that batches line up with `raw`; where the loader's
    sampler is the user's own they take it as it is, too.
    """

    def __init__(self, name: str, loader: DataLoader[Any]) -> None:
        super().__init__(name, loader.dataset, item_order(loader), count_items(loader, name))
        if imports_in_workers(loader):
            check_sendable(loader, name)
        self._loader = loader

    def loader(
        self,
        *,
        batch_size: int,  # noqa: ARG002 - the loader has its own
        device: torch.device | str = "cpu",
        shuffle: bool = False,
        seed: int = 0,
        augment: bool = False,  # noqa: ARG002 - the dataset has its own transforms
    ) -> UserLoader:
        loader = self._loader if shuffle or self.order is None else self._in_order()
        if imports_in_workers(loader):
            loader = sent_by_value(loader)
        return UserLoader(self, loader, torch.device(device), seed)

    def _in_order(self) -> DataLoader[Any]:
        if isinstance(self._loader.sampler, SequentialSampler) and not self._loader.drop_last:
            return self._loader
        assert self.order is not None
        return rebuild(self._loader, dataset=Subset(self.dataset, self.order), sampler=None, drop_last=False)


class UserLoader:
    """Iterates a DataLoader, with random streams of its own, and moves the batches to the device."""

    def __init__(self, split: LoaderSplit, loader: DataLoader[Any], device: torch.device, seed: int) -> None:
        self._split, self._loader, self._device, self._seed = split, loader, device, seed
        self.num_items = len(split)
        self.batch_size = loader.batch_size or -(-self.num_items // max(len(loader), 1))

    def __len__(self) -> int:
        return len(self._loader)

    @property
    def last_batch(self) -> int | None:
        """Items in the last batch of an epoch; None where a batch sampler of the user's decides."""
        sampler = self._loader.batch_sampler
        if type(sampler) is not BatchSampler:
            return None
        return (
            sampler.batch_size
            if sampler.drop_last
            else self.num_items % sampler.batch_size or sampler.batch_size
        )

    def batches(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        for batch in self.given(epoch, start):
            yield self._split.ready(batch, self._device)

    def given(self, epoch: int, start: int = 0) -> Iterator[Any]:
        """The batches as the user's loader yields them."""
        streams = RandomStreams(self._seed, epoch)
        with streams.active():
            iterator = iter(self._loader)
        for number in range(len(self)):
            with streams.active():
                batch = self._next(iterator)
            if batch is None:
                return
            if number >= start:
                yield batch

    def _next(self, iterator: Iterator[Any]) -> Any:
        """The next batch of the loader; None at its end.

        Raises:
            DataError: If one of the loader's workers died.
        """
        try:
            return next(iterator, None)
        except RuntimeError as error:
            raise worker_death(error) or error from None
        except (ConnectionError, EOFError) as error:
            raise (lost_batch(error) if self._loader.num_workers else None) or error from None


class DatasetSplit(UserSplit):
    """A split of a map-style Dataset, batched here by the seed and the epoch, without workers."""

    def __init__(self, name: str, dataset: Dataset[Any], rows: Sequence[int]) -> None:
        super().__init__(name, dataset, rows, len(rows))

    def loader(
        self,
        *,
        batch_size: int,
        device: torch.device | str = "cpu",
        shuffle: bool = False,
        seed: int = 0,
        augment: bool = False,  # noqa: ARG002 - the dataset has its own transforms
    ) -> DatasetLoader:
        return DatasetLoader(
            self, batch_size=batch_size, device=torch.device(device), shuffle=shuffle, seed=seed
        )


class DatasetLoader:
    """Batches of a Dataset's items; each batch has random streams of its own, so that it can be the first."""

    def __init__(
        self, split: DatasetSplit, *, batch_size: int, device: torch.device, shuffle: bool, seed: int
    ) -> None:
        self._split, self._device, self._shuffle, self._seed = split, device, shuffle, seed
        self.batch_size = batch_size
        self.num_items = len(split)

    def __len__(self) -> int:
        return batch_count(self.num_items, self.batch_size, shuffle=self._shuffle)

    def batches(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        for batch in self.given(epoch, start):
            yield self._split.ready(batch, self._device)

    def given(self, epoch: int, start: int = 0) -> Iterator[Any]:
        """The batches as the user's items give them."""
        order = epoch_order(self.num_items, seed=self._seed, epoch=epoch, shuffle=self._shuffle).tolist()
        rows = self._split.order
        assert rows is not None
        for number in range(start, len(self)):
            chosen = order[number * self.batch_size : (number + 1) * self.batch_size]
            with RandomStreams(self._seed, epoch, number).active():
                items = [self._split.dataset[int(rows[i])] for i in chosen]
            yield collate(items)


AnySplit = LoaderSplit | DatasetSplit


def first_batches(splits: Mapping[str, AnySplit], names: Sequence[str] | None) -> dict[str, Batch]:
    """One batch of each split, in the order of `raw`.

    Where targets are lists of names the splits are told what labels there are.

    Args:
        names: Of the labels, where they are given; else all of the training split are read.

    Raises:
        DataError: If the user's code fails, or a batch is not ``(inputs, target)``; says where and why.
    """
    given = {part: next(_given(split)) for part, split in splits.items()}
    found = names_in([given["train"]])
    if found:
        found = tuple(names or ()) or names_in(_given(splits["train"]))
    for split in splits.values():
        split.label_names = found
    return {part: splits[part].ready(batch, torch.device("cpu")) for part, batch in given.items()}


def _given(split: AnySplit) -> Iterator[Any]:
    """The batches of a split as the user's code gives them, and what it fails with explained."""
    try:
        yield from split.loader(batch_size=min(64, len(split))).given(0)
    except DataError:
        raise
    except Exception as error:  # the user's own code: Dataset, transform, collate_fn
        raise explain_failure(error, split.name) from error


def as_array(inputs: Inputs) -> Any:
    """A tree of tensors as one of numpy arrays."""
    return mapped(lambda tensor: tensor.numpy(), inputs)
