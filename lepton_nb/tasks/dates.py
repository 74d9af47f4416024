"""Dates as a model takes them: texts read in a known order, and their parts as numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import numpy as np

ORDERS = ("ymd", "dmy", "mdy")
"""What comes first, then second, of year, month and day."""
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = rf"(?P<m>\d\d?|(?:{'|'.join(_MONTHS)})[a-z]*\.?)"
_TIME = (
    r"(?:[T ,]+(?P<hour>\d\d?):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,]\d+)?)?(?: ?(?P<half>[AP])M)?"
    r"(?:Z| ?UTC| ?[+-]\d\d:?\d\d)?)?"
)
_PATTERNS = {
    "ymd": rf"(?P<y>\d{{4}})(?P<by>[-/.]){_MONTH}(?P=by)(?P<d>\d\d?){_TIME}",
    "dmy": rf"(?P<d>\d\d?)(?P<by>[-/. ]) *{_MONTH}(?:(?P=by)|, *)(?P<y>\d{{4}}|\d\d){_TIME}",
    "mdy": rf"{_MONTH}(?P<by>[-/. ])(?P<d>\d\d?)(?:(?P=by)|, *)(?P<y>\d{{4}}|\d\d){_TIME}",
}
_READERS = {order: re.compile(pattern, re.IGNORECASE) for order, pattern in _PATTERNS.items()}
_CENTURY = 69  # of two digits, as strptime has it: 69 is 1969, 68 is 2068


def read_date(value: Any, order: str) -> datetime | None:
    """A date as it is written on the wall, without its time zone; None where the value is none."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=None)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)
    if not isinstance(value, str):
        return None
    found = _READERS[order].fullmatch(value.strip())
    try:
        return _date_of(found.groupdict()) if found else None
    except ValueError:  # 31 February
        return None


def read_dates(values: Sequence[Any], order: str) -> np.ndarray:
    """Dates ``datetime64[s]`` ``(N,)``, NaT where there is none; ISO dates are read in any order."""
    read = (
        read_date(value, order) or (read_date(value, "ymd") if order != "ymd" else None) for value in values
    )
    return np.array([np.datetime64("NaT") if one is None else one for one in read], dtype="datetime64[s]")


def date_parts(dates: np.ndarray) -> dict[str, np.ndarray]:
    """The parts of dates ``datetime64[s]`` ``(N,)`` as numbers, NaN where one is missing.

    ``weekday`` is 0 on Mondays; ``hour`` has minutes as decimals.
    """
    different, which = np.unique(dates, return_inverse=True)  # of a million rows few
    return {name: values[which] for name, values in _parts_of(different).items()}


def _parts_of(dates: np.ndarray) -> dict[str, np.ndarray]:
    days, months, years = (dates.astype(f"datetime64[{unit}]") for unit in "DMY")
    parts = {
        "year": years.astype(np.int64) + 1970,
        "month": months.astype(np.int64) % 12 + 1,
        "day": (days - months).astype(np.int64) + 1,
        "weekday": (days.astype(np.int64) + 3) % 7,
        "hour": (dates - days).astype(np.int64) / 3600,
    }
    return {name: np.where(np.isnat(dates), np.nan, values) for name, values in parts.items()}


def typical_date(column: Mapping[str, Any]) -> str:
    """A date in the middle of those of a column."""
    mean = {part["name"]: round(float(part["mean"])) for part in column["parts"]}
    return f"{mean.get('year', 2024):04}-{mean.get('month', 1):02}-{min(mean.get('day', 1), 28):02}"


def encode_dates(dates: np.ndarray, column: Mapping[str, Any]) -> np.ndarray:
    """The parts that a column has, standardised, float32 ``(N, P)``; a missing date is the mean one."""
    parts = date_parts(dates)
    scaled = [(parts[part["name"]] - float(part["mean"])) / float(part["std"]) for part in column["parts"]]
    encoded: np.ndarray = np.nan_to_num(np.stack(scaled, axis=1)).astype(np.float32)
    return encoded


def _date_of(found: Mapping[str, str]) -> datetime:
    if len(found["y"]) == 2 and found["by"] in "-." and len(found["d"] + found["m"]) < 4:
        raise ValueError("a version number rather than a date")
    month, year, hour = found["m"].lower(), int(found["y"]), int(found["hour"] or 0)
    number = int(month) if month.isdecimal() else _MONTHS.index(month[:3]) + 1
    if len(found["y"]) == 2:
        year += 1900 if year >= _CENTURY else 2000
    if found["half"]:
        hour = hour % 12 + (12 if found["half"].upper() == "P" else 0)
    return datetime(year, number, int(found["d"]), hour, int(found["minute"] or 0), int(found["second"] or 0))
