"""Table rows: classes or numbers to predict from the other columns."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lepton_nb.data.bundle import DataBundle
from lepton_nb.data.class_folders import SPLIT_FOLDERS
from lepton_nb.data.label_columns import Target, target_columns
from lepton_nb.data.report import Finding
from lepton_nb.data.splitting import Parts
from lepton_nb.data.tables.bundle import table_bundle
from lepton_nb.data.tables.files import existing_file, is_table_file, read_table
from lepton_nb.data.tables.places import rows_told_by_place
from lepton_nb.data.tables.source import TableOptions
from lepton_nb.data.targets import find_column
from lepton_nb.errors import DataError


def read_csv(path: str | os.PathLike[str], options: TableOptions, *, name: str | None) -> DataBundle:
    """A table file, or a folder of them, as a bundle.

    Raises:
        DataError: If the file cannot be read, or there is nothing to learn from.
    """
    root = Path(path).expanduser().absolute()
    files = table_folder_files(root) if root.is_dir() else {"train": existing_file(path)}
    if "train" not in files:
        raise DataError(
            f"{str(path)!r} has no train.csv.", "Name a CSV file, or a folder with train.csv and test.csv."
        )
    source = f"file {root}" if root.is_file() else f"tables in {root}"
    table, given, findings = read_tables(files, options.target)
    with rows_told_by_place(files, given):
        return table_bundle(table, given, options, name=name or root.stem, source=source, findings=findings)


def read_tables(files: Mapping[str, Path], target: Target) -> tuple[pd.DataFrame, Parts, list[Finding]]:
    """The tables of some splits below each other, as `stack` does, with what was found in each file."""
    read = {split: read_table(file) for split, file in files.items()}
    names = {split: file.name for split, file in files.items()}
    findings = [finding for _, said in read.values() for finding in said]
    table, given, said = stack({split: table for split, (table, _) in read.items()}, names, target)
    return table, given, findings + said


def read_frame(given: Any, options: TableOptions, *, name: str) -> DataBundle:
    """A DataFrame as a bundle; of ``(X, y)`` y is its last column; of a dict of these each is a split.

    Raises:
        DataError: If there is nothing to learn from.
    """
    table, parts, findings = whole_frame(given, options.target)
    source = f"DataFrame, {len(table):,} rows × {table.shape[1]} columns"
    return table_bundle(table, parts, options, name=name, source=source, findings=findings)


def whole_frame(given: Any, target: Target) -> tuple[pd.DataFrame, Parts, list[Finding]]:
    """One DataFrame of what a variable holds, and which of its rows are of which split."""
    parts = given if isinstance(given, dict) else {"train": given}
    tables = {
        split: part if isinstance(part, pd.DataFrame) else joined(*part) for split, part in parts.items()
    }
    return stack(tables, dict(zip(tables, tables, strict=True)), target)


def joined(table: pd.DataFrame, target: Any) -> pd.DataFrame:
    """A table with its target as the last column: of ``y``, where it has no name."""
    if len(table) != len(target):
        raise DataError(f"There are {len(table):,} rows and {len(target):,} targets; expected one a row.")
    name = str(getattr(target, "name", None) or "y")
    values = target.array if isinstance(target, pd.Series) else np.asarray(target)
    return table.assign(**{name: values})


def table_folder_files(root: Path) -> dict[str, Path]:
    """The tables of a folder by split, where their names say one."""
    files = {
        SPLIT_FOLDERS.get(f.name.lower().split(".")[0], ""): f
        for f in sorted(root.iterdir())
        if is_table_file(f)
    }
    return {split: files[split] for split in ("train", "val", "test") if split in files}


def stack(
    tables: dict[str, pd.DataFrame], names: dict[str, str], target: Target
) -> tuple[pd.DataFrame, Parts, list[Finding]]:
    """The tables below each other, which rows are of which split, and what was left out.

    Args:
        names: What to call each.
        target: The columns to predict: a table without them is left out.
    """
    train, findings = tables["train"], []
    fitting = {"train": train}
    named = target_columns(list(map(str, train.columns)), target) or [str(train.columns[-1])]
    for split in tables.keys() - {"train"}:
        columns = set(map(str, tables[split].columns))
        if lacking := [name for name in named if name not in columns]:
            find_column(train.rename(columns=str), lacking[0], "target")
            text = f"{names[split]} has no column {lacking[0]!r}: left out."
            findings.append(Finding(text, warning=True))
            continue
        absent = [column for column in train.columns if column not in tables[split].columns]
        if absent:
            raise DataError(f"{names[split]} has no column {absent[0]!r}, which {names['train']} has.")
        fitting[split] = tables[split][train.columns]
    fitting = {split: fitting[split] for split in tables if split in fitting}
    starts = np.cumsum([0, *map(len, fitting.values())])
    given = {split: np.arange(starts[i], starts[i + 1]) for i, split in enumerate(fitting)}
    if len(fitting) == 1:
        return train, given, findings
    return pd.concat(fitting.values(), ignore_index=True), given, findings
