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
from lepton_nb.data.tables.bundle import column_cells, row_as_dict
from lepton_nb.data.tables.cells import clean_cells
from lepton_nb.data.tables.dtypes import plain_table
from lepton_nb.data.tables.files import read_table
from lepton_nb.data.tables.reading import table_folder_files
from lepton_nb.errors import DataError, did_you_mean
from lepton_nb.show.words import plural
from lepton_nb.signature import Signature
from lepton_nb.tasks.names import SEVERAL
from lepton_nb.tasks.tables import Cells, Coded, category_text, encode_columns


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


def read_features(
    table: pd.DataFrame, signature: Signature
) -> tuple[np.ndarray, pd.DataFrame, list[Finding]]:
    """The inputs ``(N, F)`` of rows that nobody has labelled, the other columns, and what was found.

    Raises:
        DataError: If a column is missing, or holds something else than in training.
    """
    table, findings = plain_table(table)
    columns = signature.preprocessing["columns"]
    names = [column["name"] for column in columns]
    _check_columns(table, names, "")
    cleaned = clean_cells(table[names], None, **_orders(columns))
    findings += cleaned.findings
    cells = {column["name"]: _cells(cleaned.table[column["name"]], column, findings) for column in columns}
    return encode_columns(cells, signature.preprocessing), table.drop(columns=names), findings


def _orders(columns: list[dict[str, Any]]) -> dict[str, Any]:
    orders = {column["name"]: column["order"] for column in columns if column["kind"] == "date"}
    return {"orders": orders, "read_dates": bool(orders)}


def _bundle(
    table: pd.DataFrame, signature: Signature, part: str, name: str, source: str, findings: list[Finding]
) -> DataBundle:
    table, flattened = plain_table(table)
    table, target = label_column(table, signature), target_name(signature)
    columns = signature.preprocessing["columns"]
    used = [*(column["name"] for column in columns), target]
    _check_columns(table, used, target)
    cleaned = clean_cells(table[used], target, **_orders(columns))
    answers, there, said = present(cleaned.table[target], "row")
    features = cleaned.table.loc[there, used[:-1]].reset_index(drop=True)
    findings = [*findings, *flattened, *said, *cleaned.findings]
    cells = {column["name"]: _cells(features[column["name"]], column, findings) for column in columns}
    inputs = encode_columns(cells, signature.preprocessing)
    targets = fit_targets(answers, signature)
    return fitted_bundle(
        MemorySplit(
            part,
            as_tensor(inputs),
            as_tensor(targets),
            lambda i: row_as_dict(features, i),
            origin=lambda i: int(np.flatnonzero(there)[i]),
        ),
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


def _cells(cells: pd.Series, column: dict[str, Any], findings: list[Finding]) -> Cells:
    """A column's cells for `encode_columns`; adds a finding where training never saw a value.

    Raises:
        DataError: If a column of numbers or dates holds something else.
    """
    name, kind = column["name"], column["kind"]
    if kind == "category":
        coded = column_cells(cells, column)
        assert isinstance(coded, Coded)
        findings += _unknown(coded, column)
        return coded
    read = pd.to_numeric(cells, errors="coerce") if kind == "number" else cells
    odd = cells.notna() & (
        read.isna() if kind == "number" else not pd.api.types.is_datetime64_any_dtype(cells)
    )
    if odd.any():
        raise DataError(
            f"Column {name!r} is to hold {kind}s but holds {cells[odd].iloc[0]!r} "
            f"({int(odd.sum()):,} such rows).",
            f"The model was trained on {kind}s there: repair these rows or leave them out.",
        )
    if kind == "date" and not pd.api.types.is_datetime64_any_dtype(cells):  # empty in every row
        return np.full(len(cells), np.datetime64("NaT"), dtype="datetime64[s]")
    return column_cells(read, column)


def _unknown(coded: Coded, column: dict[str, Any]) -> list[Finding]:
    """A warning about values that are no category of the model."""
    known = set(column["values"])
    new = [i for i, value in enumerate(coded.values) if category_text(value) not in known]
    count = int(np.isin(coded.codes, new).sum())
    if not count:
        return []
    text = f"{plural(count, 'row')} with a value of {column['name']!r} that is no category of the model"
    examples = tuple(repr(category_text(coded.values[i])) for i in new[:5])
    return [Finding(f"{text}: read as empty.", examples, warning=True)]
