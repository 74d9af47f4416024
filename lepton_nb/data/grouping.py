"""What belongs together in a split: rows of one patient, pictures of one series."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

from lepton_nb.data.contents import table_keys
from lepton_nb.data.duplicates import digests
from lepton_nb.data.targets import find_column
from lepton_nb.errors import DataError


def take_groups(table: pd.DataFrame, group: str | None) -> tuple[np.ndarray | None, pd.DataFrame]:
    """One key a row by its group, uint64 ``(N,)``, and the table without that column, which is no feature.

    Raises:
        DataError: If there is no such column.
    """
    if group is None:
        return None, table
    find_column(table, group, "group")
    return table_keys(table[[group]]), table.drop(columns=[group])


def name_groups(names: Sequence[str], pattern: str | None) -> np.ndarray | None:
    """One key an item by what the pattern finds in its name, uint64 ``(N,)``.

    Args:
        pattern: A regular expression: its first group counts, or all that it finds.

    Raises:
        DataError: If it is none, or finds nothing in a name.
    """
    if pattern is None:
        return None
    try:
        found = [re.search(pattern, name) for name in names]
    except re.error as error:
        raise DataError(
            f"group is {pattern!r}, which is no pattern: {error}.", r"Write one such as 'patient(\d+)'."
        ) from None
    without = next((name for name, match in zip(names, found, strict=True) if match is None), None)
    if without is not None:
        raise DataError(
            f"group is {pattern!r}, which finds nothing in {without!r}.",
            r"Write a pattern for all names, such as '^([^_]+)_'.",
        )
    texts = [match[1 if match.re.groups else 0] or "" for match in found if match is not None]
    return digests(text.encode() for text in texts)
