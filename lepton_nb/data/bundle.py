"""A data set ready for a model: its splits, what they feed the model, and a report on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from lepton_nb.batch import Batch, Tree, joined, part
from lepton_nb.data.pictures.augment import (
    AUGMENTED_BY,
    Augmenter,
    augmenter_for,
)
from lepton_nb.data.pictures.options import Augmentation, check_augment
from lepton_nb.data.report import DataReport, Finding
from lepton_nb.errors import ArgumentError, NotFoundError, did_you_mean
from lepton_nb.models.tokens import Tokens
from lepton_nb.signature import Signature
from lepton_nb.tasks import Task, get_task
from lepton_nb.tasks.generic import Generic

Inputs = Tree


class Loader(Protocol):
    """Batches of one split, already on the device.

    Attributes:
        batch_size: Items in a batch; the last batch may be smaller.
        num_items: Items in an epoch.
    """

    batch_size: int
    num_items: int

    def __len__(self) -> int:
        """Batches in an epoch."""

    def batches(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """The batches of one epoch from batch number `start` on, as ``(inputs, target)``.

        The order and the augmentation depend only on the loader's seed, the epoch and the batch's number.
        """


class Split(Protocol):
    """One part of a data set: ``train``, ``val`` or ``test``.

    Attributes:
        name: The part's name.
        targets: All targets on the CPU, int64 ``(N,)`` or float32 ``(N, T)``, in the order of `raw`; None
            where only reading the data would tell.
    """

    name: str
    targets: Tensor | None

    def __len__(self) -> int:
        """Number of items."""

    def loader(
        self,
        *,
        batch_size: int,
        device: torch.device | str = "cpu",
        shuffle: bool = False,
        seed: int = 0,
        augment: bool = False,
    ) -> Loader:
        """Batches of this split; unshuffled batches come in the order of `raw`."""

    def raw(self, index: int) -> Any:
        """Item `index` as a person sees it: a PIL image, a sentence, a row as a dict, or an array."""


@runtime_checkable
class Augmentable(Split, Protocol):
    """A split whose uint8 pictures an `Augmenter` changes."""

    def with_augmenter(self, augmenter: Augmenter | None) -> Split:
        """The same split with another augmenter."""


@runtime_checkable
class Varied(Split, Protocol):
    """A split with changes of its own for training items."""

    def with_preset(self, preset: Augmentation) -> Split:
        """The same split, varied as the preset says."""

    def varied_by(self, preset: Augmentation) -> str:
        """What the preset does, for the report."""


@runtime_checkable
class Given(Split, Protocol):
    """A split of the user's own loader, whose targets are seen as its task takes them."""

    def as_given(self) -> Split:
        """The same split with targets exactly as the loader yields them."""


@runtime_checkable
class Whole(Split, Protocol):
    """A split of the user's own loader, whose batches can be seen exactly as it yields them."""

    def as_whole(self) -> Split:
        """The same split, whose batches are `Given`."""


@runtime_checkable
class Refitting(Split, Protocol):
    """A split that can give its items as a model of another signature was trained on."""

    def as_trained(self, own: Signature, trained: Signature) -> Split:
        """The same split, prepared as `trained` says; `own` is what its data say.

        Raises:
            DataError: If the items do not fit.
        """


