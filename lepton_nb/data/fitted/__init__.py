"""Data to measure a trained model on: all of its items, as the model's signature takes them.

Nothing is learned from them: columns, scales, categories, classes, tokens and the size of pictures are those
of the training data, so that an item gives the same numbers whatever lies beside it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from lepton_nb.data.bundle import DataBundle
from lepton_nb.data.fitted import pictures, tables, tensors, texts
from lepton_nb.data.sources import sources
from lepton_nb.signature import Signature


class _Kind(Protocol):
    """A module of this package."""

    def from_path(self, path: Path, signature: Signature, split: str | None) -> DataBundle | None: ...

    def from_frame(self, table: pd.DataFrame, signature: Signature) -> DataBundle | None: ...

    def from_pair(self, x: Any, y: Any, signature: Signature) -> DataBundle | None: ...


_KINDS: dict[str, _Kind] = {"table": tables, "text": texts, "image": pictures, "tensor": tensors}


def fitted(source: Any, signature: Signature, split: str | None = None) -> DataBundle | None:
    """All labelled items of a source as the split ``test``; of a source with its own splits one of those.

    Args:
        source: A path, a DataFrame, or ``(inputs, targets)``.
        signature: What the model was trained with; the bundle's, too.
        split: Which of the source's own splits; the test split where None, else the validation split.

    Returns:
        The bundle; None where such a model takes no such source.

    Raises:
        DataError: If the items do not fit the signature: a column is missing, a class is unknown.
    """
    module = _KINDS.get(signature.preprocessing["kind"])
    if module is None:
        readers = (reader for reader in sources().values() if signature.task in reader.tasks)
        found = (reader.fitted(source, signature, split) for reader in readers)
        return next((bundle for bundle in found if bundle is not None), None)
    if isinstance(source, str | os.PathLike):
        path = Path(source).expanduser().absolute()
        return module.from_path(path, signature, split) if path.exists() else None
    if isinstance(source, pd.DataFrame):
        return module.from_frame(source, signature)
    if isinstance(source, tuple | list) and len(source) == 2:
        x, y = source
        return module.from_pair(x, y, signature)
    return None
