"""Labels in a table: several columns of zeros and ones, or one whose cells hold the labels of a row.

Both become one column of tuples of names, which goes through cleaning like any other target.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import pandas as pd

from lepton_nb.data.label_values import RowError, are_meant_as_labels, check_labels
from lepton_nb.data.report import Finding
from lepton_nb.errors import DataError, did_you_mean
from lepton_nb.show.words import plural
from lepton_nb.tasks.names import BINARY, SEVERAL

_SEPARATORS = ("|", ";")
_SHARED = 0.5  # of the cells with several parts, those that share parts with other cells
Target = str | Sequence[str] | None


def target_columns(columns: Collection[str], target: Target) -> list[str]:
    """The columns that a target names: ``a,b,c`` are three, where no column is called so."""
    if target is None or (isinstance(target, str) and (target in columns or "," not in target)):
        return [] if target is None else [target]
    named = target.split(",") if isinstance(target, str) else target
    return [str(name).strip() for name in named]


def merge_columns(table: pd.DataFrame, target: Target) -> tuple[pd.DataFrame, str | None, tuple[str, ...]]:
    """The table with several label columns as one of tuples, that one's name, and the labels.

    Where one column is named, or none, the table is as it was.

    Raises:
        DataError: If one of several is not there, or holds something other than 0 and 1.
    """
    names = target_columns(table.columns, target)
    if len(names) < 2:
        return table, names[0] if names else None, ()
    absent = [name for name in names if name not in table.columns]
    if absent:
        hint = did_you_mean(absent[0], map(str, table.columns))
        raise DataError(f"target has {absent[0]!r}, but there is no such column.", hint)
    values = np.stack([_as_numbers(table[name]) for name in names], axis=1)
    check_labels(values, "The target", tuple(names), hint="Repair or leave out these rows.")
    merged = _tuples([[n for n, held in zip(names, row, strict=True) if held] for row in values], table.index)
    name = ", ".join(names)
    return table.drop(columns=names).assign(**{name: merged}), name, tuple(names)


def with_labels(
    table: pd.DataFrame, target: Target, task: str | None
) -> tuple[pd.DataFrame, str | None, tuple[str, ...], list[Finding]]:
    """The table with labels as tuples in one column, the column's name, the labels, and what was found.

    Args:
        target: The column or columns to predict; the last one where None.
        task: What was asked for, if anything.
    """
    table, name, names = merge_columns(table, target)
    column = name if name is not None else table.columns[-1] if table.shape[1] else None
    if names or column not in table.columns or not table.columns.is_unique:
        return table, name, names, []
    check_binary(table[column], task)
    found = as_label_sets(table[column], task)
    if found is None:
        return table, name, (), []
    return table.assign(**{str(column): found[0]}), name, (), found[1]


def check_binary(values: pd.Series, task: str | None) -> None:
    """Refuse a column of zeros and ones with a few other numbers, where one label is asked for.

    Raises:
        RowError: With the first row that has one.
    """
    if task == BINARY and pd.api.types.is_numeric_dtype(values):
        numbers = values.fillna(0).to_numpy(dtype=np.float64)[:, None]  # what is missing is left out later
        if are_meant_as_labels(numbers):
            check_labels(numbers, f"{values.name!r}", hint="Repair or leave out these rows.")


def as_label_sets(values: pd.Series, task: str | None) -> tuple[pd.Series, list[Finding]] | None:
    """Cells of lists of labels, or of labels with ``|`` or ``;`` between them, as tuples; None for others.

    Args:
        task: What was asked for: multi-label classification takes texts without a separator, too.
    """
    asked = task == SEVERAL
    if (task is not None and not asked) or pd.api.types.is_numeric_dtype(values):
        return None
    cells = values.astype(object)
    present = cells.dropna()
    if len(present) and all(_is_collection(cell) for cell in present):
        sets = [[] if not _is_collection(cell) else [str(part).strip() for part in cell] for cell in cells]
        return _found(values, sets, "Cells of {name!r} are lists of labels")
    if not all(isinstance(cell, str) for cell in present):
        return None
    separator = _separator(present) or ("," if asked else None)
    if separator is None:
        return None
    sets = [_parts(cell, separator) if isinstance(cell, str) else [] for cell in cells]
    return _found(values, sets, f"Cells of {{name!r}} are labels with {separator!r} between them")


def is_lists_of_names(value: Any) -> bool:
    """Whether a value is a list with a list of names, perhaps none, for each item."""
    cells = list(value) if isinstance(value, list | tuple | pd.Series) else []
    lists = [cell for cell in cells if isinstance(cell, list | tuple | set | frozenset)]
    return bool(cells) and len(lists) == len(cells) and all(isinstance(n, str) for c in lists for n in c)


def one_object_each(value: Any) -> np.ndarray:
    """Lists as objects ``(N,)``, whatever their lengths."""
    return _tuples([list(cell) for cell in value], None).to_numpy()


def label_names_of(values: pd.Series) -> tuple[str, ...]:
    """Every label of tuples, sorted."""
    return tuple(sorted({name for cell in values for name in cell}))


def is_label_sets(values: pd.Series) -> bool:
    """Whether cells are the tuples made here."""
    return len(values) > 0 and isinstance(values.iloc[0], tuple)


def multi_hot(values: pd.Series, names: Sequence[str]) -> np.ndarray:
    """Tuples of names as float32 0 and 1 ``(N, L)``.

    Raises:
        DataError: If a name is unknown, with the first row and how many have one.
    """
    place = {name: i for i, name in enumerate(names)}
    strange = [row for row, cell in enumerate(values) if any(name not in place for name in cell)]
    if strange:
        name = next(name for name in values.iloc[strange[0]] if name not in place)
        known = ", ".join(names[:10]) + (" …" if len(names) > 10 else "")
        raise DataError(
            f"{values.name!r} has the unknown label {name!r} in row {strange[0]} "
            f"({plural(len(strange), 'such row')}).",
            did_you_mean(name, names) or f"Known are {known}.",
        )
    found = np.zeros((len(values), len(names)), dtype=np.float32)
    for row, cell in enumerate(values):
        found[row, [place[name] for name in cell]] = 1.0
    return found


def _found(values: pd.Series, sets: list[list[str]], said: str) -> tuple[pd.Series, list[Finding]]:
    series = _tuples(sets, values.index, values.name)
    bare = sum(not parts for parts in sets)
    text = (
        f"{said.format(name=values.name)}: multi-label classification, {plural(bare, 'item')} without "
        'a label (task="classification" takes each different cell as a class).'
    )
    return series, [Finding(text)]


def _tuples(cells: list[list[str]], index: Any, name: Any = None) -> pd.Series:
    held = np.empty(len(cells), dtype=object)
    for row, cell in enumerate(cells):
        held[row] = tuple(dict.fromkeys(cell))
    return pd.Series(held, index=index, name=name)


def _as_numbers(cells: pd.Series) -> np.ndarray:
    """Zeros, ones and what else there is, as numbers where they are some."""
    if cells.isna().any():
        row = int(np.flatnonzero(cells.isna())[0])
        count = plural(int(cells.isna().sum()), "such row")
        raise RowError(
            f"The label {cells.name!r} is empty in row {row} ({count}), expected 0 or 1.",
            "Write 0 where it does not hold, or leave out these rows.",
            row,
        )
    numbers = pd.to_numeric(
        cells.map(lambda cell: str(cell).strip().lower()).replace(_WORDS), errors="coerce"
    )
    return np.where(numbers.isna(), cells.astype(object), numbers.astype(object))


_WORDS = {"true": "1", "false": "0"}


def _separator(texts: pd.Series) -> str | None:
    """What stands between labels, if the parts of many cells are found in other cells, too."""
    distinct = texts.map(str.strip).unique()
    for separator in _SEPARATORS:
        joined = [_parts(text, separator) for text in distinct if separator in text]
        if not joined:
            continue
        uses = Counter(part for text in distinct for part in _parts(text, separator))
        shared = sum(any(uses[part] > 1 for part in parts) for parts in joined)
        if shared >= _SHARED * len(joined):
            return separator
    return None


def _parts(text: str, separator: str) -> list[str]:
    return [part for piece in re.split(re.escape(separator), text) if (part := piece.strip())]


def _is_collection(cell: Any) -> bool:
    return isinstance(cell, list | tuple | set | frozenset | np.ndarray)
