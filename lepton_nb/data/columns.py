"""Which columns of a table a model can use, and how: numbers, categories, or left out."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd

from lepton_nb.data.report import Finding, plural
from lepton_nb.tasks.tables import category_text

MAX_CATEGORIES = 50  # values of one column that get an input of their own
MOSTLY = 0.95  # share of a column's texts that must read as numbers for it to be one
_ID_NAME = re.compile(
    r"^(unnamed: ?\d+|index|row|nr|no)$|(^|[ _-])(id|uuid|guid)$|[a-z]I[dD]$", re.IGNORECASE
)
_ID_CAMEL = re.compile(r"[a-z](Id|ID)$")


def clean_cells(table: pd.DataFrame) -> tuple[pd.DataFrame, list[Finding]]:
    """The table with stripped texts, numbers where texts are mostly numbers, and no infinities."""
    table = table.copy()
    findings = []
    for name in table.columns:
        column = table[name]
        if _is_text(column):
            stripped = column.map(lambda value: value.strip() if isinstance(value, str) else value)
            table[name] = column = stripped.mask(stripped == "")
            numbers = pd.to_numeric(column, errors="coerce")
            odd = column.notna() & numbers.isna()
            if column.notna().any() and numbers.notna().sum() >= MOSTLY * column.notna().sum():
                table[name] = column = numbers
                if odd.any():
                    examples = tuple(repr(value) for value in stripped[odd].unique()[:5])
                    text = f"{plural(int(odd.sum()), 'cell')} of {name!r} without a number: taken as empty."
                    findings.append(Finding(text, examples, warning=True))
        if pd.api.types.is_float_dtype(column):
            infinite = np.isinf(column.to_numpy(dtype=np.float64, na_value=np.nan))
            if infinite.any():
                table[name] = column.mask(infinite)
                findings.append(
                    Finding(f"{plural(int(infinite.sum()), 'infinite cell')} in {name!r}: taken as empty.")
                )
    return table, findings


def choose_columns(train: pd.DataFrame) -> tuple[list[dict[str, Any]], list[Finding]]:
    """The columns for `Signature.preprocessing`, by the training rows alone.

    Returns:
        Columns as ``{"name", "kind": "number", "mean", "std", "fill"}`` or
        ``{"name", "kind": "category", "values"}``, and what was left out or filled.
    """
    columns, left_out, filled, rare = [], [], [], []
    for name in train.columns:
        cells = train[name]
        reason = _reason_to_leave_out(str(name), cells)
        if reason:
            left_out.append(f"{name}: {reason}")
            continue
        missing = int(cells.isna().sum())
        if pd.api.types.is_numeric_dtype(cells) and not pd.api.types.is_bool_dtype(cells):
            column = number_column(str(name), cells.to_numpy(dtype=np.float64, na_value=np.nan))
            how = f"filled with the median {column['fill']:.6g}"
        else:
            column, dropped = _category(str(name), cells)
            how = "no category is set"
            if dropped:
                rare.append(f"{name}: {plural(dropped, 'rare value')}")
        columns.append(column)
        if missing:
            filled.append(f"{name}: {missing:,} empty, {how}")
    findings = []
    if left_out:
        findings.append(Finding(f"{plural(len(left_out), 'column')} left out.", tuple(left_out)))
    if filled:
        findings.append(Finding("Empty cells of train, and how such cells are read:", tuple(filled)))
    if rare:
        text = f"Only the {MAX_CATEGORIES} most frequent values of a column count; others are read as empty."
        findings.append(Finding(text, tuple(rare)))
    return columns, findings


def _reason_to_leave_out(name: str, cells: pd.Series) -> str | None:
    present = cells.dropna()
    if present.empty:
        return "empty in every row"
    if pd.api.types.is_datetime64_any_dtype(cells) or pd.api.types.is_timedelta64_dtype(cells):
        return "dates; make columns of numbers such as year or weekday from them"
    try:
        distinct = present.nunique()
    except TypeError:  # lists or dicts
        return f"cells of type {type(present.iloc[0]).__name__}"
    if distinct == 1 and (len(present) == len(cells) or pd.api.types.is_numeric_dtype(cells)):
        return f"always {present.iloc[0]}"
    if pd.api.types.is_numeric_dtype(cells):
        return "numbers the rows" if _numbers_the_rows(name, present) else None
    if distinct == len(present):
        return "another text in every row, such as a name or an id"
    if distinct > MAX_CATEGORIES and distinct > len(present) / 2:
        return f"{distinct:,} different texts in {len(present):,} rows"
    return None


def _numbers_the_rows(name: str, present: pd.Series) -> bool:
    """Whether whole numbers without repeats carry the name of an id, or count up from 0 or 1."""
    if present.nunique() != len(present) or not bool((present % 1 == 0).all()):
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
    return {
        "name": name,
        "kind": "number",
        "mean": float(values.mean()),
        "std": float(values.std()) or 1.0,
        "fill": fill,
    }


def _category(name: str, cells: pd.Series) -> tuple[dict[str, Any], int]:
    counts = cells.dropna().map(category_text).value_counts()
    kept = sorted(counts.index[:MAX_CATEGORIES])
    return {"name": name, "kind": "category", "values": kept}, len(counts) - len(kept)


def _is_text(column: pd.Series) -> bool:
    return pd.api.types.is_object_dtype(column) or pd.api.types.is_string_dtype(column)
