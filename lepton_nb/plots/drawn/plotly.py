"""Charts by plotly: the same card, with numbers under the pointer."""

from __future__ import annotations

import io
import math
from functools import singledispatch
from typing import Any

import numpy as np
from PIL import Image
from plotly import graph_objects as go
from plotly.graph_objects import Figure as PlotlyFigure
from plotly.subplots import make_subplots

from lepton_nb.plots import theme
from lepton_nb.plots.charts import Bars, Chart, Gallery, Line, Lines, Matrix, Panels, Scatter, Table
from lepton_nb.plots.drawn.gallery import draw_gallery
from lepton_nb.plots.drawn.matrix import NUMBERS_UP_TO, number, shares, strengths
from lepton_nb.show.numbers import cell_text
from lepton_nb.show.words import shorten

_GREY = "#c6cbd1"
_DOTTED = {"color": theme.SOFT, "dash": "dot", "width": 1}
_UNIT = [-0.01, 1.02]


def drawn(chart: Chart) -> PlotlyFigure:
    """The chart with its note, ready to be shown."""
    figure = _draw(chart)
    if chart.note:
        text = chart.note.replace("\n", "<br>")
        options: dict[str, Any] = {"xref": "paper", "yref": "paper", "align": "left", "showarrow": False}
        lines = text.count("<br>") + 1
        bottom = figure.layout.margin.b
        figure.add_annotation(x=0, y=0, yshift=-bottom, text=text, xanchor="left", yanchor="top", **options)
        room = 18 * lines + 8
        figure.update_layout(height=figure.layout.height + room, margin={"b": bottom + room})
    return figure


@singledispatch
def _draw(chart: Chart) -> PlotlyFigure:
    """A card with the title alone: what kind it is, only a newer version knows."""
    return theme.plotly_figure(4.8, 1.6, title=chart.title, x=f"There is no way to draw {chart.kind!r}.")


@_draw.register
def _(chart: Lines) -> PlotlyFigure:
    figure = theme.plotly_figure(7.5, 4.8, title=chart.title, x=chart.x, y=chart.y)
    figure.add_traces(_traces(chart))
    figure.update_layout(legend={"title": {"text": chart.legend.replace("\n", "<br>")}})
    figure.update_xaxes(type="log" if chart.x_log else "linear", range=_UNIT if chart.unit else None)
    figure.update_yaxes(type="log" if chart.y_log else "linear", range=_UNIT if chart.unit else None)
    if chart.x_names:
        names = [name.replace("\n", "<br>") for name in chart.x_names]
        figure.update_xaxes(tickvals=list(range(len(names))), ticktext=names)
    _mark(figure, chart)
    return figure


@_draw.register
def _(chart: Panels) -> PlotlyFigure:
    count = max(len(chart.panels), 1)
    figure = make_subplots(rows=1, cols=count, subplot_titles=[panel.title for panel in chart.panels])
    figure.update_layout(theme.plotly_figure(4.8 * count, 4.2).layout)
    figure.update_xaxes(gridcolor=theme.LINE, zeroline=False)
    figure.update_yaxes(gridcolor=theme.LINE, zeroline=False)
    named: set[str] = set()
    for column, panel in enumerate(chart.panels, start=1):
        place = {"row": 1, "col": column}
        for trace in _traces(panel):
            trace.showlegend = bool(trace.showlegend) and trace.name not in named
            trace.legendgroup = trace.name
            named.add(trace.name)
            figure.add_trace(trace, **place)
        figure.update_xaxes(title=panel.x, type="log" if panel.x_log else "linear", **place)
        figure.update_yaxes(title=panel.y, type="log" if panel.y_log else "linear", **place)
        _mark(figure, panel, **place)
    return figure


