"""Which columns of a table a model can use, and how: numbers, categories, or left out."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from lepton_nb.data.report import Finding
from lepton_nb.data.tables.cells import is_text
from lepton_nb.show.words import plural
from lepton_nb.tasks.tables import category_text

MAX_CATEGORIES = 50  # values of one column that get an input of their own
DATES = 1000  # cells that tell whether all are dates
_YEAR, _MONTH, _DAY = r"(?:1[5-9]|2[01])\d\d", r"(?:0?[1-9]|1[0-2])", r"(?:0?[1-9]|[12]\d|3[01])"
_NAME = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\.?"
_DATE = re.compile(
    rf"(?:{_YEAR}([-/.]){_MONTH}\1{_DAY}|{_DAY}([-/.]){_MONTH}\2{_YEAR}|\d\d([-/.])\d\d\3\d\d|{_MONTH}/{_DAY}/(?:{_YEAR}|\d\d)"
    rf"|{_DAY}[- .]+{_NAME}[- ,]+(?:{_YEAR}|\d\d)|{_NAME} {_DAY},? {_YEAR})"
    r"(?:[T ,]+\d\d?:\d\d(?::\d\d(?:\.\d+)?)?(?: ?[AP]M)?(?:Z| ?UTC| ?[+-]\d\d:?\d\d)?)?",
    re.IGNORECASE,
)
_ID_NAME = re.compile(
    r"^(unnamed: ?\d+|index|row|nr|no)$|(^|[ _-])(id|uuid|guid)$|[a-z]I[dD]$", re.IGNORECASE
)
_ID_CAMEL = re.compile(r"[a-z](Id|ID)$")


def choose_columns(train: pd.DataFrame) -> tuple[list[dict[str, Any]], list[Finding]]:
    """The columns for `Signature.preprocessing`, by the training rows alone.

    Returns:
        Columns as ``{"name", "kind": "number", "mean", "std", "fill", "range"}`` or
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
    if _are_dates(present):
        return f"dates such as {present.iloc[0]}; make columns of numbers such as year or weekday from them"
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


def _are_dates(present: pd.Series) -> bool:
    """Whether cells are dates or spans of time, as such or as texts."""
    if pd.api.types.is_datetime64_any_dtype(present) or pd.api.types.is_timedelta64_dtype(present):
        return True
    if not (is_text(present) or isinstance(present.dtype, pd.CategoricalDtype)):
        return False
    some = present.iloc[:DATES] if is_text(present) else present.cat.categories
    return all(isinstance(cell, date) or (isinstance(cell, str) and _DATE.fullmatch(cell)) for cell in some)


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
    counts = cells.dropna().astype(object).map(category_text).value_counts()
    kept = sorted(counts.index[:MAX_CATEGORIES])
    return {"name": name, "kind": "category", "values": kept}, len(counts) - len(kept)
