"""Data that is already in memory: numpy arrays and tensors, of pictures or of table rows."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from lepton_nb.data.bundle import DataBundle
from lepton_nb.data.containers import opened
from lepton_nb.data.contents import array_keys, column_keys
from lepton_nb.data.label_columns import as_label_sets, is_lists_of_names, one_object_each
from lepton_nb.data.label_targets import as_one_label, read_answers, read_label_sets, read_matrix
from lepton_nb.data.pictures.arrays import as_pictures, image_pool
from lepton_nb.data.pictures.bundle import image_bundle
from lepton_nb.data.report import Finding
from lepton_nb.data.splitting import Parts, plan_parts, row_keys
from lepton_nb.data.tables.bundle import preview_rows, row_as_dict
from lepton_nb.data.tables.columns import number_column
from lepton_nb.data.targets import Targets, kind_of_task, task_of
from lepton_nb.data.tensors.bundle import tensor_bundle
from lepton_nb.data.tensors.source import ArrayOptions
from lepton_nb.errors import ArgumentError, DataError
from lepton_nb.show.words import plural
from lepton_nb.tasks.tables import encode_columns

_LABELS = 'task="multi-label-classification" takes each column as a label.'


def open_archive(path: Path, target: str | Sequence[str] | None) -> dict[str, tuple[Any, Any] | None]:
    """The arrays of an ``.npz`` file by split.

    Raises:
        DataError: If it is damaged, holds objects, or does not tell which are the targets.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = dict(archive)
    except (ValueError, OSError, zipfile.BadZipFile) as error:
        raise DataError(
            f"{path.name!r} cannot be read: {error}.", "Write plain arrays: np.savez(path, x=X, y=y)."
        ) from None
    found = opened(arrays, target)
    if isinstance(found, dict):
        return found
    if not isinstance(found, tuple):
        raise DataError(
            f"{path.name!r} holds columns, {', '.join(map(repr, arrays))}.",
            f"data = pd.DataFrame(dict(np.load({path.name!r})))",
        )
    return {"train": found}


def read_arrays(given: dict[str, tuple[Any, Any] | None], options: ArrayOptions, *, name: str) -> DataBundle:
    """Inputs and targets by split as a bundle.

    Raises:
        DataError: If shapes do not fit each other, or there is nothing to learn from.
    """
    x, y, rows = _join(given)
    source = f"arrays {x.shape} {x.dtype}"
    targets = _read_targets(y, options.task, options.class_names)
    pictures, said = as_pictures(x)
    if pictures is None:
        x = np.ascontiguousarray(x, dtype=np.float64 if x.ndim == 2 else np.float32)
    keys = array_keys(x if pictures is None else pictures)
    parts, split = plan_parts(
        rows, row_keys(keys) if x.ndim == 2 else keys, targets.mix, targets.strata, options
    )
    findings = targets.findings + said + split
    if pictures is not None and targets.kind != "regression":
        pool = image_pool(pictures, targets.values, keys, "item")
        return image_bundle(
            pool,
            parts,
            targets.class_names,
            name=name,
            source=source,
            augment=options.augment,
            findings=findings,
            task=task_of(options.task, "image", targets),
        )
    if options.augment != "none":
        raise ArgumentError(
            f"augment={options.augment!r} is for the classes of pictures; these are {source}."
        )
    if pictures is not None:
        x = pictures.astype(np.float32) / 255
    make = _table if x.ndim == 2 else _plain
    pictures_of = "image" if x.ndim == 4 and targets.kind == "classification" else "tabular"
    return make(x, keys, targets, parts, name, source, findings, task_of(options.task, pictures_of, targets))


def _table(
    values: np.ndarray,
    keys: np.ndarray,
    targets: Targets,
    parts: Parts,
    name: str,
    source: str,
    findings: list[Finding],
    task: str,
) -> DataBundle:
    """Rows of numbers: every column stays, since the model was written for their count."""
    columns = [number_column(f"x{i}", values[parts["train"], i]) for i in range(values.shape[1])]
    preprocessing = {"kind": "table", "columns": columns}
    table = pd.DataFrame(values, columns=[column["name"] for column in columns])
    missing = int(np.isnan(values).sum())
    if missing:
        text = f"{plural(missing, 'empty value')} (NaN), filled with the median of the column in train."
        findings = [*findings, Finding(text)]
    cells = dict(zip(table.columns, values.T, strict=True))
    return tensor_bundle(
        encode_columns(cells, preprocessing),
        keys,
        targets,
        parts,
        name=name,
        source=source,
        task=task,
        input_name="features",
        target_name="y",
        preprocessing=preprocessing,
        raw=lambda i: row_as_dict(table, i),
        findings=findings,
        preview=preview_rows(table, targets, "y", parts["train"]),
        contents=column_keys(cells, columns),
    )


