"""From a table to a bundle: target, columns, rows as tensors, report."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from lepton_nb.data.assemble import kept
from lepton_nb.data.bundle import DataBundle
from lepton_nb.data.class_folders import IMAGE_SUFFIXES
from lepton_nb.data.contents import column_keys, table_keys
from lepton_nb.data.duplicates import find_conflicts, find_leaks
from lepton_nb.data.grouping import take_groups
from lepton_nb.data.label_columns import with_labels
from lepton_nb.data.label_targets import read_answers
from lepton_nb.data.previews import RowsPreview
from lepton_nb.data.report import Finding
from lepton_nb.data.splitting import Parts, plan_parts, row_keys
from lepton_nb.data.tables.cells import Cleaned, clean_cells
from lepton_nb.data.tables.columns import choose_columns, select_columns
from lepton_nb.data.tables.dtypes import plain_table
from lepton_nb.data.tables.source import TableOptions
from lepton_nb.data.tables.telltale import find_telltales
from lepton_nb.data.targets import Targets, find_column, strip_labels, task_of
from lepton_nb.data.tensors.bundle import tensor_bundle
from lepton_nb.errors import DataError
from lepton_nb.show.words import plural
from lepton_nb.tasks.tables import Cells, Coded, encode_columns

SHOWN_ROWS, SHOWN_COLUMNS = 5, 12


def table_bundle(
    table: pd.DataFrame,
    given: Parts,
    options: TableOptions,
    *,
    name: str,
    source: str,
    findings: list[Finding],
) -> DataBundle:
    """The bundle of a table.

    Args:
        given: Rows by split as the source has them.
        findings: What reading the table found; what is found here is added.
    """
    table, said = plain_table(table)
    table, target, names, labels = with_labels(table, options.target, options.task)
    cleaned, left, target = _prepare(table, given, target, options)
    targets = read_answers(cleaned.table[target], options.task, names)
    groups, features = take_groups(cleaned.table.drop(columns=[target]), options.group)
    keys = row_keys(table_keys(features, cleaned.coded)) if groups is None else groups
    parts, split = plan_parts(left, keys, targets.mix, targets.strata, options, group=options.group)
    columns, chosen = choose_columns(features.iloc[parts["train"]], cleaned.orders, dates=options.dates)
    if not columns:
        hint = _pictures_hint(features) or ("\n".join(chosen[0].examples) if chosen else None)
        raise DataError(f"No column but the target {target!r} can be learned from.", hint)
    preprocessing = {"kind": "table", "columns": columns}
    used = features[[column["name"] for column in columns]]
    cells = {c["name"]: cleaned.coded.get(c["name"]) or column_cells(used[c["name"]], c) for c in columns}
    contents = column_keys(cells, columns)
    findings = [*findings, *said, *cleaned.findings, *labels, *targets.findings, *split, *chosen]
    findings += find_telltales(cells, targets, parts["train"])
    findings += _doubles(contents, targets, parts, "" if len(columns) == features.shape[1] else _IN_USED)
    return tensor_bundle(
        encode_columns(cells, preprocessing),
        contents if options.dates else pd.util.hash_pandas_object(used, index=False).to_numpy(),
        targets,
        parts,
        name=name,
        source=source,
        task=task_of(options.task, "tabular", targets),
        input_name="features",
        target_name=target,
        preprocessing=preprocessing,
        raw=lambda i: row_as_dict(used, i),
        findings=findings,
        preview=preview_rows(used, targets, target, parts["train"]),
        contents=contents,
        origin=numbers_of(given, cleaned.rows),
    )


_IN_USED = " (equal in the columns used)"


def _pictures_hint(features: pd.DataFrame) -> str | None:
    """What to do with a table that names pictures."""
    for name in features.columns:
        cells = features[name].dropna()
        if len(cells) and str(cells.iloc[0]).lower().endswith(IMAGE_SUFFIXES):
            return f"{name!r} names pictures that are not here: name their folder with images='FOLDER'."
    return None


def numbers_of(given: Parts, left: np.ndarray | None) -> np.ndarray:
    """The number of each row in its own file, ``(N,)``.

    Args:
        left: Which rows of all are left, bool; all where None.
    """
    numbers = np.concatenate([np.arange(len(rows)) for rows in given.values()])
    return numbers if left is None else numbers[left]


def column_cells(cells: pd.Series, column: Mapping[str, Any]) -> Cells:
    """A column's cells as `encode_columns` takes them."""
    if column["kind"] == "number":
        return cells.to_numpy(dtype=np.float64, na_value=np.nan)
    if column["kind"] == "date":
        return cells.to_numpy(dtype="datetime64[s]")
    codes, values = pd.factorize(cells)
    return Coded(codes, values.tolist())


