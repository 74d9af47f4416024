"""Zeros and ones: whether targets are labels, and which of them is something else."""

from __future__ import annotations

from typing import Any

import numpy as np

from lepton_nb.errors import DataError
from lepton_nb.show.words import plural

_SLIPS = 0.05  # so few other values among zeros and ones are slips, not what the targets are


class RowError(DataError):
    """Something is wrong in a row of a table, whose number is in the message as ``row N``."""

    def __init__(self, message: str, hint: str | None, row: int) -> None:
        super().__init__(message, hint)
        self.row = row

    def at(self, place: str) -> DataError:
        """The same by the place of the row, where that is known better."""
        return DataError(self.message.replace(f"row {self.row}", place, 1), self.hint)


def are_labels(values: Any) -> bool:
    """Whether numbers are zeros and ones, some of each."""
    zeros, ones = values == 0, values == 1
    return bool((zeros | ones).all()) and bool(zeros.any()) and bool(ones.any())


def are_meant_as_labels(values: np.ndarray) -> bool:
    """Whether whole numbers ``(N, L)`` are zeros and ones but for a few."""
    strange = ~np.isin(values, (0, 1))
    return bool(strange.mean() <= _SLIPS) and bool((values == 1).any())


_REPAIR = 'Repair or leave out these rows, or pass task="regression" where they are quantities.'


def check_labels(values: np.ndarray, what: str, names: tuple[str, ...] = (), *, hint: str = _REPAIR) -> None:
    """Refuse labels ``(N, L)`` that are neither 0 nor 1.

    Args:
        what: What they are called.
        names: Of the labels, for the message.

    Raises:
        RowError: With the first row that has one, and how many have.
    """
    strange = ~np.isin(values, (0, 1))
    if not strange.any():
        return
    row, label = (int(i) for i in np.argwhere(strange)[0])
    where = f" for {names[label]!r}" if names else ""
    raise RowError(
        f"{what} holds {_shown(values[row, label])} in row {row}{where}, expected 0 or 1 "
        f"({plural(int(strange.any(axis=1).sum()), 'such row')}).",
        hint,
        row,
    )


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, int | float | np.number) else repr(value)


def label_names(given: Any, count: int, found: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Names of the labels: those given, those the data have, or their numbers.

    Raises:
        DataError: If another number of them is given.
    """
    names = tuple(map(str, given)) if given is not None else found if len(found) == count else ()
    if given is not None and len(names) != count:
        raise DataError(
            f"There are {plural(len(names), 'class name')} for {plural(count, 'label')}.",
            "Give one for each.",
        )
    return names or tuple(map(str, range(count)))
