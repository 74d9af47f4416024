"""Charts by matplotlib, in the look of `lepton_nb.plots.theme`."""

from __future__ import annotations

import textwrap
from functools import singledispatch
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullFormatter

from lepton_nb.plots import theme
from lepton_nb.plots.charts import Bars, Chart, Gallery, Line, Lines, Matrix, Numbers, Panels, Scatter, Table
from lepton_nb.plots.drawn.gallery import draw_gallery
from lepton_nb.plots.drawn.matrix import draw_matrix
from lepton_nb.show.numbers import cell_text
from lepton_nb.show.words import shorten

_DOTTED: dict[str, Any] = {"color": theme.SOFT, "linewidth": 1, "linestyle": (0, (2, 3))}
_GREY = theme.LINE
_MARKERS_UP_TO = 12  # points of a line
_MOST_ROWS = 40


def drawn(chart: Chart) -> Figure:
    """The chart with its note, ready to be shown."""
    figure = _draw(chart)
    if chart.note and not isinstance(chart, Matrix):
        width = int(13 * figure.get_size_inches()[0])
        text = "\n".join(part for line in chart.note.splitlines() for part in textwrap.wrap(line, width))
        figure.supxlabel(text, x=0.02, ha="left", fontsize=8.5, color=theme.SOFT)
    return theme.finish(figure)


@singledispatch
def _draw(chart: Chart) -> Figure:
    """A card with the title alone: what kind it is, only a newer version knows."""
    figure = theme.new_figure(4.6, 1.2)
    axes = figure.add_subplot()
    theme.style(axes, title=chart.title, x=f"There is no way to draw {chart.kind!r}.", grid=False)
    axes.set(xticks=[], yticks=[])
    return figure


@_draw.register
def _(chart: Lines) -> Figure:
    figure = theme.new_figure(max(5.0, 1.35 * len(chart.x_names) + 1.6), 3.6)
    axes = figure.add_subplot()
    _lines_on(axes, chart)
    if any(line.listed and not line.faint for line in chart.lines):
        theme.legend(
            axes, loc="upper left", bbox_to_anchor=(1.02, 1.0), title=chart.legend or None, alignment="left"
        )
        box = axes.get_legend()
        if box is not None:
            box.get_title().set(fontsize=8.5, color=theme.SOFT)
    return figure


@_draw.register
def _(chart: Panels) -> Figure:
    count = len(chart.panels)
    figure = theme.new_figure(4.6 * max(count, 1), 3.6)
    grid: list[Axes] = list(np.atleast_1d(figure.subplots(1, count))) if count else []
    named: dict[str, Any] = {}
    for axes, panel in zip(grid, chart.panels, strict=True):
        _lines_on(axes, panel)
        handles, labels = axes.get_legend_handles_labels()
        named |= dict(zip(labels, handles, strict=True))
    options: dict[str, Any] = {"ncols": 4, "frameon": False, "fontsize": 8.5, "labelcolor": theme.INK}
    figure.legend(list(named.values()), list(named), loc="outside lower center", **options)
    return figure


@_draw.register
def _(chart: Matrix) -> Figure:
    return draw_matrix(chart)


@_draw.register
def _(chart: Bars) -> Figure:
    figure = theme.new_figure(5.0 if chart.behind else 5.4, 4.3 if chart.behind else 3.6)
    if chart.behind:
        axes, below = figure.subplots(2, 1, sharex=True, height_ratios=[3.4, 1])
        theme.style(axes, title=chart.title, y=chart.y)
        theme.style(below, x=chart.x, y=chart.behind_label)
        below.bar(_places(chart), _known(chart.behind), _width(chart), color=theme.PALETTE[7])
        below.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    else:
        axes = figure.add_subplot()
        theme.style(axes, title=chart.title, x=chart.x, y=chart.y)
    _bars_on(axes, chart)
    return figure


@_draw.register
def _(chart: Scatter) -> Figure:
    figure = theme.new_figure(4.8, 4.6)
    axes = figure.add_subplot()
    theme.style(axes, title=chart.title, x=chart.x, y=chart.y)
    across, up = _known(chart.across), _known(chart.up)
    opacity = float(np.clip(60 / max(len(up), 1) ** 0.5 / 4, 0.15, 0.7))
    axes.scatter(across, up, s=16, color=theme.BLUE, alpha=opacity, linewidths=0)
    if chart.identity:
        ends = theme.ends_of(across, up)
        axes.plot(ends, ends, **_DOTTED)
        axes.set(xlim=ends, ylim=ends)
        axes.set_aspect("equal")
    return figure


