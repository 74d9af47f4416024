"""Targets that are lists of names of labels, as a user's data give them: found, and made zeros and ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd
import torch
from torch import Tensor
from torch.utils.data import default_collate

from lepton_nb.batch import leaves
from lepton_nb.data.label_columns import label_names_of, multi_hot
from lepton_nb.data.own.batches import target_key
from lepton_nb.errors import DataError


def are_names(target: Any) -> bool:
    """Whether the target of an item is a list of names, perhaps none."""
    return isinstance(target, list | tuple | set | frozenset) and all(
        isinstance(name, str) for name in target
    )


def target_of(given: Any) -> Any:
    """The target of an item, or of a batch, as it is given; None where it has none."""
    key = target_key(given)
    if key is not None:
        return given[key]
    return given[1] if isinstance(given, tuple | list) and len(given) == 2 else None


def with_target(given: Any, target: Any) -> Any:
    """An item, or a batch, with another target."""
    key = target_key(given)
    return (given[0], target) if key is None else {**given, key: target}


def collate(items: Sequence[Any]) -> Any:
    """Items as a batch; lists of names stay lists, one an item."""
    targets = [target_of(item) for item in items]
    if not all(map(are_names, targets)):
        return default_collate(list(items))
    return with_target(default_collate([with_target(item, 0) for item in items]), targets)


def names_in(batches: Iterable[Any]) -> tuple[str, ...]:
    """Every name in the targets of batches, sorted; none where they are something else."""
    found: list[Any] = []
    for batch in batches:
        target = target_of(batch)
        if not _are_rows(target):
            return ()
        found += target
    return label_names_of(pd.Series(found, dtype=object))


def as_zeros_and_ones(batch: Any, names: Sequence[str], split: str) -> Any:
    """The batch with lists of names as float32 ``(N, L)``.

    Raises:
        DataError: If a name is unknown, or there is not one list an item.
    """
    target = target_of(batch)
    if not names or not _are_rows(target):
        return batch
    inputs = batch if isinstance(batch, Mapping) else batch[0]
    count = len(next(leaf for leaf in leaves(inputs) if isinstance(leaf, Tensor)))
    if len(target) != count:
        raise DataError(
            f"The targets of {split} are {len(target)} lists of names for {count} items.",
            "Give the Dataset itself, or a collate_fn that keeps one list an item.",
        )
    rows = multi_hot(pd.Series(list(target), name=f"The target of {split}", dtype=object), names)
    return with_target(batch, torch.from_numpy(rows))


def _are_rows(target: Any) -> bool:
    return (
        isinstance(target, list | tuple)
        and len(target) > 0
        and all(not isinstance(row, str) and are_names(row) for row in target)
    )
