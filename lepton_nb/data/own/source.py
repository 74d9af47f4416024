"""The sources of the user's own Datasets and DataLoaders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lepton_nb.data.options import Named, Splitting
from lepton_nb.data.sources import Match, Progress, Source, is_a

if TYPE_CHECKING:
    from lepton_nb.data.bundle import DataBundle

_LOADER, _DATASET = "torch.utils.data:DataLoader", "torch.utils.data:Dataset"


class LoaderSource(Source[Named]):
    """DataLoaders, or Datasets, that yield ``(inputs, target)``.

    DataLoaders keep their batch size, sampler, workers and transforms. Where the dataset applies a
    torchvision transform of known steps to PIL images, the signature gets it as its preprocessing, checked on
    real items, so that a service takes pictures; else a service takes tensors. ``task`` is
    ``classification``, ``regression`` or a task's name, where the targets should not decide: zeros and ones
    are labels, other whole numbers classes, others quantities, and the inputs' shape says what they are.
    Whole numbers 0 and 1, one an item, are two classes, or one label where the model gives one number.
    """

    name = "loaders"
    noun = "DataLoaders and Datasets"
    variable = "a DataLoader"
    classes = (_LOADER,)
    options = Named

    def recognises_variable(self, value: Any, options: Mapping[str, Any]) -> Match:
        return Match.SURELY if _are_parts(value) else super().recognises_variable(value, options)

    def __call__(self, train: Any = None, val: Any = None, test: Any = None, **options: Any) -> DataBundle:
        """The data as a bundle.

        Args:
            train: For training; or a tuple of all.
            val: For validation.
            test: For the test.
            options: Those of the source.
        """
        return super().__call__(tuple(train) if _are_parts(train) else (train, val, test), **options)

    def read(
        self,
        given: Any,
        options: Named,
        *,
        name: str | None,
        progress: Progress | None,  # noqa: ARG002
    ) -> DataBundle:
        from lepton_nb.data.own.loaders import read_loaders

        return read_loaders(*given, options=options, name=name or self.name)


@dataclass(frozen=True, kw_only=True)
class DatasetOptions(Named, Splitting):
    """One Dataset, split here."""


class DatasetSource(Source[DatasetOptions]):
    """One map-style Dataset that gives ``(input, target)`` by index, split here."""

    name = "dataset"
    noun = "Datasets"
    variable = "a Dataset"
    classes = (_DATASET,)
    options = DatasetOptions

    def read(
        self,
        given: Any,
        options: DatasetOptions,
        *,
        name: str | None,
        progress: Progress | None,  # noqa: ARG002
    ) -> DataBundle:
        from lepton_nb.data.own.loaders import read_dataset

        return read_dataset(given, options, name=name or self.name)


def _are_parts(value: Any) -> bool:
    """Whether it is a tuple of DataLoaders and Datasets, as a source of several is given."""
    return isinstance(value, tuple | list) and bool(value) and all(is_a(p, _LOADER, _DATASET) for p in value)
