"""From a table to a bundle: target, columns, rows as tensors, report."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from lepton_nb.data.assemble import refuse_emptied
from lepton_nb.data.bundle import DataBundle
from lepton_nb.data.contents import column_keys, table_keys
from lepton_nb.data.duplicates import find_conflicts, find_leaks
from lepton_nb.data.label_columns import Target, with_labels
from lepton_nb.data.label_targets import read_answers
from lepton_nb.data.options import Splitting
from lepton_nb.data.previews import RowsPreview
from lepton_nb.data.report import Finding
from lepton_nb.data.splitting import Parts, plan_parts, row_keys
from lepton_nb.data.tables.cells import clean_cells
from lepton_nb.data.tables.columns import choose_columns
from lepton_nb.data.targets import Targets, find_column, strip_labels, task_of
from lepton_nb.data.tensors.bundle import tensor_bundle
from lepton_nb.errors import DataError
from lepton_nb.show.words import plural
from lepton_nb.tasks.tables import encode_columns

SHOWN_ROWS, SHOWN_COLUMNS = 5, 12


def table_bundle(
    table: pd.DataFrame,
    given: Parts,
    *,
    name: str,
    source: str,
    target: Target,
    task: str | None,
    splitting: Splitting,
    findings: list[Finding],
) -> DataBundle:
    """The bundle of a table; arguments as for `lepton_nb.data.frame`.

    Args:
        given: Rows by split as the source has them.
        findings: What reading the table found; what is found here is added.
    """
    table, target, names, labels = with_labels(table.rename(columns=str), target, task)
    table, given, target, said = _prepare(table, given, target)
    findings = findings + said + labels
    targets = read_answers(table[target], task, names)
    features = table.drop(columns=[target])
    findings += targets.findings
    keys = row_keys(table_keys(features))
    parts, split = plan_parts(given, keys, targets.labels, targets.strata, splitting)
    columns, said = choose_columns(features.iloc[parts["train"]])
    findings += split + said
    if not columns:
        raise DataError(
            f"No column but the target {target!r} can be learned from.", "\n".join(said[0].examples) or None
        )
    preprocessing = {"kind": "table", "columns": columns}
    features = features[[column["name"] for column in columns]]
    cells = {column["name"]: _cells(features, column) for column in columns}
    inputs = encode_columns(cells, preprocessing)
    digests = pd.util.hash_pandas_object(features, index=False).to_numpy()
    findings += _doubles(digests, targets, parts)
    return tensor_bundle(
        inputs,
        digests,
        targets,
        parts,
        name=name,
        source=source,
        task=task_of(task, "tabular", targets),
        input_name="features",
        target_name=target,
        preprocessing=preprocessing,
        raw=lambda i: row_as_dict(features, i),
        findings=findings,
        preview=preview_rows(features, targets, target, parts["train"]),
        contents=column_keys(cells, columns),
    )


def _cells(features: pd.DataFrame, column: dict[str, Any]) -> list[Any]:
    """A column's cells in Python's own types; pandas has several values for a missing one."""
    cells = features[column["name"]]
    if column["kind"] == "number":
        return list(cells.to_numpy(dtype=np.float64, na_value=np.nan))
    return [None if missing else cell for cell, missing in zip(cells, cells.isna(), strict=True)]


def row_as_dict(table: pd.DataFrame, i: int) -> dict[str, Any]:
    """Row `i` in Python's own types, with None for what is missing: what a service takes."""
    (cells,) = table.iloc[[i]].astype(object).to_dict("records")
    return {str(name): None if pd.isna(cell) else cell for name, cell in cells.items()}


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


def _doubles(content: np.ndarray, targets: Targets, parts: Parts) -> list[Finding]:
    """Equal rows in two splits. They are left in: rows of a table may be equal and still be two cases."""
    _, findings = find_leaks(
        {split: content[rows] for split, rows in parts.items()},
        lambda split, i: f"row {parts[split][i]}",
        noun="row",
        remove=False,
    )
    if targets.labels is not None:
        train = parts["train"]
        findings += find_conflicts(content[train], targets.labels[train], lambda i: f"row {train[i]}", "row")
    return findings


def _prepare(
    table: pd.DataFrame, given: Parts, target: str | None
) -> tuple[pd.DataFrame, Parts, str, list[Finding]]:
    """The rows that have a target, with texts stripped in it, and which column it is."""
    table = table.rename(columns=str).reset_index(drop=True)
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
    table, said = clean_cells(table, target)
    findings += said
    answers, said = strip_labels(table[target])
    findings += said
    present = answers.notna().to_numpy()
    if not present.any():
        raise DataError(
            f"The target column {target!r} is empty in every row.", f"Columns: {', '.join(table.columns)}."
        )
    if not present.all():
        text = f"{plural(int((~present).sum()), 'row')} without a value in {target!r} left out."
        findings.append(Finding(text))
    table = table.assign(**{target: answers})[present].reset_index(drop=True)
    position = np.cumsum(present) - 1
    left = {split: position[rows[present[rows]]] for split, rows in given.items()}
    refuse_emptied(given, left, findings[-1:])
    return table, left, target, findings
