"""One entry for every kind of source."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch.utils.data import DataLoader, Dataset

from lepton_nb.data.bundle import DataBundle
from lepton_nb.data.image_folder import folder
from lepton_nb.data.tensors import arrays, digits
from lepton_nb.data.user_loaders import loaders
from lepton_nb.errors import DataError


def load(source: Any, **options: Any) -> DataBundle:
    """The data of any source as a bundle."""
    if isinstance(source, str) and source == "digits":
        return digits(**options)
    if isinstance(source, DataLoader | Dataset):
        return loaders(source, **options)
    if isinstance(source, tuple):
        return arrays(*source, **options)
    if isinstance(source, str | Path):
        return folder(source, **options)
    raise DataError(f"Cannot load {source!r}.")


def torchvision(dataset: str, **options: Any) -> DataBundle:
    """A dataset of torchvision by its class name."""
    raise DataError("Not yet.")


def from_spec(spec: dict[str, Any], *, strict: bool = True) -> DataBundle:
    """The bundle that `DataBundle.spec` describes."""
    return load(spec["source"], **spec["options"])
