"""Columns of every kind of pandas as the few kinds that cleaning knows; the names of columns as texts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from lepton_nb.data.report import Finding
from lepton_nb.show.words import plural


def plain_table(table: pd.DataFrame) -> tuple[pd.DataFrame, list[Finding]]:
    """The table with texts for names, columns of plain kinds, and rows that are numbered."""
    findings = []
    if isinstance(table.columns, pd.MultiIndex):
        names = [_joined(name) for name in table.columns]
        text = f"The names of columns have {table.columns.nlevels} levels: joined, as in {names[0]!r}."
        findings.append(Finding(text))
    else:
        names = list(map(str, table.columns))
    held = [str(name) for name in table.index.names if name is not None]
    if held and isinstance(table.index, pd.MultiIndex):
        text = f"The index holds {', '.join(map(repr, held))}: left out; df.reset_index() makes it columns."
        findings.append(Finding(text, warning=True))
    table = table.set_axis(names, axis=1).reset_index(drop=True)
    if not table.columns.is_unique:  # which `table_bundle` refuses
        return table, findings
    for name in names:
        column, said = _plain(table[name])
        findings += said
        if column is not table[name]:
            table[name] = column
    return table, findings


def _joined(name: tuple[Any, ...]) -> str:
    return " ".join(part for part in map(str, name) if part)


def _plain(column: pd.Series) -> tuple[pd.Series, list[Finding]]:
    """A column of numbers, texts, truth values, categories, dates, or objects as they are."""
    dtype = column.dtype
    if isinstance(dtype, pd.SparseDtype):
        return pd.Series(np.asarray(column), name=column.name), []
    if isinstance(dtype, pd.ArrowDtype):
        return _of_arrow(column), []
    if isinstance(dtype, pd.PeriodDtype):
        return column.dt.to_timestamp(), []
    if isinstance(dtype, pd.DatetimeTZDtype):
        return column.dt.tz_localize(None), []
    if pd.api.types.is_timedelta64_dtype(dtype):
        text = (
            f"'{column.name}' holds spans of time in {plural(len(column), 'row')}: taken as numbers of days."
        )
        return column.dt.total_seconds() / 86400, [Finding(text, warning=True)]
    if isinstance(dtype, pd.CategoricalDtype) and pd.api.types.is_datetime64_any_dtype(dtype.categories):
        return column.astype(dtype.categories.dtype), []
    return column, []


def _of_arrow(column: pd.Series) -> pd.Series:
    kind = str(getattr(column.dtype, "pyarrow_dtype", ""))
    if kind.startswith(("int", "uint", "float", "double", "halffloat", "bool", "string", "large_string")):
        return column
    if kind.startswith(("timestamp", "date")):
        dates = pd.to_datetime(column.astype(object))
        return dates.dt.tz_localize(None) if dates.dt.tz is not None else dates
    if kind.startswith("decimal"):
        return pd.Series(column.to_numpy(dtype=np.float64, na_value=np.nan), name=column.name)
    if kind.startswith("duration"):
        return _plain(pd.to_timedelta(column.astype(object)))[0]
    if kind.startswith("dictionary"):
        return column.astype(object).astype("category")
    return column.astype(object)
