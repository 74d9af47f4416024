"""Dates in columns of texts: in which order they are written, by all of the column's texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from lepton_nb.data.report import Finding
from lepton_nb.data.tables.number_texts import MOSTLY
from lepton_nb.data.tables.texts import Texts
from lepton_nb.show.words import plural
from lepton_nb.tasks.dates import ORDERS, date_parts, read_dates

SAMPLE = 200  # different texts that tell whether a column holds dates at all
_WORDS = {"ymd": "year first", "dmy": "day first", "mdy": "month first"}


def order_of(values: Sequence[Any], counts: np.ndarray) -> tuple[str, bool] | None:
    """In which order nearly all cells hold dates, and whether another one reads them as well.

    Args:
        values: The different values of a column, ``U`` of them.
        counts: How many cells hold each, ``(U,)``.
    """
    if not _are_dates(values[:SAMPLE], counts[:SAMPLE]):
        return None
    shares = {order: _share(values, counts, order) for order in ORDERS}
    best = max(ORDERS, key=shares.__getitem__)
    return (best, best == "dmy" and shares["mdy"] == shares[best]) if shares[best] >= MOSTLY else None


def read_column(
    column: Texts, order: str, doubtful: bool, *, is_news: bool = True
) -> tuple[pd.Series, list[Finding]]:
    """The cells as dates; what to say of how they are read, where that is not known from training."""
    dates = read_dates(column.values, order)
    strange = np.isnat(dates)
    first = int(np.flatnonzero(~strange)[0]) if not strange.all() else 0
    text = f"{column.name!r} holds dates as texts in {plural(int(column.counts[~strange].sum()), 'row')}, "
    text += f"{_WORDS[order]}: {column.values[first]!r} is read as {dates[first].astype('datetime64[D]')}"
    if doubtful:
        text += "; where the month is first, pass the table with pd.to_datetime(…, format=…)"
    is_news = is_news and any(isinstance(value, str) for value in column.values)
    findings = [Finding(f"{text}.", warning=True)] if is_news else []
    if strange.any():
        count = plural(int(column.counts[strange].sum()), "cell")
        text = f"{count} of {column.name!r} without a date ({column.named(strange)}): taken as empty."
        findings.append(Finding(text, warning=True))
    return pd.Series(np.append(dates, np.datetime64("NaT"))[column.codes]), findings


def date_column(name: str, dates: np.ndarray, order: str) -> dict[str, Any] | None:
    """A column of dates for `Signature.preprocessing`, with the parts that differ; None where none does."""
    parts = []
    for part, values in date_parts(dates).items():
        mean, std = float(np.nanmean(values)), float(np.nanstd(values))
        if std > 0:
            parts.append({"name": part, "mean": mean, "std": std})
    known = dates[~np.isnat(dates)].astype("datetime64[D]")
    ends = [str(known.min()), str(known.max())] if len(known) else ["", "9999"]
    return {"name": name, "kind": "date", "order": order, "parts": parts, "range": ends} if parts else None


def _are_dates(values: Sequence[Any], counts: np.ndarray) -> bool:
    return bool(len(values)) and max(_share(values, counts, order) for order in ORDERS) >= MOSTLY / 2


def _share(values: Sequence[Any], counts: np.ndarray, order: str) -> float:
    return float(counts[~np.isnat(read_dates(values, order))].sum() / max(counts.sum(), 1))
