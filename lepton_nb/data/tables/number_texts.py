"""Texts that mean numbers: which of a column's texts do, and how its numbers are written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from operator import itemgetter
from typing import Any

import numpy as np

SAMPLE = 2000  # of more than twice as many values these tell whether any may be a number
MOSTLY = 0.95  # share of a column's cells that must be numbers for it to be one
_MARK = re.compile(
    r"-+|[–—*/…]|\?+|\.+|n[./]?a\.?|-?nan|null|none|nil|<na>"
    r"|#(?:n/?a|ref!|value!|div/0!|num!|null!|name\?)|-?1\.#(?:qnan|ind)",
    re.IGNORECASE,
)
"""What stands for a missing value in many tables. Among texts it may be one of them: NA is Namibia."""
_MARK_AMONG_NUMBERS = re.compile(rf"{_MARK.pattern}|missing|unknown|undefined|not available", re.IGNORECASE)
_MARK_STARTS = frozenset("-–—*/…?.nN<#1mMuU")  # of a million texts most are told apart by one letter

_first_letter = itemgetter(slice(1))

_SPACES = " '’\u00a0\u2009\u202f"  # what else stands between thousands
_EXPONENT = r"(?:[eE][+-]?\d+)?"
_PLAIN = re.compile(rf"[+-]?(?:(?:\d+\.?\d*|\.\d+){_EXPONENT}|inf|infinity)", re.IGNORECASE)
_CODE = re.compile(r"0\d+")


@dataclass(frozen=True)
class Style:
    """A way to write numbers.

    Attributes:
        decimal: What stands before the decimals.
        thousands: What stands between thousands, where no space does.
        pattern: What its numbers look like.
    """

    decimal: str
    thousands: str
    pattern: re.Pattern[str]

    @classmethod
    def of(cls, decimal: str, thousands: str) -> Style:
        by_three = rf"[1-9]\d{{0,2}}(?P<by>[{thousands}{_SPACES}])\d{{3}}(?:(?P=by)\d{{3}})*"
        indian = rf"[1-9]\d?(?:[{thousands}]\d\d)+[{thousands}]\d{{3}}"
        digits = rf"(?:\d+|{by_three}|{indian})(?:[{decimal}]\d*)?|[{decimal}]\d+"
        return cls(
            decimal,
            thousands,
            re.compile(rf"[+\-\N{{MINUS SIGN}}]?(?:(?:{digits}){_EXPONENT}|(?i:inf|infinity))"),
        )

    def read(self, text: str) -> float:
        """The number a text says, NaN where it says none."""
        if self.pattern.fullmatch(text) is None:
            return np.nan
        digits = re.sub(f"[{self.thousands}{_SPACES}]", "", text)
        return float(digits.replace(self.decimal, ".").replace("\N{MINUS SIGN}", "-"))


POINT, COMMA = Style.of(".", ","), Style.of(",", ".")


@dataclass(frozen=True)
class Numbers:
    """What a column's different values say as numbers.

    Attributes:
        values: One for each, NaN where it is none, ``(U,)``.
        style: How they are written.
        ambiguous: Whether the other style reads all of them too, and differently.
    """

    values: np.ndarray
    style: Style
    ambiguous: bool


def is_mark(value: Any, *, among_numbers: bool = False) -> bool:
    """Whether a value is a text that may stand for a missing one."""
    pattern = _MARK_AMONG_NUMBERS if among_numbers else _MARK
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def marked(values: Sequence[Any], *, among_numbers: bool = False) -> np.ndarray:
    """Which values may stand for a missing one, bool ``(U,)``."""
    found = np.zeros(len(values), dtype=bool)
    texts = values if set(map(type, values)) == {str} else [v if isinstance(v, str) else "" for v in values]
    maybe = [i for i, start in enumerate(map(_first_letter, texts)) if start in _MARK_STARTS]
    found[maybe] = [is_mark(values[i], among_numbers=among_numbers) for i in maybe]
    return found


def is_plain(text: str) -> bool:
    """Whether a number is written as every program reads it."""
    return _PLAIN.fullmatch(text) is not None


def are_codes(values: Sequence[Any]) -> bool:
    """Whether whole numbers are codes: ``01067`` says with its zero that it is no quantity."""
    if not all(str(value).isdecimal() or is_mark(value) for value in values):
        return False
    return any(_CODE.fullmatch(str(value)) for value in values)


def read_numbers(values: Sequence[Any], counts: np.ndarray, otherwise: Style = POINT) -> Numbers:
    """A column's different values as numbers, in the one style that reads most of its cells.

    So ``1,234`` is decided by whether the column also has ``1,5`` or ``1,234.5``.

    Args:
        counts: How many cells hold each value, ``(U,)``.
        otherwise: The style where both read as many.
    """
    if _are_words(values):
        return Numbers(np.full(len(values), np.nan), otherwise, False)
    points, commas = (np.array([_read(value, style) for value in values]) for style in (POINT, COMMA))
    with_point, with_comma = (counts[~np.isnan(read)].sum() for read in (points, commas))
    if with_point == with_comma:
        read = commas if otherwise is COMMA else points
        return Numbers(read, otherwise, not np.array_equal(points, commas, equal_nan=True))
    if with_point > with_comma:
        return Numbers(points, POINT, False)
    return Numbers(commas, COMMA, False)


def _are_words(values: Sequence[Any]) -> bool:
    """Whether a look at some of many values leaves no doubt that they are no numbers."""
    some = values[:: max(1, len(values) // SAMPLE)]
    return len(values) > 2 * SAMPLE and not any(re.search(r"\A\W*\d[\d\W]*\Z", str(text)) for text in some)


def _read(value: Any, style: Style) -> float:
    if isinstance(value, str):
        return style.read(value)
    return float(value) if isinstance(value, int | float | np.number | Decimal) else np.nan
