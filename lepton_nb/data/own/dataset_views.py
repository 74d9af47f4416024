"""What can be told of a user's Dataset without reading all of it: targets, class names, pictures."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import ConcatDataset, Dataset, Subset, TensorDataset

_TARGET_NAMES = ("targets", "labels", "_labels", "y")


def dataset_targets(dataset: Dataset[Any]) -> Tensor | None:
    """The targets of all items in order, where the dataset keeps them in a list or tensor of its own.

    Returns:
        int64 or float ``(N, ...)``; None where only reading the items would tell.
    """
    if isinstance(dataset, TensorDataset):
        return dataset.tensors[1] if len(dataset.tensors) == 2 else None
    if isinstance(dataset, Subset):
        whole = dataset_targets(dataset.dataset)
        return None if whole is None else whole[torch.as_tensor(list(dataset.indices), dtype=torch.int64)]
    if isinstance(dataset, ConcatDataset):
        parts = [dataset_targets(part) for part in dataset.datasets]
        known = [part for part in parts if part is not None]
        return torch.cat(known) if len(known) == len(parts) else None
    for name in _TARGET_NAMES:
        targets = _as_tensor(getattr(dataset, name, None))
        if targets is not None and _agrees(dataset, targets):
            return targets
    return None


def dataset_classes(dataset: Dataset[Any]) -> tuple[str, ...]:
    """Class names of a dataset that knows them, such as an ImageFolder; else empty."""
    while isinstance(dataset, Subset):
        dataset = dataset.dataset
    if isinstance(dataset, ConcatDataset):
        return dataset_classes(dataset.datasets[0])
    names = getattr(dataset, "classes", None)
    if not isinstance(names, Sequence) or isinstance(names, str) or not names:
        return ()
    return tuple(str(name[0]) if isinstance(name, tuple) else str(name) for name in names)


def picture_reader(dataset: Dataset[Any]) -> Callable[[int], Image.Image] | None:
    """Reads an item's picture as it is before the dataset's transform, where that can be told.

    Works for torchvision's datasets and those built like them: they apply their ``transform`` to a PIL image.
    """
    if isinstance(dataset, Subset):
        read = picture_reader(dataset.dataset)
        indices = dataset.indices
        return None if read is None else lambda i: read(int(indices[i]))
    if not hasattr(dataset, "transform"):
        return None
    plain: Any = copy.copy(dataset)
    plain.transform = None
    if hasattr(plain, "transforms"):
        plain.transforms = None
    try:
        first = plain[0]
    except Exception:  # the user's own code, which may rely on its transform
        return None
    if not isinstance(first, tuple | list) or not first or not isinstance(first[0], Image.Image):
        return None
    return lambda i: plain[i][0]


def base_transform(dataset: Dataset[Any]) -> Any:
    """The transform of the innermost dataset, or None."""
    while isinstance(dataset, Subset):
        dataset = dataset.dataset
    return getattr(dataset, "transform", None)


def _as_tensor(values: Any) -> Tensor | None:
    if values is None or callable(values):
        return None
    try:
        array = np.asarray(values)
    except (TypeError, ValueError, RuntimeError):
        return None
    if array.dtype.kind not in "iubf" or array.ndim == 0:
        return None
    dtype = torch.float32 if array.dtype.kind == "f" else torch.int64
    return torch.from_numpy(np.ascontiguousarray(array)).to(dtype)


def _agrees(dataset: Any, targets: Tensor) -> bool:
    """Whether the list is as long as the dataset and its ends are what the items say."""
    try:
        if len(targets) != len(dataset):
            return False
        ends = [(i, dataset[i][1]) for i in {0, len(dataset) - 1}]
        return all(torch.equal(torch.as_tensor(seen).to(targets.dtype), targets[i]) for i, seen in ends)
    except Exception:  # the user's own code
        return False
