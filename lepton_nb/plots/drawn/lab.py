"""A chart as the lab draws it: JSON without NaN, cut down to what can be looked at."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np

from lepton_nb.plots.charts import Chart, Line, Lines, Matrix, Numbers, Panels, Scatter

_MOST_CLASSES = 50  # of a matrix
_MOST_LINES = 10  # those without a name are left out beyond
_LINE_POINTS = 120
_MOST_POINTS = 1000  # of a scatter
_DIGITS = 5


def lab_chart(chart: Chart) -> dict[str, Any]:
    """What the lab's component draws, by its ``kind``."""
    found: dict[str, Any] = plain(_cut(chart))
    return found


def _cut(chart: Chart) -> Chart:
    if isinstance(chart, Lines):
        return _cut_lines(chart)
    if isinstance(chart, Panels):
        return replace(chart, panels=tuple(map(_cut_lines, chart.panels)))
    if isinstance(chart, Matrix) and max(len(chart.rows), len(chart.columns)) > _MOST_CLASSES:
        return _cut_matrix(chart)
    if isinstance(chart, Scatter) and len(chart.across) > _MOST_POINTS:
        kept = np.sort(np.random.default_rng(0).choice(len(chart.across), _MOST_POINTS, replace=False))
        return replace(chart, across=_at(chart.across, kept), up=_at(chart.up, kept))
    return chart


def _cut_lines(chart: Lines) -> Lines:
    kept = [line for place, line in enumerate(chart.lines) if place < _MOST_LINES or not line.faint]
    return replace(chart, lines=tuple(map(_thinned, kept)))


def _thinned(line: Line) -> Line:
    count = len(line.x)
    if count <= _LINE_POINTS:
        return line
    kept = np.unique(np.linspace(0, count - 1, _LINE_POINTS).round().astype(int))
    low, high = (None if bound is None else _at(bound, kept) for bound in (line.low, line.high))
    return replace(line, x=_at(line.x, kept), y=_at(line.y, kept), low=low, high=high)


def _at(values: Numbers, places: np.ndarray) -> Numbers:
    return [values[place] for place in places.tolist()]


def _cut_matrix(chart: Matrix) -> Matrix:
    """The classes with the most mistakes; of other matrices the first rows and columns."""
    values = np.asarray(chart.values)
    rows, columns = (np.arange(min(count, _MOST_CLASSES)) for count in values.shape)
    which = "first"
    if chart.rows == chart.columns:
        wrong = values.sum(axis=0) + values.sum(axis=1) - 2 * np.diag(values)
        rows = columns = np.sort(np.argsort(-wrong, kind="stable")[:_MOST_CLASSES])
        which = "worst"
    cut = (
        f"The {which} {len(rows)} of {len(chart.rows)} rows, {len(columns)} of {len(chart.columns)} columns."
    )
    return replace(
        chart,
        rows=tuple(chart.rows[row] for row in rows),
        columns=tuple(chart.columns[column] for column in columns),
        values=values[np.ix_(rows, columns)].tolist(),
        totals=values.sum(axis=1)[rows].tolist(),
        note=f"{cut}\n{chart.note}".strip(),
    )


def plain(value: Any) -> Any:
    """A value ready for JSON: a chart with its kind, floats in five digits, None where they are no number."""
    if is_dataclass(value):
        kind = {"kind": value.kind} if isinstance(value, Chart) else {}
        return kind | {item.name: plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, Mapping):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, float | np.floating):
        return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else None
    if isinstance(value, Sequence | np.ndarray) and not isinstance(value, str):
        return [plain(item) for item in value]
    return value.item() if isinstance(value, np.generic) else value
