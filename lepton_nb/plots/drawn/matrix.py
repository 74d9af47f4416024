"""A matrix by matplotlib: shaded cells, with their numbers where there is room."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lepton_nb.plots import theme
from lepton_nb.plots.charts import Matrix
from lepton_nb.show.words import shorten

NUMBERS_UP_TO = 20
_LABELS_UP_TO = 40


def draw_matrix(chart: Matrix) -> Figure:
    """What is right, on the diagonal, is blue; what is wrong is orange, so that rare mistakes show."""
    many = max(len(chart.rows), len(chart.columns)) > NUMBERS_UP_TO
    width, height = (7.0 if many else max(3.4, 0.46 * n + 1.6) for n in (len(chart.columns), len(chart.rows)))
    figure = theme.new_figure(width + (2.6 if many and chart.note else 0.4), height)
    axes = figure.add_subplot()
    axes.imshow(_colours(chart))
    theme.style(axes, title=chart.title, x=chart.x, y=chart.y, grid=False)
    _label(axes, chart, few=not many)
    if many:
        note = "\n".join(shorten(line, 44) for line in chart.note.splitlines())
        options: Any = {"va": "top", "fontsize": 8.5, "color": theme.INK, "linespacing": 1.6}
        axes.text(1.04, 1.0, note, transform=axes.transAxes, **options)
    else:
        axes.set_xticks(np.arange(len(chart.columns) + 1) - 0.5, minor=True)
        axes.set_yticks(np.arange(len(chart.rows) + 1) - 0.5, minor=True)
        axes.grid(which="minor", color=theme.CARD, linewidth=1.5)
        axes.tick_params(which="minor", length=0)
        _write_numbers(axes, chart)
    return figure


def shares(chart: Matrix) -> np.ndarray:
    """Each value as a share: of its row, or as it is."""
    values = np.asarray(chart.values, dtype=float)
    if not chart.counts:
        return values
    totals = np.asarray(chart.totals) if len(chart.totals) else values.sum(axis=1)
    return np.asarray(values / np.maximum(totals, 1)[:, None])


def strengths(chart: Matrix) -> tuple[np.ndarray, np.ndarray]:
    """How strongly each cell is tinted ``(R, C)``, from 0 to 1, and which cells hold what is right."""
    found = shares(chart).clip(0, 1)
    if chart.rows != chart.columns:
        return found, np.ones_like(found, dtype=bool)
    right = np.eye(len(found), dtype=bool)
    return np.where(right, found, np.sqrt(found)), right


def _colours(chart: Matrix) -> np.ndarray:
    """RGBA ``(R, C, 4)``."""
    strength, right = strengths(chart)
    return np.asarray(np.where(right[..., None], theme.RIGHT_MAP(strength), theme.WRONG_MAP(strength)))


def _label(axes: Axes, chart: Matrix, *, few: bool) -> None:
    """Every name where there is room, else every n-th."""
    size = 9 if few else 6.5
    longest = max(map(len, chart.columns), default=0)
    upright = few and min(longest, theme.NAME) * len(chart.columns) <= 30
    turn: dict[str, Any] = (
        {"rotation": 45, "ha": "right", "rotation_mode": "anchor"} if few else {"rotation": 90}
    )
    axes.set_xticks(*_ticks(chart.columns), fontsize=size, color=theme.INK, **({} if upright else turn))
    axes.set_yticks(*_ticks(chart.rows), fontsize=size, color=theme.INK)


def _ticks(names: tuple[str, ...]) -> tuple[list[int], list[str]]:
    step = 1 if len(names) <= _LABELS_UP_TO else -(-len(names) // 25)
    shown = list(range(0, len(names), step))
    return shown, [shorten(names[place], theme.NAME) for place in shown]


def _write_numbers(axes: Axes, chart: Matrix) -> None:
    strength, _ = strengths(chart)
    size = 8.5 if max(strength.shape) <= 12 else 7.0
    for row, column in np.argwhere(np.asarray(chart.values) > 0):
        colour = "white" if strength[row, column] > 0.6 else theme.INK
        text = number(chart, row, column)
        axes.text(column, row, text, ha="center", va="center", fontsize=size, color=colour)


def number(chart: Matrix, row: int, column: int) -> str:
    """A cell's value; nothing for none."""
    value = chart.values[row][column]
    if not value:
        return ""
    if not chart.counts:
        return f"{value:.2f}"
    return f"{value:,.0f}" if value < 10_000 else f"{value / 1000:.0f}k"
