"""Rows of a table as a trained model takes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lepton_nb.data.bundle import DataBundle
from lepton_nb.data.contents import column_keys
from lepton_nb.data.fitted.bundles import (
    as_tensor,
    fit_targets,
    fitted_bundle,
    held_out,
    label_column,
    label_rows,
    present,
    target_name,
)
from lepton_nb.data.label_columns import is_lists_of_names, one_object_each
from lepton_nb.data.memory import MemorySplit
from lepton_nb.data.report import Finding
from lepton_nb.data.tables.bundle import row_as_dict
from lepton_nb.data.tables.cells import clean_cells
from lepton_nb.data.tables.files import read_table
from lepton_nb.data.tables.reading import table_folder_files
from lepton_nb.errors import DataError, did_you_mean
from lepton_nb.show.words import plural
from lepton_nb.signature import Signature
from lepton_nb.tasks.names import SEVERAL
from lepton_nb.tasks.tables import category_text, encode_columns


def from_path(path: Path, signature: Signature, split: str | None) -> DataBundle:
    files = table_folder_files(path) if path.is_dir() else {"train": path}
    if not files:
        raise DataError(f"{str(path)!r} has no table.", "Name a CSV file, or a folder with test.csv.")
    part, _ = held_out({name: np.arange(0) for name in files}, split)
    file = files["train"] if part not in files else files[part]
    table, findings = read_table(file)
    return _bundle(table, signature, part, path.stem, f"file {file}", findings)


def from_frame(table: pd.DataFrame, signature: Signature) -> DataBundle:
    source = f"DataFrame, {len(table):,} rows × {table.shape[1]} columns"
    return _bundle(table, signature, "test", "frame", source, [])


def from_pair(x: Any, y: Any, signature: Signature) -> DataBundle | None:
    if not isinstance(x, pd.DataFrame):
        columns = [str(column["name"]) for column in signature.preprocessing["columns"]]
        values = np.asarray(x)
        if values.ndim != 2 or columns != [f"x{i}" for i in range(values.shape[1])]:
            raise DataError(
                f"Arrays of the shape {values.shape} have no columns; the model takes {', '.join(columns)}.",
                "Give a DataFrame with these columns.",
            )
        x = pd.DataFrame(values, columns=columns)
    target = target_name(signature)
    if signature.task == SEVERAL:
        lists = y if is_lists_of_names(y) else label_rows(np.asarray(y), signature)
        y = one_object_each(lists)
    answers = np.asarray(y)
    if answers.ndim != 1 and answers.size != len(answers):
        return None
    if len(answers) != len(x):
        raise DataError(f"There are {len(x):,} rows and {len(answers):,} targets; expected one a row.")
    return from_frame(x.assign(**{target: answers.reshape(-1)}), signature)


def _bundle(
    table: pd.DataFrame, signature: Signature, part: str, name: str, source: str, findings: list[Finding]
) -> DataBundle:
    table, target = label_column(table.rename(columns=str), signature), target_name(signature)
    columns = signature.preprocessing["columns"]
    _check_columns(table, [*(column["name"] for column in columns), target], target)
    used = [*(column["name"] for column in columns), target]
    table, cleaned = clean_cells(table[used], target)
    answers, there, said = present(table[target], "row")
    features = table.loc[there, used[:-1]].reset_index(drop=True)
    findings = [*findings, *said, *cleaned]
    cells = {column["name"]: _cells(features[column["name"]], column, findings) for column in columns}
    inputs = encode_columns(cells, signature.preprocessing)
    targets = fit_targets(answers, signature)
    return fitted_bundle(
        MemorySplit(part, as_tensor(inputs), as_tensor(targets), lambda i: row_as_dict(features, i)),
        signature,
        column_keys(cells, columns),
        name=name,
        source=source,
        findings=findings,
    )


def _check_columns(table: pd.DataFrame, needed: list[str], target: str) -> None:
    missing = [name for name in needed if name not in table.columns]
    if missing:
        use = "the model predicts" if missing == [target] else "the model takes"
        raise DataError(
            f"The table has no column {missing[0]!r}, which {use}.",
            did_you_mean(missing[0], table.columns) or f"Its columns are {', '.join(table.columns)}.",
        )


def _cells(cells: pd.Series, column: dict[str, Any], findings: list[Finding]) -> list[Any]:
    """A column's cells for `encode_columns`; adds a finding where training never saw a value.

    Raises:
        DataError: If a column of numbers holds something else.
    """
    if column["kind"] == "number":
        numbers = pd.to_numeric(cells, errors="coerce")
        odd = cells.notna() & numbers.isna()
        if odd.any():
            raise DataError(
                f"Column {column['name']!r} is to hold numbers but holds {cells[odd].iloc[0]!r} "
                f"({int(odd.sum()):,} such rows).",
                "The model was trained on numbers there: repair these rows or leave them out.",
            )
        return list(numbers.to_numpy(dtype=np.float64, na_value=np.nan))
    values = [None if missing else cell for cell, missing in zip(cells, cells.isna(), strict=True)]
    known = set(column["values"])
    new = [text for value in values if (text := category_text(value)) is not None and text not in known]
    if new:
        text = (
            f"{plural(len(new), 'row')} with a value of {column['name']!r} that is no category of the model"
        )
        findings.append(
            Finding(f"{text}: read as empty.", tuple(dict.fromkeys(map(repr, new)))[:5], warning=True)
        )
    return values