@_draw.register
def _(chart: Matrix) -> PlotlyFigure:
    few = max(len(chart.rows), len(chart.columns)) <= NUMBERS_UP_TO
    width, height = (max(4.5, 0.5 * len(n) + 2.0) if few else 7.0 for n in (chart.columns, chart.rows))
    figure = theme.plotly_figure(width + 0.6, height, title=chart.title, x=chart.x, y=chart.y)
    strength, right = strengths(chart)
    for cells, colours in ((~right, theme.WRONG_MAP), (right, theme.RIGHT_MAP)):
        figure.add_trace(_cells(chart, np.where(cells, strength, np.nan), colours, few=few))
    ticks: dict[str, Any] = {"type": "category", "showgrid": False, "automargin": True, "title_standoff": 12}
    figure.update_xaxes(**ticks, **(_short(chart.columns) if few else {}))
    figure.update_yaxes(autorange="reversed", **ticks, **(_short(chart.rows) if few else {}))
    return figure


def _cells(chart: Matrix, strength: np.ndarray, colours: Any, *, few: bool) -> Any:
    rows, columns = strength.shape
    numbers = [[number(chart, row, column) for column in range(columns)] for row in range(rows)]
    told = "%{customdata[0]:,}, %{customdata[1]:.1%} of this row" if chart.counts else "%{customdata[0]:.3f}"
    return go.Heatmap(
        z=strength,
        x=chart.columns,
        y=chart.rows,
        zmin=0,
        zmax=1,
        colorscale=theme.colour_scale(colours),
        showscale=False,
        customdata=np.stack([np.asarray(chart.values), shares(chart)], axis=-1),
        hovertemplate=f"{chart.y} %{{y}}<br>{chart.x} %{{x}}<br>{told}<extra></extra>",
        xgap=int(few),
        ygap=int(few),
        **({"text": numbers, "texttemplate": "%{text}"} if few else {}),
    )


def _short(names: tuple[str, ...]) -> dict[str, Any]:
    return {"tickvals": names, "ticktext": [shorten(name, theme.NAME) for name in names]}


@_draw.register
def _(chart: Bars) -> PlotlyFigure:
    figure = theme.plotly_figure(6.2, 4.8, title=chart.title, x=chart.x, y=chart.y)
    at = list(chart.at)
    if len(chart.behind):
        hover = "%{y:.1%}"
        behind = {"marker_color": _GREY, "width": chart.width, "hovertemplate": hover, "yaxis": "y2"}
        figure.add_trace(go.Bar(x=at, y=list(chart.behind), name=chart.behind_label, **behind))
        small = {"gridcolor": theme.LINE, "tickfont": {"color": theme.SOFT}, "tickformat": ".0%"}
        figure.update_layout(yaxis={"domain": [0.3, 1]}, yaxis2={**small, "domain": [0, 0.2]})
        figure.update_xaxes(anchor="y2")
    blue: dict[str, Any] = {"marker_color": theme.BLUE, "width": chart.width, "showlegend": bool(chart.label)}
    figure.add_trace(go.Bar(x=at, y=list(chart.heights), name=chart.label or chart.y, **blue))
    if len(chart.levels):
        tick = {"symbol": "line-ew", "size": 12, "line": {"color": theme.ORANGE, "width": 3}}
        levels = {"mode": "markers", "marker": tick, "name": chart.level_label}
        figure.add_trace(go.Scatter(x=at, y=list(chart.levels), **levels))
    if chart.diagonal:
        figure.add_trace(_diagonal([0, 1]))
    figure.update_layout(bargap=0.06, barmode="overlay", showlegend=bool(chart.label))
    if chart.unit:
        figure.update_xaxes(range=[0, 1])
        figure.update_layout(yaxis={"range": [0, 1.02]})
    _mark(figure, chart)
    return figure


@_draw.register
def _(chart: Scatter) -> PlotlyFigure:
    figure = theme.plotly_figure(5.8, 5.2, title=chart.title, x=chart.x, y=chart.y)
    marker = {"color": theme.BLUE, "opacity": 0.45, "size": 6}
    points = {"mode": "markers", "marker": marker, "showlegend": False}
    figure.add_trace(go.Scattergl(x=list(chart.across), y=list(chart.up), **points))
    if chart.identity:
        known = [np.array([v for v in values if v is not None]) for values in (chart.across, chart.up)]
        figure.add_trace(_diagonal(list(theme.ends_of(*known))))
    return figure


