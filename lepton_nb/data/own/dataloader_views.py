"""What can be told of a user's DataLoader from its parts, and how to make one like it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torch.utils.data import (
    BatchSampler,
    DataLoader,
    RandomSampler,
    SequentialSampler,
    SubsetRandomSampler,
)

from lepton_nb.errors import DataError


def count_items(loader: DataLoader[Any], name: str) -> int:
    """Items in an epoch of a loader.

    Raises:
        DataError: If it cannot tell how many batches it has, or has none.
    """
    try:
        batches = len(loader)
    except (TypeError, NotImplementedError):
        raise DataError(
            f"The {name} loader has no length: its IterableDataset does not say how many items it has.",
            "Give the dataset a __len__, or make it a Dataset with __getitem__.",
        ) from None
    if not batches:
        raise DataError(f"The {name} loader has no batches.", "Check the dataset, batch_size and drop_last.")
    if type(loader.batch_sampler) is not BatchSampler:
        return len(loader.dataset)  # type: ignore[arg-type]
    if loader.drop_last:
        return batches * (loader.batch_size or 1)
    return len(loader.sampler)  # type: ignore[arg-type]


def item_order(loader: DataLoader[Any]) -> Sequence[int] | None:
    """The items a loader covers in one epoch, where its sampler is one of torch's."""
    if type(loader.batch_sampler) is not BatchSampler:
        return None
    sampler = loader.sampler
    if isinstance(sampler, SubsetRandomSampler):
        return sorted(int(i) for i in sampler.indices)
    whole = len(loader.dataset) if hasattr(loader.dataset, "__len__") else -1
    if isinstance(sampler, SequentialSampler):
        return range(whole)
    if isinstance(sampler, RandomSampler) and not sampler.replacement and len(sampler) == whole:
        return range(whole)
    return None


def rebuild(loader: DataLoader[Any], **changes: Any) -> DataLoader[Any]:
    """The same loader with some arguments changed."""
    workers = changes.get("num_workers", loader.num_workers)
    arguments: dict[str, Any] = {
        "dataset": loader.dataset,
        "collate_fn": loader.collate_fn,
        "num_workers": workers,
        "timeout": loader.timeout if workers else 0,
        "worker_init_fn": loader.worker_init_fn,
        "multiprocessing_context": loader.multiprocessing_context if workers else None,
        "pin_memory": loader.pin_memory,
    }
    if type(loader.batch_sampler) is BatchSampler:
        arguments |= {
            "batch_size": loader.batch_size,
            "sampler": loader.sampler,
            "drop_last": loader.drop_last,
        }
    else:
        arguments |= {"batch_sampler": loader.batch_sampler}
    build: Callable[..., DataLoader[Any]] = DataLoader
    return build(**{**arguments, **changes})
