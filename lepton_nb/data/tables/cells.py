"""What the cells of a table say: numbers in columns of texts, marks for missing values, codes.

Nothing is read otherwise than it is written without a warning that names the column, the text and its rows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from lepton_nb.data.report import Finding
from lepton_nb.data.tables.number_texts import (
    COMMA,
    MOSTLY,
    POINT,
    Numbers,
    are_codes,
    is_mark,
    is_plain,
    read_numbers,
)
from lepton_nb.show.words import plural

NAMED = 3  # texts of a column that a finding names
SIGNS = " %‰°$€£¥"  # what stands beside a number
HALF = 0.5  # a column of texts with more numbers than this is worth a word


def is_text(column: pd.Series) -> bool:
    """Whether a column may hold texts; categories are what somebody has read them as already."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return False
    return pd.api.types.is_object_dtype(column) or pd.api.types.is_string_dtype(column)


@dataclass(frozen=True)
class Texts:
    """A column by its different values, texts without spaces around them; blank ones are missing.

    Attributes:
        name: The column's.
        values: The different values, ``U`` of them.
        codes: Which of them each cell holds, −1 where it is missing, ``(N,)``.
        counts: How many cells hold each, ``(U,)``.
    """

    name: str
    values: list[Any]
    codes: np.ndarray
    counts: np.ndarray

    @classmethod
    def of(cls, column: pd.Series) -> Texts | None:
        """The column's; None where it holds something else than texts and numbers."""
        try:
            codes, found = pd.factorize(column)
        except TypeError:  # lists or dicts
            return None
        different = found.tolist()
        if any(isinstance(value, bool) for value in different):
            return None
        stripped = [value.strip() if isinstance(value, str) else value for value in different]
        position = {value: i for i, value in enumerate(dict.fromkeys(v for v in stripped if v != ""))}
        moved = np.array([*(position.get(value, -1) for value in stripped), -1])
        codes = moved[codes]
        counts = np.bincount(codes[codes >= 0], minlength=len(position))
        return cls(str(column.name), list(position), codes, counts)

    def cells(self, values: Any, dtype: Any) -> pd.Series:
        """A column of other values in place of these."""
        filled = np.array([*values, np.nan], dtype=dtype)
        return pd.Series(filled[self.codes])

    def named(self, which: np.ndarray) -> str:
        """Some of the values as ``'-' in 60 rows``, the most frequent first."""
        order = np.flatnonzero(which)
        order = order[np.argsort(-self.counts[order], kind="stable")]
        shown = [f"{self.values[i]!r} in {plural(int(self.counts[i]), 'row')}" for i in order[:NAMED]]
        more = [f"{len(order) - NAMED:,} other texts"] if len(order) > NAMED else []
        return ", ".join(shown + more)


def clean_cells(table: pd.DataFrame, target: str) -> tuple[pd.DataFrame, list[Finding]]:
    """The table with stripped texts, numbers where texts are mostly numbers, and no infinities.

    Args:
        target: A column that keeps its texts where they are classes, and its infinities, which are errors.
    """
    table = table.copy()
    findings = []
    texts = {
        name: found for name in table.columns if is_text(table[name]) and (found := Texts.of(table[name]))
    }
    read = {name: read_numbers(column.values, column.counts) for name, column in texts.items()}
    usual = COMMA if any(_shows_comma(texts[name], read[name]) for name in texts) else POINT
    for name, column in texts.items():
        numbers = read[name]
        if numbers.ambiguous and usual is COMMA:
            numbers = read_numbers(column.values, column.counts, COMMA)
        cells, said = _read_column(column, numbers, is_target=name == target)
        findings += said
        if cells is not None:
            table[name] = cells.set_axis(table.index)
    for name in table.columns.drop(target):
        table[name], said = _without_infinities(table[name])
        findings += said
    return table, findings


def marks(column: Texts) -> list[Finding]:
    """A warning where texts hold what may stand for a missing value."""
    which = np.array([is_mark(value) for value in column.values], dtype=bool)
    if not which.any():
        return []
    text = (
        f"{column.name!r} holds {column.named(which)}: a value like any other; only empty cells are missing."
    )
    return [Finding(text, warning=True)]


def _shows_comma(column: Texts, numbers: Numbers) -> bool:
    return numbers.style is COMMA and not numbers.ambiguous and _is_of_numbers(column, numbers)


def _is_of_numbers(column: Texts, numbers: Numbers) -> bool:
    """Whether nearly all cells are numbers, but for those that hold a mark for a missing one."""
    found = ~np.isnan(numbers.values)
    marked = np.array([is_mark(value, among_numbers=True) for value in column.values], dtype=bool) & ~found
    if not found.any() or (marked.any() and len(np.unique(numbers.values[found])) < 2):
        return False  # one number and a mark are two texts: yes is 1, no is -
    return bool(column.counts[found].sum() >= MOSTLY * column.counts[~marked].sum())