@_draw.register
def _(chart: Table) -> PlotlyFigure:
    shown = [[cell_text(value) for value in column] for column in zip(*chart.rows, strict=True)]
    figure = theme.plotly_figure(max(4.8, 1.6 * len(chart.columns)), 4.8, title=chart.title)
    style: dict[str, Any] = {"align": "left", "fill_color": theme.CARD, "line_color": theme.LINE}
    header = {"values": list(chart.columns), "font": {"color": theme.SOFT}, **style}
    figure.add_trace(go.Table(header=header, cells={"values": shown, **style}))
    return figure


@_draw.register
def _(chart: Gallery) -> PlotlyFigure:
    """matplotlib's picture in a plotly frame: there is nothing in a gallery to hover over but the look."""
    picture = theme.finish(draw_gallery(chart))
    width, height = theme.shown_size(picture)
    figure = theme.plotly_figure(width / 96, height / 96)
    place = {"xref": "paper", "yref": "paper", "x": 0, "y": 1, "sizex": 1, "sizey": 1, "sizing": "contain"}
    figure.add_layout_image(source=Image.open(io.BytesIO(theme.png(picture))), **place)
    figure.update_layout(margin={"l": 0, "r": 0, "t": 0, "b": 0})
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    return figure


def _traces(chart: Lines) -> list[Any]:
    """Of its lines, the faint ones first, so that they lie behind."""
    found = [_diagonal([0, 1])] if chart.diagonal else []
    placed = list(enumerate(chart.lines))
    for place, line in sorted(placed, key=lambda pair: not pair[1].faint):
        colour = theme.colour(place if line.colour is None else line.colour)
        if line.low is not None and line.high is not None:
            found += _band(line, colour)
        found.append(_trace(line, chart, colour))
    return found


def _trace(line: Line, chart: Lines, colour: str) -> Any:
    name = shorten(line.name, 22)
    told = name if line.value is None else f"{name} {line.value:.3f}"
    stroke = {"color": _GREY, "width": 1} if line.faint else {"color": colour, "width": 2}
    return go.Scatter(
        x=list(line.x),
        y=list(line.y),
        mode="lines+markers" if len(line.x) <= 12 else "lines",
        name=told,
        line={**stroke, "dash": "dash" if line.dashed else "solid"},
        showlegend=line.listed and not line.faint,
        hovertemplate=f"{told}<br>{chart.x} %{{x}}<br>{chart.y} %{{y:.4g}}<extra></extra>",
    )


def _band(line: Line, colour: str) -> list[Any]:
    quiet: dict[str, Any] = {"mode": "lines", "line": {"width": 0}, "showlegend": False, "hoverinfo": "skip"}
    filled = {"fill": "tonexty", "fillcolor": theme.see_through(colour)}
    low, high = list(line.low or ()), list(line.high or ())
    return [go.Scatter(x=list(line.x), y=low, **quiet), go.Scatter(x=list(line.x), y=high, **filled, **quiet)]


def _diagonal(ends: list[float]) -> Any:
    return go.Scatter(x=ends, y=ends, mode="lines", line=_DOTTED, showlegend=False, hoverinfo="skip")


def _mark(figure: PlotlyFigure, chart: Lines | Bars, **place: int) -> None:
    for mark in chart.marks:
        figure.add_vline(mark.x, line=_DOTTED, **place)
        if mark.label:  # on a logarithmic axis plotly takes the place of a text otherwise than that of a line
            x = math.log10(mark.x) if isinstance(chart, Lines) and chart.x_log else mark.x
            text = {"text": mark.label, "showarrow": False, "xanchor": "left", "yanchor": "top"}
            figure.add_annotation(x=x, y=1, xref="x", yref="y domain", **text, **place)
