"""What the cells of a table say: numbers in columns of texts, marks for missing values, codes.

Nothing is read otherwise than it is written without a warning that names the column, the text and its rows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from lepton_nb.data.report import Finding
from lepton_nb.data.tables import dates
from lepton_nb.data.tables.number_texts import (
    COMMA,
    MOSTLY,
    POINT,
    SAMPLE,
    Numbers,
    are_codes,
    is_plain,
    marked,
    read_numbers,
)
from lepton_nb.data.tables.texts import Texts, is_text
from lepton_nb.show.words import plural
from lepton_nb.tasks.tables import Coded

SIGNS = " %‰°$€£¥"  # what stands beside a number
HALF = 0.5  # a column of texts with more numbers than this is worth a word


@dataclass
class Cleaned:
    """A table with stripped texts, numbers and dates where texts are mostly such, and no infinities.

    Attributes:
        table: The table.
        orders: In which order the dates of a column are written.
        coded: Columns of texts by their different values.
        rows: Which rows are left, bool ``(N,)``; all where None.
        findings: What is read otherwise than it is written.
    """

    table: pd.DataFrame
    orders: dict[str, str] = field(default_factory=dict)
    coded: dict[str, Coded] = field(default_factory=dict)
    rows: np.ndarray | None = None
    findings: list[Finding] = field(default_factory=list)

    def keep(self, rows: np.ndarray) -> None:
        """Leave out all rows but these, bool ``(N,)``."""
        self.rows = rows
        self.table = self.table[rows].reset_index(drop=True)
        self.coded = {name: Coded(column.codes[rows], column.values) for name, column in self.coded.items()}

    def put(self, name: str, cells: pd.Series | None, findings: list[Finding]) -> None:
        """Other cells in a column, and what to say of them."""
        self.findings += findings
        if cells is not None:
            self.table[name] = cells.set_axis(self.table.index)


def clean_cells(
    table: pd.DataFrame,
    target: str | None,
    *,
    orders: Mapping[str, str] | None = None,
    read_dates: bool = True,
) -> Cleaned:
    """The table cleaned, which is not changed itself.

    Args:
        target: A column that keeps its texts where they are classes, and its infinities, which are errors;
            None for none.
        orders: In which order the dates of a column were written in training.
        read_dates: Whether texts may become dates.
    """
    result = Cleaned(table.copy(deep=False), dict(orders or {}))
    texts = {name: found for name in table.columns if (found := _texts(table[name], name == target))}
    read = {name: read_numbers(column.values, column.counts) for name, column in texts.items()}
    usual = COMMA if any(_shows_comma(texts[name], read[name]) for name in texts) else POINT
    for name, column in texts.items():
        numbers = read[name]
        if numbers.ambiguous and usual is COMMA:
            numbers = read_numbers(column.values, column.counts, COMMA)
        if name == target or not read_dates or not _read_dates(result, column):
            result.put(name, *_read_column(column, numbers, is_target=name == target))
            if name != target and is_text(result.table[name]):
                result.coded[name] = Coded(column.codes, column.values)
    for name in table.columns.drop([] if target is None else target):
        cells, said = _without_infinities(result.table[name])
        result.put(name, cells if said else None, said)
    return result


def _texts(cells: pd.Series, is_target: bool) -> Texts | None:
    """A column that may hold texts; categories of texts may be dates, but not what is to be predicted."""
    if isinstance(cells.dtype, pd.CategoricalDtype) and not is_target and is_text(cells.cat.categories):
        names = list(cells.cat.categories)
        return Texts.of(cells) if dates.order_of(names, np.ones(len(names))) else None
    return Texts.of(cells) if is_text(cells) else None


def _read_dates(result: Cleaned, column: Texts) -> bool:
    """Put dates in place of texts that nearly all are some, in the order that is known where one is."""
    known = result.orders.get(column.name)
    found = (known, False) if known else dates.order_of(column.values, column.counts)
    if found is None:
        return False
    result.orders[column.name] = found[0]
    result.put(column.name, *dates.read_column(column, *found, is_news=not known))
    return True


def marks(column: Texts) -> list[Finding]:
    """A warning where texts hold what may stand for a missing value."""
    which = marked(column.values)
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
    if not found.any():
        return False
    marks = marked(column.values, among_numbers=True) & ~found
    if marks.any() and len(np.unique(numbers.values[found])) < 2:
        return False  # one number and a mark are two texts: yes is 1, no is -
    return bool(column.counts[found].sum() >= MOSTLY * column.counts[~marks].sum())


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
    return column.changed_cells(), [*marks(column), *said]


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
    if np.isnan(numbers.values).all() and len(numbers.values) > 2 * SAMPLE:
        return []  # `read_numbers` has seen that they are words
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