def row_as_dict(table: pd.DataFrame, i: int) -> dict[str, Any]:
    """Row `i` in Python's own types, with None for what is missing: what a service takes."""
    (cells,) = table.iloc[[i]].astype(object).to_dict("records")
    return {str(name): None if pd.isna(cell) else _sayable(cell) for name, cell in cells.items()}


def _sayable(cell: Any) -> Any:
    """Dates as texts, without a time where it is midnight."""
    if not isinstance(cell, datetime):
        return cell
    return cell.isoformat(" ").removesuffix(" 00:00:00")


def preview_rows(features: pd.DataFrame, targets: Targets, target: str, train: np.ndarray) -> RowsPreview:
    """Some training rows, spread over the split, with their target."""
    shown = features.iloc[:, :SHOWN_COLUMNS]
    more = [f"… {features.shape[1] - SHOWN_COLUMNS} more"] if features.shape[1] > SHOWN_COLUMNS else []
    spread = np.linspace(0, len(train) - 1, min(SHOWN_ROWS, len(train))).astype(int)
    rows = [
        [*row_as_dict(shown, i).values(), *("…" for _ in more), targets.shown(i)]
        for i in train[spread].tolist()
    ]
    return RowsPreview([*map(str, shown.columns), *more, f"{target} (target)"], rows)


def _doubles(content: np.ndarray, targets: Targets, parts: Parts, how: str) -> list[Finding]:
    """Equal rows in two splits. They are left in: rows of a table may be equal and still be two cases."""
    _, findings = find_leaks(
        {split: content[rows] for split, rows in parts.items()},
        lambda split, i: f"row {parts[split][i]}",
        noun="row",
        remove=False,
        how=how,
    )
    if targets.labels is not None:
        train = parts["train"]
        findings += find_conflicts(content[train], targets.labels[train], lambda i: f"row {train[i]}", "row")
    return findings


def _prepare(
    table: pd.DataFrame, given: Parts, target: str | None, options: TableOptions
) -> tuple[Cleaned, Parts, str]:
    """The rows that have a target, cleaned, and which column it is."""
    twice = table.columns[table.columns.duplicated()]
    if len(twice):
        raise DataError(f"There are two columns {twice[0]!r}.", "Rename or drop one of them.")
    if table.shape[1] < 2 or not len(table):
        raise DataError(
            f"The table has {plural(len(table), 'row')} and {plural(table.shape[1], 'column')}; "
            "it needs rows, a target column and one to learn from."
        )
    findings = []
    if target is None:
        target = str(table.columns[-1])
        findings.append(Finding(f"The target is the last column, {target!r} (target=… names another)."))
    target = find_column(table, target, "target")
    table = select_columns(table, target, options)
    cleaned = clean_cells(table, target, read_dates=options.dates)
    answers, said = strip_labels(cleaned.table[target])
    cleaned.findings = [*findings, *cleaned.findings, *said]
    present = answers.notna().to_numpy()
    if not present.any():
        raise DataError(
            f"The target column {target!r} is empty in every row.", f"Columns: {', '.join(table.columns)}."
        )
    cleaned.table = cleaned.table.assign(**{target: answers})
    if present.all():
        return cleaned, given, target
    text = f"{plural(int((~present).sum()), 'row')} without a value in {target!r} left out."
    cleaned.findings.append(Finding(text, warning=True))
    cleaned.keep(present)
    return cleaned, kept(given, present, cleaned.findings[-1:]), target
