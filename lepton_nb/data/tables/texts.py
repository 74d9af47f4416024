"""Columns of texts by their different values: what is done to a text is done to each once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from lepton_nb.show.words import plural

NAMED = 3  # texts of a column that a finding names


def is_text(column: pd.Series | pd.Index) -> bool:
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
        as_given: Whether no text had spaces around it.
    """

    name: str
    values: list[Any]
    codes: np.ndarray
    counts: np.ndarray
    as_given: bool

    @classmethod
    def of(cls, column: pd.Series) -> Texts | None:
        """The column's; None where it holds something else than texts and numbers."""
        try:
            codes, found = pd.factorize(column)
        except TypeError:  # lists or dicts
            return None
        different = found.tolist()
        kinds = set(map(type, different))
        if bool in kinds:
            return None
        strip = str.strip if kinds == {str} else _stripped
        stripped = list(map(strip, different))
        if stripped == different and "" not in stripped:
            counts = np.bincount(codes[codes >= 0], minlength=len(different))
            return cls(str(column.name), different, codes, counts, True)
        position = {value: i for i, value in enumerate(dict.fromkeys(v for v in stripped if v != ""))}
        moved = np.array([*(position.get(value, -1) for value in stripped), -1])
        codes = moved[codes]
        counts = np.bincount(codes[codes >= 0], minlength=len(position))
        return cls(str(column.name), list(position), codes, counts, False)

    def cells(self, values: Any, dtype: Any) -> pd.Series:
        """A column of other values in place of these."""
        filled = np.array([*values, np.nan], dtype=dtype)
        return pd.Series(filled[self.codes])

    def changed_cells(self) -> pd.Series | None:
        """The cells without spaces around them; None where they were as they are."""
        return None if self.as_given else self.cells(self.values, object)

    def named(self, which: np.ndarray) -> str:
        """Some of the values as ``'-' in 60 rows``, the most frequent first."""
        order = np.flatnonzero(which)
        order = order[np.argsort(-self.counts[order], kind="stable")]
        shown = [f"{self.values[i]!r} in {plural(int(self.counts[i]), 'row')}" for i in order[:NAMED]]
        more = [f"{len(order) - NAMED:,} other texts"] if len(order) > NAMED else []
        return ", ".join(shown + more)


def _stripped(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value