@dataclass
class DataBundle:
    """Train, validation and test data with the signature that travels into the service.

    Attributes:
        name: What reports and runs call it.
        signature: What the model takes and gives, with the preprocessing that training used.
        splits: The parts by name, a subset of ``train``, ``val``, ``test`` in that order.
        report: What is in it and what was cleaned.
        fingerprint: Hash of the items and targets in the splits; equal for equal data.
        spec: JSON that `from_spec` rebuilds this from, in any process; None for in-memory objects.
        augment: The preset that shuffled training batches go through.
        contents: What stands for each item's content, uint64 ``(N,)`` by split, to know items again in other
            data; without the splits where that costs too much.
        reread: Reads the data again in this process, with other options; None where nothing here read them.
    """

    name: str
    signature: Signature
    splits: Mapping[str, Split]
    report: DataReport
    fingerprint: str
    spec: dict[str, Any] | None = None
    augment: Augmentation = "none"
    contents: Mapping[str, np.ndarray] = field(default_factory=dict)
    reread: Callable[..., DataBundle] | None = field(default=None, repr=False, compare=False)

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "reread": None}  # it holds what the data were read from

    @cached_property
    def task(self) -> Task:
        return get_task(self.signature.task)

    @property
    def train(self) -> Split:
        return self.split("train")

    @property
    def val(self) -> Split | None:
        return self.splits.get("val")

    @property
    def test(self) -> Split | None:
        return self.splits.get("test")

    def split(self, name: str) -> Split:
        """The split called `name`.

        Raises:
            NotFoundError: If the data has no such split.
        """
        if name not in self.splits:
            raise NotFoundError(f"Data {self.name!r} has no split {name!r}.", did_you_mean(name, self.splits))
        return self.splits[name]

    def loader(
        self,
        split: str,
        *,
        batch_size: int,
        device: torch.device | str = "cpu",
        shuffle: bool | None = None,
        seed: int = 0,
    ) -> Loader:
        """Batches of one split; ``train`` is shuffled, and augmented when shuffled, unless told otherwise."""
        shuffled = split == "train" if shuffle is None else shuffle
        augment = split == "train" and shuffled and self.augment != "none"
        part = self.split(split)
        return part.loader(batch_size=batch_size, device=device, shuffle=shuffled, seed=seed, augment=augment)

    def with_augment(self, augment: str) -> DataBundle:
        """The same data with another augmentation preset.

        Raises:
            DataError: If there is no such preset.
            ArgumentError: If these are no pictures, or pictures that the user's own loader augments.
        """
        preset = check_augment(augment)
        if preset == self.augment:
            return self
        changed, said = self._varied(preset)
        if len(changed) < len(self.splits):
            raise ArgumentError(
                f"augment={augment!r} is for pictures read here; {self.name!r} is {self.report.source}.",
                'Leave it at augment="none".',
            )
        spec = self.spec and {**self.spec, "options": {**self.spec["options"], "augment": preset}}
        kept = [f for f in self.report.findings if not f.text.startswith(AUGMENTED_BY)]
        report = replace(self.report, findings=[*kept, *said])
        return replace(self, splits=changed, report=report, spec=spec, augment=preset)

    def _varied(self, preset: Augmentation) -> tuple[dict[str, Split], list[Finding]]:
        """The splits that can be varied so, and what to say about it."""
        if isinstance(self.train, Varied):
            splits = {name: split for name, split in self.splits.items() if isinstance(split, Varied)}
            said = [Finding(f"{AUGMENTED_BY} {self.train.varied_by(preset)}")] if preset != "none" else []
            return {name: split.with_preset(preset) for name, split in splits.items()}, said
        settings = self.signature.preprocessing
        if settings["kind"] != "image":
            return {}, []
        augmenter, said = augmenter_for(
            preset, mode=settings["mode"], size=settings["size"], mean=settings["mean"]
        )
        pictures = {name: split for name, split in self.splits.items() if isinstance(split, Augmentable)}
        return {name: split.with_augmenter(augmenter) for name, split in pictures.items()}, said

    def as_given(self) -> DataBundle:
        """The same data with targets exactly as the user's own loader yields them: for a loss of theirs."""
        splits = {
            name: split.as_given() if isinstance(split, Given) else split
            for name, split in self.splits.items()
        }
        return replace(self, splits=splits)

    def as_whole(self) -> DataBundle:
        """The same data with batches exactly as the user's own loader yields them: for a step of theirs."""
        splits = {
            name: split.as_whole() if isinstance(split, Whole) else split
            for name, split in self.splits.items()
        }
        return replace(self, splits=splits)

    def as_trained(self, signature: Signature) -> DataBundle:
        """The same data as a run of that signature saw it, whatever its model or loss made of them."""
        from lepton_nb.data.label_bundle import taken_as

        bundle = self._refitted(signature)
        if signature.task == Generic.name:
            return replace(bundle.as_given(), signature=signature)
        if bundle is not self and signature.task == self.task.name:
            return replace(bundle, signature=signature)
        return (
            replace(bundle, signature=signature)
            if "loss" in signature.target
            else taken_as(bundle, signature)
        )

    def _refitted(self, signature: Signature) -> DataBundle:
        """The data with the items of each split prepared as that signature says; itself where they are."""
        own = self.signature
        if signature == own or (signature.task != own.task and signature.preprocessing == own.preprocessing):
            return self
        splits = {
            name: split.as_trained(own, signature) if isinstance(split, Refitting) else split
            for name, split in self.splits.items()
        }
        if all(split is self.splits[name] for name, split in splits.items()):
            return self
        prepared = replace(
            own,
            inputs=signature.inputs,
            preprocessing=signature.preprocessing,
            by_name=signature.by_name,
        )
        return replace(self, splits=splits, signature=prepared)

    def read_by(self, tokens: Tokens | None) -> DataBundle:
        """The same texts as the tokenizer of a pretrained model reads them; anything else as it is."""
        if tokens is None:
            return self
        from lepton_nb.data.texts.own_tokens import read_by

        return read_by(self, tokens)

    def example(self, n: int = 2, split: str = "train") -> Batch:
        """The first `n` items of a split as one batch on the CPU, neither shuffled nor augmented."""
        source = self.split(split)
        found: list[Batch] = []
        for batch in source.loader(batch_size=min(n, len(source)), shuffle=False).batches(0):
            found.append(batch)
            if sum(batch.items for batch in found) >= n:  # a loader of the user's has its own batch size
                break
        return part(joined(found), 0, n)

    def __repr__(self) -> str:
        sizes = ", ".join(f"{name} {len(split):,}" for name, split in self.splits.items())
        return f"DataBundle({self.name!r}, {self.signature.task}, {sizes})"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/plain": str(self.report), "text/html": self.report._repr_html_()}
