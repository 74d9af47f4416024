"""Which columns of a table a model can use, and how: numbers, categories, or left out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from lepton_nb.data.report import Finding
from lepton_nb.data.tables.dates import SAMPLE, date_column, order_of
from lepton_nb.data.tables.source import TableOptions
from lepton_nb.data.tables.texts import is_text
from lepton_nb.data.targets import find_column
from lepton_nb.errors import DataError
from lepton_nb.show.words import plural
from lepton_nb.tasks.tables import category_text

MAX_CATEGORIES = 50  # values of one column that get an input of their own
_ID_NAME = re.compile(
    r"^(unnamed: ?\d+|index|row|nr|no)$|(^|[ _-])(id|uuid|guid)$|[a-z]I[dD]$", re.IGNORECASE
)
_ID_CAMEL = re.compile(r"[a-z](Id|ID)$")


def select_columns(table: pd.DataFrame, target: str, options: TableOptions) -> pd.DataFrame:
    """The columns that the options leave, with the target and what the rows are grouped by.

    Raises:
        DataError: If one of them is not there, or all are left out.
    """
    for option in ("columns", "drop"):
        for name in getattr(options, option) or ():
            find_column(table, name, option)
    kept = {target, options.group}
    dropped = set(options.drop or ()) - kept
    names = [
        name
        for name in table.columns
        if name in kept or (name not in dropped and (not options.columns or name in options.columns))
    ]
    if not set(names) - kept:
        raise DataError("Every column but the target is left out.", "Name fewer with drop=….")
    return table[names]


def choose_columns(
    train: pd.DataFrame, orders: Mapping[str, str] | None = None, *, dates: bool = True
) -> tuple[list[dict[str, Any]], list[Finding]]:
    """The columns for `Signature.preprocessing`, by the training rows alone.

    Args:
        orders: In which order the dates of a column are written.
        dates: Whether those are features, by their parts.

    Returns:
        Columns as ``{"name", "kind": "number", "mean", "std", "fill", "range"}``, ``{"name", "kind":
        "category", "values"}`` or ``{"name", "kind": "date", "order", "parts", …}``, and what was left out.
    """
    chosen = _Chosen(dict(orders or {}), dates)
    for name in train.columns:
        chosen.add(str(name), train[name])
    return chosen.columns, chosen.findings()


class _Chosen:
    """Columns as they are chosen, and what there is to say of them."""

    def __init__(self, orders: dict[str, str], dates: bool) -> None:
        self.orders, self.dates = orders, dates
        self.columns: list[dict[str, Any]] = []
        self.left_out: list[str] = []
        self.filled: list[str] = []
        self.rare: list[str] = []

    def add(self, name: str, cells: pd.Series) -> None:
        reason = _reason_to_leave_out(name, cells, self.dates)
        column, how = (None, "") if reason else self._read(name, cells)
        if column is None:
            self.left_out.append(f"{name}: {reason or how}")
            return
        self.columns.append(column)
        missing = int(cells.isna().sum())
        if missing:
            self.filled.append(f"{name}: {missing:,} empty, {how}")

    def _read(self, name: str, cells: pd.Series) -> tuple[dict[str, Any] | None, str]:
        """A column, and how an empty cell of it is read; no column, and why."""
        if pd.api.types.is_datetime64_any_dtype(cells):
            dates = cells.to_numpy(dtype="datetime64[s]")
            column = date_column(name, dates, self.orders.get(name, "ymd"))
            return column, "the mean of each part" if column else f"always {cells.dropna().iloc[0]}"
        if pd.api.types.is_numeric_dtype(cells) and not pd.api.types.is_bool_dtype(cells):
            column = number_column(name, cells.to_numpy(dtype=np.float64, na_value=np.nan))
            return column, f"filled with the median {column['fill']:.6g}"
        column, dropped = _category(name, cells)
        if dropped:
            self.rare.append(f"{name}: {plural(dropped, 'rare value')}")
        return column, "no category is set"

    def findings(self) -> list[Finding]:
        findings = []
        if self.left_out:
            text = f"{plural(len(self.left_out), 'column')} left out."
            findings.append(Finding(text, tuple(self.left_out)))
        if self.filled:
            text = "Empty cells of train, and how such cells are read:"
            findings.append(Finding(text, tuple(self.filled)))
        if self.rare:
            text = f"Only the {MAX_CATEGORIES} most frequent values of a column count; "
            findings.append(Finding(f"{text}others are read as empty.", tuple(self.rare)))
        return findings


def _reason_to_leave_out(name: str, cells: pd.Series, dates: bool) -> str | None:
    present = cells.dropna()
    if present.empty:
        return "empty in every row"
    if pd.api.types.is_datetime64_any_dtype(cells) or (not dates and _are_date_texts(present)):
        return None if dates else f"dates such as {present.iloc[0]} (dates=True makes features of them)"
    if pd.api.types.is_complex_dtype(cells):
        return "complex numbers; make columns of their parts"
    try:
        distinct = present.nunique()
    except TypeError:  # lists or dicts
        return f"cells of type {type(present.iloc[0]).__name__}"
    if distinct == 1 and (len(present) == len(cells) or pd.api.types.is_numeric_dtype(cells)):
        return f"always {present.iloc[0]}"
    if pd.api.types.is_numeric_dtype(cells):
        return "numbers the rows" if _numbers_the_rows(name, present, distinct) else None
    if distinct == len(present):
        return "another text in every row, such as a name or an id"
    if distinct > MAX_CATEGORIES and distinct > len(present) / 2:
        return f"{distinct:,} different texts in {len(present):,} rows"
    return None


def _are_date_texts(present: pd.Series) -> bool:
    if not (is_text(present) or isinstance(present.dtype, pd.CategoricalDtype)):
        return False
    some = list(present.iloc[:SAMPLE].unique())
    return order_of(some, np.ones(len(some))) is not None


def _numbers_the_rows(name: str, present: pd.Series, distinct: int) -> bool:
    """Whether whole numbers without repeats carry the name of an id, or count up from 0 or 1."""
    if distinct != len(present) or not bool((present % 1 == 0).all()):
        return False
    if _ID_NAME.search(name) or _ID_CAMEL.search(name):
        return True
    ordered = np.sort(present.to_numpy(dtype=np.float64))
    increasing = bool(present.is_monotonic_increasing)
    return increasing and len(ordered) > 10 and ordered[0] in (0, 1) and bool((np.diff(ordered) < 10).all())


def number_column(name: str, values: np.ndarray) -> dict[str, Any]:
    """A column of numbers for `Signature.preprocessing`; missing ones are NaN and get the median."""
    fill = float(np.nanmedian(values)) if not np.isnan(values).all() else 0.0
    values = np.where(np.isnan(values), fill, values)
    low, high = float(values.min()), float(values.max())
    return {
        "name": name,
        "kind": "number",
        "mean": float(values.mean()),
        "std": float(values.std()) or 1.0,
        "fill": fill,
        "range": [low, high],
    }


def _category(name: str, cells: pd.Series) -> tuple[dict[str, Any], int]:
    """The most frequent values, in the order that somebody gave them, else in that of their texts."""
    counts = cells.value_counts()
    by_text = counts.groupby(counts.index.map(category_text).astype(object), sort=False).sum()
    by_text = by_text[by_text > 0].sort_values(ascending=False, kind="stable")
    kept = sorted(by_text.index[:MAX_CATEGORIES])
    if isinstance(cells.dtype, pd.CategoricalDtype) and cells.dtype.ordered:
        order = [category_text(value) for value in cells.dtype.categories]
        kept.sort(key=order.index)
    return {"name": name, "kind": "category", "values": kept}, len(by_text) - len(kept)