def _read_column(
    column: Texts, numbers: Numbers, *, is_target: bool
) -> tuple[pd.Series | None, list[Finding]]:
    """The cells of a column of texts, or None where they stay as they are."""
    if are_codes(column.values):
        said = [_say_codes(column)]
    elif _is_of_numbers(column, numbers):
        plain = not np.isnan(numbers.values).any() and not _unusual(column, numbers).any()
        if is_target and plain:
            return None, []  # digits as texts are classes
        return column.cells(numbers.values, np.float64), _say_numbers(column, numbers)
    else:
        said = _say_texts(column, numbers)
    if is_target:
        return None, said  # `strip_labels` looks after classes
    return column.cells(column.values, object), [*marks(column), *said]


def _unusual(column: Texts, numbers: Numbers) -> np.ndarray:
    """Which of the values are numbers that a program would not read, or read otherwise."""
    return np.array(
        [
            isinstance(value, str)
            and not np.isnan(number)
            and (not is_plain(value) or (numbers.style is COMMA and "." in value))
            for value, number in zip(column.values, numbers.values, strict=True)
        ],
        dtype=bool,
    )


def _say_numbers(column: Texts, numbers: Numbers) -> list[Finding]:
    unusual, missing = _unusual(column, numbers), np.isnan(numbers.values)
    findings = []
    if unusual.any():
        findings.append(Finding(_how_written(column, numbers, unusual), warning=True))
    if missing.any():
        text = f"{plural(int(column.counts[missing].sum()), 'cell')} of {column.name!r} without a number"
        findings.append(Finding(f"{text} ({column.named(missing)}): taken as empty.", warning=True))
    return findings


def _how_written(column: Texts, numbers: Numbers, unusual: np.ndarray) -> str:
    """What to say about numbers that are written with commas or spaces."""
    style, texts = numbers.style, [value for value, odd in zip(column.values, unusual, strict=True) if odd]
    example = max(texts, key=lambda text: len(re.sub(r"[\w+-]", "", text)))
    signs = "decimal commas" if any(style is COMMA and "," in text for text in texts) else ""
    if any(re.search(rf"\d[^\d{style.decimal}eE]\d", text) for text in texts):
        signs += " and thousands separators" if signs else "thousands separators"
    value, rows = style.read(example), plural(int(column.counts[unusual].sum()), "row")
    said = f"{column.name!r} holds numbers with {signs or 'unusual signs'} in {rows}"
    said += f": {example!r} is read as {value:.12g}"
    if not numbers.ambiguous:
        return f"{said}."
    if style is COMMA:
        return f"{said}, since other columns have decimal commas."
    return f"{said}; if its comma is a decimal one, pass the table that pd.read_csv(…, decimal=',') reads."


def _say_codes(column: Texts) -> Finding:
    example = next(value for value in column.values if re.match(r"0\d", str(value)))
    text = f"{column.name!r} has leading zeros, such as {example!r}: its values are taken as texts."
    return Finding(text)


def _say_texts(column: Texts, numbers: Numbers) -> list[Finding]:
    """A warning about texts that are mostly numbers to a person."""
    bare = [value.strip(SIGNS) if isinstance(value, str) else value for value in column.values]
    other = read_numbers(bare, column.counts, COMMA if numbers.style is POINT else POINT).values
    alone, somehow = ~np.isnan(numbers.values), ~(np.isnan(numbers.values) & np.isnan(other))
    share = column.counts[somehow].sum() / max(column.counts.sum(), 1)
    if share <= HALF:
        return []
    if alone.sum() < somehow.sum():
        text = f"{column.name!r} holds numbers with signs, or written in several ways"
        text += f" ({column.named(somehow & ~alone)}): all are taken as texts. Write them as numbers alone."
    else:
        text = f"{share:.0%} of the cells of {column.name!r} are numbers, but not {column.named(~alone)}"
        text += ": all are taken as texts."
    return [Finding(text, warning=True)]


def _without_infinities(column: pd.Series) -> tuple[pd.Series, list[Finding]]:
    if not pd.api.types.is_float_dtype(column):
        return column, []
    infinite = np.isinf(column.to_numpy(dtype=np.float64, na_value=np.nan))
    if not infinite.any():
        return column, []
    text = f"{plural(int(infinite.sum()), 'infinite cell')} in {column.name!r}: taken as empty."
    return column.mask(infinite), [Finding(text, warning=True)]
