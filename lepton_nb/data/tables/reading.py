"""Table rows: classes or numbers to predict from the other columns."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lepton_nb.data.bundle import DataBundle
from lepton_nb.data.class_folders import SPLIT_FOLDERS
from lepton_nb.data.label_columns import target_columns
from lepton_nb.data.report import Finding
from lepton_nb.data.splitting import Parts
from lepton_nb.data.tables.bundle import table_bundle
from lepton_nb.data.tables.files import SUFFIXES, existing_file, read_table, rows_told_by_line
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
    table, given, findings = read_tables(files, options.target)
    with rows_told_by_line(files, given):
        return table_bundle(
            table,
            given,
            name=name or root.stem,
            source=f"file {root}" if root.is_file() else f"tables in {root}",
            target=options.target,
            task=options.task,
            splitting=options,
            findings=findings,
        )


def read_frame(
    given: pd.DataFrame | tuple[pd.DataFrame, Any], options: TableOptions, *, name: str
) -> DataBundle:
    """A DataFrame as a bundle; of ``(X, y)`` y is its last column.

    Raises:
        DataError: If there is nothing to learn from.
    """
    table = given if isinstance(given, pd.DataFrame) else _joined(*given)
    return table_bundle(
        table,
        {"train": np.arange(len(table))},
        name=name,
        source=f"DataFrame, {len(table):,} rows × {table.shape[1]} columns",
        target=options.target,
        task=options.task,
        splitting=options,
        findings=[],
    )


def _joined(table: pd.DataFrame, target: Any) -> pd.DataFrame:
    name = str(getattr(target, "name", None) or "y")
    return table.assign(**{name: np.asarray(target)})


def table_folder_files(root: Path) -> dict[str, Path]:
    """The tables of a folder by split, where their names say one."""
    files = {
        SPLIT_FOLDERS.get(f.stem.lower(), ""): f
        for f in sorted(root.iterdir())
        if f.suffix.lower() in SUFFIXES
    }
    return {split: files[split] for split in ("train", "val", "test") if split in files}


def read_tables(
    files: Mapping[str, Path], target: str | Sequence[str] | None
) -> tuple[pd.DataFrame, Parts, list[Finding]]:
    """The tables of some splits as one, with the rows of each; one without the target is left out."""
    tables: dict[str, pd.DataFrame] = {}
    findings: list[Finding] = []
    for split, file in files.items():
        table, said = read_table(file)
        findings += said
        if split != "train":
            named = target_columns(tables["train"].columns, target) or [tables["train"].columns[-1]]
            wanted = [find_column(tables["train"], name, "target") for name in named]
            if lacking := [name for name in wanted if name not in table.columns]:
                findings.append(Finding(f"{file.name} has no column {lacking[0]!r}: left out.", warning=True))
                continue
            absent = [column for column in tables["train"].columns if column not in table.columns]
            if absent:
                raise DataError(f"{file.name} has no column {absent[0]!r}, which {files['train'].name} has.")
            table = table[tables["train"].columns]
        tables[split] = table
    starts = np.cumsum([0, *map(len, tables.values())])
    given = {split: np.arange(starts[i], starts[i + 1]) for i, split in enumerate(tables)}
    return pd.concat(tables.values(), ignore_index=True), given, findings
