"""Checks of the options that every kind of source takes."""

from __future__ import annotations

from typing import Any

from lepton_nb.errors import DataError


def check_limit(limit: int | None) -> int | None:
    """The largest number of items in a split, if it is one.

    Raises:
        DataError: If it is not a positive whole number.
    """
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
        raise DataError(f"limit is {limit!r}; it is a number of items of at least 1.", "Try limit=1000.")
    return limit


def check_size(size: Any) -> tuple[int, int] | None:
    """``(height, width)`` from a side, a pair, ``"32"`` or ``"32x48"``.

    Raises:
        DataError: If it is none of these.
    """
    if size is None:
        return None
    sides = size.lower().split("x") if isinstance(size, str) else size
    sides = [sides] if isinstance(sides, int) else list(sides)
    try:
        numbers = [int(side) for side in sides]
    except (TypeError, ValueError):
        numbers = []
    if len(numbers) not in (1, 2) or not all(1 <= side <= 4096 for side in numbers):
        raise DataError(f"image_size is {size!r}; it is a side from 1 to 4096, or height x width.", "Try 32.")
    return numbers[0], numbers[-1]
