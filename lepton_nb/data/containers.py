"""What people hold data in, as what sources read: a DataFrame, inputs and targets, or these by split.

A container is recognised without its package being imported; what it holds is not changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lepton_nb.data.class_folders import SPLIT_FOLDERS
from lepton_nb.data.sources import is_a
from lepton_nb.errors import DataError

CONTAINERS = (
    "polars:DataFrame",
    "polars:LazyFrame",
    "pyarrow:Table",
    "pyarrow:RecordBatch",
    "datasets:Dataset",
    "builtins:dict",
    "builtins:list",
    "builtins:tuple",
)
"""Classes of variables that are opened here; what else has ``to_pandas()`` is, too."""

INPUTS = ("x", "data", "inputs", "features", "images", "texts", "text")
TARGETS = ("y", "target", "targets", "label", "labels")
_FRAME = "pandas:DataFrame"
_SPLITS = {2: ("train", "test"), 3: ("train", "val", "test")}
_OWN = ("torch.utils.data:DataLoader", "torch.utils.data:Dataset")
_REMEDIES = {
    "to_pandas": "V.to_pandas()",
    "toPandas": "V.toPandas()",
    "to_dataframe": "V.to_dataframe()",
    "compute": "V.compute()",
    "toarray": "(V.toarray(), y)",
    "to_frame": "V.to_frame(), or (X, V)",
    "numpy": "(V.numpy(), y)",
}


def is_container(value: Any) -> bool:
    """Whether `opened` may make something of a variable."""
    return is_a(value, *CONTAINERS) or hasattr(type(value), "to_pandas")


def opened(given: Any, target: str | Sequence[str] | None = None) -> Any:
    """A variable as what sources read; anything else as it is.

    Args:
        target: The key of the targets in a dict of arrays, where it has one of that name.

    Raises:
        DataError: If it holds no inputs and targets that can be told apart.
    """
    if isinstance(given, Mapping):
        return _of_mapping(given, target if isinstance(target, str) else None)
    if isinstance(given, list | tuple):
        return _of_sequence(given)
    if is_a(given, "numpy:ndarray") and given.dtype.names:
        return _frame(given)
    return _as_frame(given)


def how_to_convert(value: Any) -> str | None:
    """The expression that makes of a value, called ``V``, what is read here; None where nobody knows."""
    return next((line for name, line in _REMEDIES.items() if hasattr(type(value), name)), None)


def _frame(*given: Any) -> Any:
    import pandas as pd

    return pd.DataFrame(*given)


def _as_frame(value: Any) -> Any:
    """A table of another package as a DataFrame; what is no table as it is."""
    if is_a(value, "polars:LazyFrame"):
        value = value.collect()
    if is_a(value, "polars:DataFrame"):
        return _of_polars(value)
    if is_a(value, "datasets:Dataset"):
        return _of_hugging_face(value)
    if hasattr(type(value), "to_pandas"):
        return value.to_pandas()
    return value


def _of_polars(table: Any) -> Any:
    try:
        return table.to_pandas()
    except ImportError:  # without pyarrow
        return _frame(table.to_dict(as_series=False))


def _of_hugging_face(dataset: Any) -> Any:
    """With the names of classes in place of their numbers, and the rows that have a class."""
    table = dataset.with_format(None).to_pandas()
    for name, feature in dataset.features.items():
        names = getattr(feature, "names", None)
        if names and name in table:
            table[name] = table[name].map(dict(enumerate(names)))
    return table


def _of_mapping(given: Mapping[Any, Any], target: str | None) -> Any:
    keys = {str(key).lower(): key for key in given}
    splits = {SPLIT_FOLDERS[name]: given[key] for name, key in keys.items() if name in SPLIT_FOLDERS}
    if "train" in splits:
        return _by_split({split: opened(part, target) for split, part in splits.items()})
    if {"data", "target"} <= keys.keys() and len(keys) > 2:
        return _of_bunch(given)
    pairs = _pairs_by_name(given, keys)
    if "train" in pairs:
        return _by_split(pairs)
    if target in given and len(given) == 2:
        (other,) = (key for key in given if key != target)
        return _pair(given[other], given[target])
    pair = [next((keys[name] for name in names if name in keys), None) for names in (INPUTS, TARGETS)]
    if len(given) == 2 and None not in pair and _has_rows(given[pair[0]]):
        return _pair(*(given[key] for key in pair))
    return _of_columns(given)


def _pairs_by_name(given: Mapping[Any, Any], keys: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """``x_train``, ``y_train``, ``x_test`` … by split, in any case and order of the words."""
    found: dict[str, dict[str, Any]] = {}
    for name, key in keys.items():
        words = name.replace("-", "_").split("_")
        split = next((SPLIT_FOLDERS[word] for word in words if word in SPLIT_FOLDERS), None)
        role = next((role for role, names in _ROLES for word in words if word in names), None)
        if split is not None and role is not None:
            found.setdefault(split, {})[role] = given[key]
    return {split: _pair(part["x"], part["y"]) for split, part in found.items() if len(part) == 2}


_ROLES = (("x", INPUTS), ("y", TARGETS))


def _of_bunch(bunch: Mapping[str, Any]) -> Any:
    """A data set of scikit-learn, with its names of columns and classes."""
    if is_a(bunch.get("frame"), _FRAME):
        return bunch["frame"]
    data, target, names = bunch["data"], bunch["target"], bunch.get("feature_names")
    classes = bunch.get("target_names")
    if classes is not None and len(classes) > 1 and _are_numbers_of(target, classes):
        target = [str(classes[number]) for number in target]
    if names is None or getattr(data, "ndim", 1) != 2 or is_a(data, _FRAME):
        return _pair(data, target)
    return _frame(data, None, list(names)), target


def _are_numbers_of(target: Any, classes: Sequence[Any]) -> bool:
    return getattr(target, "ndim", 0) == 1 and target.dtype.kind in "iu" and target.max() < len(classes)


def _of_columns(given: Mapping[Any, Any]) -> Any:
    """A dict of columns of one length."""
    lengths = {len(column) for column in given.values() if _is_column(column)}
    if len(lengths) == 1 and all(map(_is_column, given.values())):
        return _frame({str(name): list(column) for name, column in given.items()})
    keys = ", ".join(map(repr, list(given)[:10]))
    raise DataError(
        f"Cannot read data from a dict with the keys {keys}: which are the inputs, which the targets?",
        "Give a pair: (d['inputs'], d['targets']).",
    )


def _of_sequence(given: Sequence[Any]) -> Any:
    if not given or any(is_a(part, *_OWN) for part in given):
        return given
    if all(isinstance(part, Mapping) for part in given):
        return _frame(list(given))
    parts = [_as_frame(part) for part in given]
    if all(is_a(part, _FRAME) for part in parts) and _are_alike(parts):
        return dict(zip(_SPLITS[len(parts)], parts, strict=True))
    if len(parts) == 4 and all(map(_has_rows, parts)):
        return _of_four(parts)
    if len(parts) in _SPLITS and all(map(_is_pair, parts)):
        return {name: _pair(*part) for name, part in zip(_SPLITS[len(parts)], parts, strict=True)}
    return _pair(*parts) if len(parts) == 2 and all(map(_has_rows, parts)) else given


def _of_four(parts: Sequence[Any]) -> dict[str, Any]:
    """As ``train_test_split`` gives them, inputs first; or inputs and targets of each split in turn."""
    a, b, c, d = parts
    if len(a) == len(c) and len(b) == len(d) and (len(a) != len(b) or not _is_column(b) or _is_column(a)):
        b, c = c, b
    if len(a) != len(b) or len(c) != len(d):
        raise DataError(
            f"Four arrays of {', '.join(f'{len(part):,}' for part in parts)} items are no two pairs.",
            "Give ((X_train, y_train), (X_test, y_test)).",
        )
    return _by_split({"train": _pair(a, b), "test": _pair(c, d)})


def _by_split(parts: dict[str, Any]) -> dict[str, Any]:
    return {split: parts[split] for split in ("train", "val", "test") if split in parts}


def _pair(x: Any, y: Any) -> Any:
    """Inputs and targets: of texts, files and pictures a table of both, else as they are."""
    x, y = _as_frame(x), _as_frame(y)
    if is_a(y, _FRAME) and y.shape[1] == 1:
        y = y.iloc[:, 0]
    if is_a(x, _FRAME) or not _is_column(x) or len(x) == 0 or len(x) != len(y):
        return (_numbers(x), y)
    first = next(iter(x))
    if isinstance(first, str | Path) or is_a(first, "PIL.Image:Image"):
        return _frame({_input_name(x, first): list(x), getattr(y, "name", None) or "label": list(y)})
    return (_numbers(x), y)


def _input_name(x: Any, first: Any) -> str:
    """The name a column of inputs has, or gets."""
    named = getattr(x, "name", None)
    return str(named) if named else "text" if isinstance(first, str) else "image"


def _numbers(x: Any) -> Any:
    """Lists of numbers as an array, where they are one."""
    if not isinstance(x, list | tuple) or is_a(x[0] if x else None, "torch:Tensor"):
        return x
    import numpy as np

    try:
        array = np.asarray(x)
    except ValueError:  # of several lengths
        return x
    return array if array.dtype.kind in "fiub" else x


def _is_column(value: Any) -> bool:
    """Whether a value has one cell a row."""
    if getattr(value, "ndim", None) is not None:
        return bool(value.ndim == 1)
    return isinstance(value, list | tuple) and not (len(value) and isinstance(value[0], list | tuple))


def _has_rows(value: Any) -> bool:
    return hasattr(value, "__len__") and not isinstance(value, str | bytes | Mapping)


def _are_alike(tables: Sequence[Any]) -> bool:
    return len(tables) in (2, 3) and all(list(table.columns) == list(tables[0].columns) for table in tables)


def _is_pair(value: Any) -> bool:
    """Inputs and targets, rather than an item with two features or names."""
    is_two = isinstance(value, tuple | list) and len(value) == 2
    return is_two and all(_has_rows(half) and len(half) > 0 for half in value)
