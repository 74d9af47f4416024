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
    share = _explained if targets.labels is None else _told
    found = [
        f"{name}: {told:.1%}"
        for name, column in cells.items()
        if (told := share(_bins(column, rows), truth)) >= TELLS
    ]
    if not found:
        return []
    what = "the target's variance" if targets.labels is None else "each class"
    text = f"Alone it tells nearly all of {what}: is it known before the target, or a leak (drop=…)?"
    return [Finding(text, tuple(found), warning=True)]


def _bins(column: Cells, rows: np.ndarray) -> np.ndarray:
    """In which of few bins each cell is, ``(N,)``; a missing one is in a bin of its own."""
    if isinstance(column, Coded):
        return np.asarray(column.codes[rows] + 1)
    values = np.asarray(column)[rows]
    values = values.astype(np.float64) if values.dtype.kind != "M" else _seconds(values)
    codes, distinct = pd.factorize(values)
    most = min(BINS, len(rows) // PER_BIN)
    if len(distinct) > most:
        edges = np.unique(np.nanquantile(values, np.linspace(0, 1, most + 1)[1:-1]))
        codes = np.where(np.isnan(values), -1, np.searchsorted(edges, values, side="right"))
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


def _explained(bins: np.ndarray, values: np.ndarray) -> float:
    """The share of the variance that lies between the bins; 0 of too many bins."""
    counts = np.bincount(bins)
    if len(counts) > len(values) / 3 or values.var() == 0:
        return 0.0
    means = np.bincount(bins, values) / np.maximum(counts, 1)
    return float(np.square(means[bins] - values.mean()).mean() / values.var())
