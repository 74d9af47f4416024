"""Columns that alone tell the target: often they were written down after it, and nobody has them in time."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from lepton_nb.data.report import Finding
from lepton_nb.data.targets import Targets
from lepton_nb.tasks.tables import Cells, Coded

TELLS = 0.99  # of each class, or of the variance of a quantity, that a column explains
BINS, PER_BIN = 64, 15  # of a column of numbers at most, and rows of each on average
LEAST = 50  # rows below which a column tells it by chance
SAMPLE = 100_000


def find_telltales(cells: Mapping[str, Cells], targets: Targets, train: np.ndarray) -> list[Finding]:
    """A warning that names each column that tells the target of the training rows ``(N,)``."""
    if len(train) < LEAST or (targets.labels is None and targets.values.shape[1] != 1):
        return []
    rows = train[:: max(1, len(train) // SAMPLE)]
    truth = targets.values[rows, 0] if targets.labels is None else targets.labels[rows]
    found = []
    for name, column in cells.items():
        values = _numbers(column, rows)
        told = _explained(values, truth) if targets.labels is None else _told(_bins(column, values), truth)
        if told >= TELLS:
            found.append(f"{name!r} ({told:.1%})")
    if not found:
        return []
    what = "the target's variance" if targets.labels is None else "each class"
    text = f"nearly all of {what}: known before the target, or a leak (drop=… leaves a column out)?"
    return [Finding(f"{name} alone tells {text}", warning=True) for name in found]


def _numbers(column: Cells, rows: np.ndarray) -> np.ndarray:
    """Cells as numbers ``(N,)`` that are equal where they are; NaN where one is missing."""
    if isinstance(column, Coded):
        return np.where(column.codes[rows] < 0, np.nan, column.codes[rows])
    values = np.asarray(column)[rows]
    return _seconds(values) if values.dtype.kind == "M" else values.astype(np.float64)


def _bins(column: Cells, values: np.ndarray) -> np.ndarray:
    """In which of few bins each cell is, ``(N,)``; a missing one is in a bin of its own."""
    codes, distinct = pd.factorize(values)
    most = min(BINS, len(values) // PER_BIN)
    if len(distinct) > most and not isinstance(column, Coded):
        edges = np.unique(np.nanquantile(values, np.linspace(0, 1, most + 1)[1:-1]))
        place = np.searchsorted(edges, values) + np.searchsorted(edges, values, side="right")
        codes = np.where(np.isnan(values), -1, place)  # a frequent value, on an edge, is a bin of its own
    return np.asarray(codes + 1)


def _seconds(dates: np.ndarray) -> np.ndarray:
    return np.where(np.isnat(dates), np.nan, dates.astype("datetime64[s]").astype(np.int64))


def _told(bins: np.ndarray, labels: np.ndarray) -> float:
    """The mean recall of the classes where each bin says its most frequent one; 0 of too many bins."""
    counts = np.zeros((bins.max() + 1, labels.max() + 1))
    np.add.at(counts, (bins, labels), 1)
    if len(counts) > len(labels) / 10:
        return 0.0
    share = counts / np.maximum(counts.sum(axis=0), 1)  # so that a rare class has its say
    right = np.where(share == share.max(axis=1, keepdims=True), counts, 0).sum(axis=0)
    there = counts.sum(axis=0) > 0
    return float((right[there] / counts.sum(axis=0)[there]).mean()) if there.sum() > 1 else 0.0


def _explained(cells: np.ndarray, values: np.ndarray) -> float:
    """The share of the variance that cells explain: like cells, like values (von Neumann, 1941)."""
    order = np.argsort(cells, kind="stable")
    variance = float(values.var())
    return 1 - float(np.square(np.diff(values[order])).mean()) / (2 * variance) if variance else 0.0