@_draw.register
def _(chart: Table) -> Figure:
    shown = [[cell_text(value) for value in row] for row in chart.rows[:_MOST_ROWS]]
    if len(chart.rows) > _MOST_ROWS:
        shown.append([f"and {len(chart.rows) - _MOST_ROWS:,} more", *[""] * (len(chart.columns) - 1)])
    figure = theme.new_figure(max(3.4, 1.5 * len(chart.columns)), 0.7 + 0.26 * (len(shown) + 1))
    axes = figure.add_subplot()
    theme.style(axes, title=chart.title, grid=False)
    axes.axis("off")
    if shown:
        grid = axes.table(
            shown,
            colLabels=list(chart.columns),
            loc="center",
            cellLoc="left",
            colLoc="left",
            edges="horizontal",
        )
        grid.auto_set_font_size(False)
        grid.set_fontsize(8.5)
        for cell in grid.get_celld().values():
            cell.set_edgecolor(theme.LINE)
    return figure


@_draw.register
def _(chart: Gallery) -> Figure:
    return draw_gallery(chart)


def _lines_on(axes: Axes, chart: Lines) -> None:
    theme.style(axes, title=chart.title, x=chart.x, y=chart.y)
    if chart.diagonal:
        axes.axline((0, 0), slope=1, **_DOTTED)
    for place, line in enumerate(chart.lines):
        _line_on(axes, line, theme.colour(place if line.colour is None else line.colour))
    for mark in chart.marks:
        label = theme.label(mark.label) if mark.label else None
        axes.axvline(mark.x, color=theme.SOFT, linewidth=1, linestyle=(0, (1, 2)), label=label, zorder=1)
    for axis, log in ((axes.xaxis, chart.x_log), (axes.yaxis, chart.y_log)):
        if log:
            axis.axes.set(**{f"{axis.axis_name}scale": "log"})
            axis.set_major_formatter(lambda value, _: f"{value:g}")  # its own are formulas
            axis.set_minor_formatter(NullFormatter())
    if chart.x_names:
        axes.set_xticks(range(len(chart.x_names)), chart.x_names)
    elif not chart.x_log and all(
        float(x).is_integer() for line in chart.lines for x in line.x if x is not None
    ):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
    if chart.unit:
        axes.set_aspect("equal", anchor="W")
        axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.02))


def _line_on(axes: Axes, line: Line, colour: str) -> None:
    x, y = _known(line.x), _known(line.y)
    if line.faint:
        axes.plot(x, y, color=_GREY, linewidth=0.8, zorder=1)
        return
    if line.low is not None and line.high is not None:
        axes.fill_between(x, _known(line.low), _known(line.high), color=colour, alpha=0.18, linewidth=0)
    name = shorten(line.name, 22)
    told = name if line.value is None else f"{name}  {line.value:.3f}"
    axes.plot(
        x,
        y,
        color=colour,
        linestyle=(0, (3, 2)) if line.dashed else "-",
        linewidth=1.8,
        marker="o" if len(x) <= _MARKERS_UP_TO else None,
        markersize=3.5,
        label=theme.label(told) if line.listed else None,
    )


def _bars_on(axes: Axes, chart: Bars) -> None:
    axes.grid(visible=False, axis="x")
    if chart.diagonal:
        axes.axline((0, 0), slope=1, zorder=3, **_DOTTED)
    width = _width(chart)
    axes.bar(_places(chart), _known(chart.heights), width, color=theme.BLUE, label=chart.label or None)
    if len(chart.levels):
        middle = np.arange(len(chart.at)) if chart.named else np.asarray(_places(chart), float)
        ends = middle - width / 2, middle + width / 2
        axes.hlines(_known(chart.levels), *ends, color=theme.CARD, linewidth=4.5)
        axes.hlines(_known(chart.levels), *ends, color=theme.ORANGE, linewidth=2.5, label=chart.level_label)
    for mark in chart.marks:
        axes.axvline(mark.x, color=theme.ORANGE, linewidth=1.2, label=mark.label or None)
    if axes.get_legend_handles_labels()[0]:
        theme.legend(axes, loc="upper left")
    if chart.unit:
        axes.set(xlim=(0, 1), ylim=(0, 1.02))
    if chart.named:
        axes.set_xlim(-0.5, len(chart.at) - 0.5)  # also where the last has no bar
        axes.tick_params(axis="x", rotation=45 if len("".join(_places(chart))) > 60 else 0)


def _places(chart: Bars) -> Any:
    return list(chart.at)


def _width(chart: Bars) -> float:
    if chart.width is not None or len(chart.at) < 2 or chart.named:
        return 0.8 if chart.width is None else chart.width
    return 0.94 * float(np.diff(np.asarray(_places(chart), float)).min())


def _known(values: Numbers) -> np.ndarray:
    """NaN where a value is not known, which matplotlib leaves out."""
    return np.array([np.nan if value is None else value for value in values], dtype=float)