def _plain(
    values: np.ndarray,
    keys: np.ndarray,
    targets: Targets,
    parts: Parts,
    name: str,
    source: str,
    findings: list[Finding],
    task: str,
) -> DataBundle:
    """Numbers that reach the model as they are."""
    if not np.isfinite(values).all():
        raise DataError("X holds NaN or infinite values.", "Remove or replace them: np.nan_to_num(X).")
    return tensor_bundle(
        values,
        keys,
        targets,
        parts,
        name=name,
        source=source,
        task=task,
        input_name="image" if values.ndim == 4 else "inputs",
        target_name="y",
        preprocessing={"kind": "tensor"},
        raw=lambda i: values[i],
        findings=findings,
    )


def _join(given: dict[str, tuple[Any, Any] | None]) -> tuple[np.ndarray, np.ndarray, Parts]:
    """All inputs, all targets, and which rows belong to which split."""
    inputs: list[np.ndarray] = []
    targets: list[np.ndarray] = []
    parts: Parts = {}
    start = 0
    for split, pair in given.items():
        if pair is None:
            continue
        x, y = (_as_array(value, f"{what} of {split}") for value, what in zip(pair, ("X", "y"), strict=True))
        if x.ndim == 0 or len(x) == 0 or len(x) != (len(y) if y.ndim else 0):
            raise DataError(
                f"X of {split} has the shape {x.shape}, y {y.shape}: one target an item is expected.",
                "The first dimension of both is the number of items.",
            )
        if inputs and x.shape[1:] != inputs[0].shape[1:]:
            raise DataError(
                f"The items of {split} have the shape {x.shape[1:]}, those of train {inputs[0].shape[1:]}."
            )
        inputs.append(x)
        targets.append(y)
        parts[split] = np.arange(start, start + len(x))
        start += len(x)
    return np.concatenate(inputs), np.concatenate(targets), parts


def _as_array(value: Any, what: str) -> np.ndarray:
    if isinstance(value, Tensor):
        value = value.detach().cpu()
        value = value.float() if value.dtype in (torch.bfloat16, torch.float16) else value
    if what.startswith("y") and is_lists_of_names(value):
        return one_object_each(value)
    try:
        array = np.asarray(value)
    except ValueError:
        raise DataError(f"The items of {what} differ in shape.", "Pad or resize them to one shape.") from None
    if what.startswith("X") and array.dtype.kind not in "fiub":
        texts = array.ndim == 1 and array.dtype.kind in "OUT"
        hint = (
            'load(pd.DataFrame({"text": X, "label": y})) takes texts.' if texts else "Turn them into numbers."
        )
        raise DataError(f"{what} holds {array.dtype}, not numbers.", hint)
    if what.startswith("X") and array.ndim < 2:
        raise DataError(
            f"{what} has the shape {array.shape}; expected (items, features) or more.", "X.reshape(-1, 1)"
        )
    return array


def _read_targets(y: np.ndarray, task: str | None, class_names: Sequence[str] | None) -> Targets:
    """Targets of any shape: classes, one-hot classes, or quantities."""
    kind = kind_of_task(task)
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim > 2:
        raise DataError(f"y has the shape {y.shape}; expected (items,) or (items, values).")
    if y.ndim == 2:
        one_hot = kind in (None, "classification") and bool(
            np.isin(y, (0, 1)).all() and (y.sum(axis=1) == 1).all()
        )
        if not one_hot:
            if kind == "classification":
                raise DataError(f"y has the shape {y.shape}; expected class numbers (items,).", _LABELS)
            labels = read_matrix(y, task, class_names)
            return Targets("regression", _finite(y)) if labels is None else labels
        said = [Finding(f"One-hot targets are read as class numbers. {_LABELS}")]
        names = tuple(class_names or map(str, range(y.shape[1])))
        return Targets("classification", y.argmax(axis=1).astype(np.int64), names, findings=said)
    if y.dtype.kind == "f" and kind != "classification":
        _finite(y)
    missing = int(pd.isna(y).sum())
    if missing:
        raise DataError(f"y holds {plural(missing, 'missing value')}.", "Remove these items.")
    answers = pd.Series(y, name="y")
    sets = as_label_sets(answers, task)
    if sets is not None:
        return replace(read_label_sets(sets[0], task, class_names or ()), findings=sets[1])
    if class_names is None:
        return read_answers(answers, task)
    if y.dtype.kind not in "iub" or y.min() < 0 or y.max() >= len(class_names):
        raise DataError(f"y is to hold class numbers 0..{len(class_names) - 1}, one for each of class_names.")
    targets = Targets("classification", y.astype(np.int64), tuple(map(str, class_names)))
    return as_one_label(targets, "y") if kind == "labels" else targets


def _finite(y: np.ndarray) -> np.ndarray:
    values = y.astype(np.float64)
    if not np.isfinite(values).all():
        raise DataError(
            f"y holds {plural(int((~np.isfinite(values)).sum()), 'NaN or infinite value')}.",
            "Remove these items.",
        )
    return values
