"""Table rows: classes or numbers to predict from the other columns."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from lepton_nb.data.bundle import DataBundle
from lepton_nb.data.class_folders import SPLIT_FOLDERS
from lepton_nb.data.label_columns import target_columns
from lepton_nb.data.report import Finding
from lepton_nb.data.specs import describe
from lepton_nb.data.splitting import Parts, Splitting
from lepton_nb.data.table_bundle import table_bundle
from lepton_nb.data.table_files import SUFFIXES, existing_file, read_table
from lepton_nb.data.targets import find_column
from lepton_nb.errors import DataError


def csv(
    path: str | os.PathLike[str],
    *,
    name: str | None = None,
    target: str | Sequence[str] | None = None,
    task: str | None = None,
    val_fraction: float = 0.1,
    test_fraction: float = 0.2,
    seed: int = 0,
    limit: int | None = None,
) -> DataBundle:
    """A table in a CSV or TSV file, or in a folder with ``train.csv`` and ``test.csv`` (``val.csv``).

    Arguments as for `frame`.

    Raises:
        DataError: If the file cannot be read, or there is nothing to learn from.
    """
    splitting = Splitting(val_fraction, test_fraction, seed, limit)
    table, given, root, findings = _read(path, target)
    bundle = table_bundle(
        table,
        given,
        name=name or root.stem,
        source=f"file {root}" if root.is_file() else f"tables in {root}",
        target=target,
        task=task,
        splitting=splitting,
        findings=findings,
    )
    options = {
        "target": target,
        "task": task,
        **splitting.to_dict(),
    }
    return describe(bundle, "csv", str(root), options)


def frame(
    table: pd.DataFrame,
    *,
    name: str = "frame",
    target: str | Sequence[str] | None = None,
    task: str | None = None,
    val_fraction: float = 0.1,
    test_fraction: float = 0.2,
    seed: int = 0,
    limit: int | None = None,
) -> DataBundle:
    """The rows of a DataFrame.

    Args:
        table: One row an item.
        name: What to call the data.
        target: The column to predict; the last one where it is not given, which the report says. Several,
            ``a,b,c``, are labels of 0 and 1; one whose cells hold lists, or ``a|b``, is several labels, too.
        task: ``classification``, ``regression`` or a task's name, where the target should not decide.
        val_fraction: Share of the rows for validation.
        test_fraction: Share of the rows for the test.
        seed: Equal seeds give equal splits.
        limit: Largest number of rows of each split, for a quick trial.

    Raises:
        DataError: If there is nothing to learn from, or an option is wrong.
    """
    return table_bundle(
        table,
        {"train": np.arange(len(table))},
        name=name,
        source=f"DataFrame, {len(table):,} rows × {table.shape[1]} columns",
        target=target,
        task=task,
        splitting=Splitting(val_fraction, test_fraction, seed, limit),
        findings=[],
    )


def table_folder_files(root: Path) -> dict[str, Path]:
    """The tables of a folder by split, where their names say one."""
    files = {
        SPLIT_FOLDERS.get(f.stem.lower(), ""): f
        for f in sorted(root.iterdir())
        if f.suffix.lower() in SUFFIXES
    }
    return {split: files[split] for split in ("train", "val", "test") if split in files}


def _read(
    path: str | os.PathLike[str], target: str | Sequence[str] | None
) -> tuple[pd.DataFrame, Parts, Path, list[Finding]]:
    root = Path(path).expanduser().absolute()
    files = table_folder_files(root) if root.is_dir() else {"train": existing_file(path)}
    if "train" not in files:
        raise DataError(
            f"{str(path)!r} has no train.csv.", "Name a CSV file, or a folder with train.csv and test.csv."
        )
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
    return pd.concat(tables.values(), ignore_index=True), given, root, findings
