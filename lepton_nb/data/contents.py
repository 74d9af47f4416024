"""What stands for an item's content, 64 bits each: by it items are split, and known again in other data."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from torch import Tensor
from torch.utils.data import ConcatDataset, Dataset, Subset, TensorDataset

from lepton_nb.data.duplicates import digest, digests
from lepton_nb.tasks.tables import Cells, Coded, category_text

BLOCK, BLOCKS = 4096, 4  # bytes of a file that are read: all of a small one, else blocks spread over it
_THREADS, _CHUNK = 8, 64


def file_keys(files: Sequence[Path]) -> np.ndarray:
    """One key a file, uint64 ``(N,)``, by its size and bytes; by its name where it cannot be read."""
    chunks = (files[start : start + _CHUNK] for start in range(0, len(files), _CHUNK))
    with ThreadPoolExecutor(_THREADS) as pool:
        keys = [key for found in pool.map(lambda chunk: list(map(_file_key, chunk)), chunks) for key in found]
    return np.array(keys, dtype=np.uint64)


def _file_key(path: Path) -> int:
    try:
        with open(path, "rb", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            if size <= BLOCK * BLOCKS:
                return digest(file.read())
            pieces = [size.to_bytes(8, "little")]
            for number in range(BLOCKS):
                file.seek(number * (size - BLOCK) // (BLOCKS - 1))
                pieces.append(file.read(BLOCK))
            return digest(b"".join(pieces))
    except OSError:
        return digest(str(path).encode(errors="surrogateescape"))


def table_keys(table: pd.DataFrame, coded: Mapping[str, Coded] | None = None) -> np.ndarray:
    """One key a row, uint64 ``(N,)``; neither the order of the columns nor a number's type matters.

    Args:
        coded: Columns of which the different values are known already.
    """
    known = coded or {}
    keys = {
        str(name): _keys_of(known[str(name)]) if str(name) in known else _cell_keys(table[name])
        for name in table
    }
    return _combined(keys, len(table))


def column_keys(cells: Mapping[str, Cells], columns: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """One key a row, uint64 ``(N,)``, by the columns that a model takes.

    Args:
        cells: N values a column.
        columns: The columns as in `Signature.preprocessing`.
    """
    keys = {column["name"]: _keys_of(cells[column["name"]]) for column in columns}
    return _combined(keys, len(next(iter(keys.values()))))


def _keys_of(cells: Cells) -> np.ndarray:
    if isinstance(cells, Coded):
        return _text_keys(cells.codes, cells.values)
    return _cell_keys(pd.Series(np.asarray(cells)))


def _combined(keys: Mapping[str, np.ndarray], count: int) -> np.ndarray:
    total = np.zeros(count, dtype=np.uint64)
    for name, values in keys.items():
        total += pd.util.hash_array(values ^ np.uint64(digest(name.encode())))
    return total


def _cell_keys(cells: pd.Series) -> np.ndarray:
    if pd.api.types.is_numeric_dtype(cells) and not pd.api.types.is_bool_dtype(cells):
        numbers = cells.to_numpy(dtype=np.float64, na_value=np.nan) + 0.0  # -0.0 is 0.0
        return np.asarray(pd.util.hash_array(np.where(np.isnan(numbers), np.nan, numbers)))
    codes, distinct = _factorized(cells)
    if pd.api.types.is_datetime64_any_dtype(cells):
        distinct = _date_texts(pd.DatetimeIndex(list(distinct)))
    return _text_keys(codes, distinct)


def _date_texts(dates: pd.DatetimeIndex) -> Sequence[Any]:
    """As ``str`` gives each, which takes a thousand times as long."""
    seconds = dates.to_numpy(dtype="datetime64[s]")
    if dates.tz is not None or (dates != seconds).any():
        return list(dates)
    return [text.replace("T", " ") for text in np.datetime_as_string(seconds).tolist()]


def _text_keys(codes: np.ndarray, distinct: Sequence[Any]) -> np.ndarray:
    if pd.api.types.infer_dtype(distinct, skipna=False) != "string":
        distinct = [category_text(value) or "" for value in distinct]
    texts = np.array([*distinct, ""], dtype=object)
    keys: np.ndarray = pd.util.hash_array(texts, categorize=False)[codes]
    return keys  # code -1, a missing cell, is the last


def _factorized(cells: pd.Series) -> tuple[np.ndarray, Sequence[Any]]:
    try:
        codes, distinct = pd.factorize(cells)
    except TypeError:  # lists or dicts
        codes, distinct = pd.factorize(cells.map(repr))
    return codes, distinct.tolist()


def array_keys(items: np.ndarray) -> np.ndarray:
    """One key an item of an array ``(N, ...)``, uint64 ``(N,)``."""
    return digests(np.ascontiguousarray(item).data for item in items)


def dataset_keys(dataset: Dataset[Any]) -> np.ndarray | None:
    """One key an item of a map-style Dataset, uint64 ``(N,)``; None where only reading it all would tell.

    Of tensors by their numbers, of a list of files, as an ImageFolder has, by those.
    """
    if isinstance(dataset, Subset):
        whole = dataset_keys(dataset.dataset)
        return None if whole is None else whole[np.asarray(list(dataset.indices), dtype=np.int64)]
    if isinstance(dataset, ConcatDataset):
        parts = [dataset_keys(part) for part in dataset.datasets]
        known = [part for part in parts if part is not None]
        return np.concatenate(known) if len(known) == len(parts) else None
    if isinstance(dataset, TensorDataset):
        return array_keys(dataset.tensors[0].detach().cpu().numpy())
    return _keys_of_what_it_lists(dataset)


def _keys_of_what_it_lists(dataset: Any) -> np.ndarray | None:
    """By the ``samples`` or the ``data`` that torchvision's datasets, and those like them, hold."""
    samples, data = getattr(dataset, "samples", None), getattr(dataset, "data", None)
    count = len(dataset)
    if isinstance(samples, list) and len(samples) == count:
        files = [sample[0] if isinstance(sample, tuple | list) else sample for sample in samples]
        if all(isinstance(file, str | Path) for file in files):
            return file_keys([Path(file) for file in files])
    if isinstance(data, Tensor | np.ndarray) and data.ndim > 1 and len(data) == count:
        return array_keys(np.asarray(data))
    return None
