"""Learning curves: how losses and metrics went from epoch to epoch, of one run or of several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lepton_nb.plots import theme
from lepton_nb.plots.theme import Backend

if TYPE_CHECKING:
    from plotly.graph_objects import Figure as PlotlyFigure

Series = Mapping[str, tuple[Sequence[float], Sequence[float]]]
"""Values by metric name: ``{"val_loss": (epochs, values)}``."""

_SPLITS = ("train", "val")
_DASHES = {"train": (0, (3, 2)), "val": "-"}
_WIDTH, _HEIGHT = 4.6, 3.3


def learning_curves(
    series: Series, *, best_epoch: float | None = None, backend: Backend = "matplotlib"
) -> Figure | PlotlyFigure:
    """One panel for the loss and one for each metric; training and validation share a panel.

    Args:
        series: Values of one run, by names such as ``train_loss``, ``val_loss``, ``val_accuracy``.
        best_epoch: The epoch to mark as the best, if any.
        backend: ``matplotlib`` or ``plotly``.
    """
    theme.check_backend(backend)
    panels = _panels(series)
    if backend == "plotly":
        return _plotly({"": series}, panels)
    figure = theme.new_figure(_WIDTH * max(len(panels), 1), _HEIGHT)
    for axes, (metric, names) in zip(_grid(figure, len(panels)), panels.items(), strict=False):
        for name in names:
            split = _split_of(name)
            colour = theme.BLUE if split == "val" else theme.ORANGE
            _line(axes, series[name], colour, split, {"train": "training", "val": "validation"}[split])
        _finish_panel(axes, metric)
        if best_epoch is not None:
            axes.axvline(
                best_epoch, color=theme.SOFT, linewidth=1, linestyle=(0, (1, 2)), label="best", zorder=1
            )
        theme.legend(axes)
    return theme.finish(figure)


def compare_curves(runs: Mapping[str, Series], *, backend: Backend = "matplotlib") -> Figure | PlotlyFigure:
    """The same panels with one colour a run: validation drawn through, training dashed.

    Args:
        runs: The series of each run, by its name.
        backend: ``matplotlib`` or ``plotly``.
    """
    theme.check_backend(backend)
    panels = _panels({name: values for series in runs.values() for name, values in series.items()})
    if backend == "plotly":
        return _plotly(runs, panels)
    figure = theme.new_figure(_WIDTH * max(len(panels), 1), _HEIGHT + 0.3)
    for axes, (metric, names) in zip(_grid(figure, len(panels)), panels.items(), strict=False):
        for number, (run, series) in enumerate(runs.items()):
            for name in (n for n in names if n in series):
                split = _split_of(name)
                label = theme.label(run) if split == "val" or len(names) == 1 else None
                _line(axes, series[name], theme.PALETTE[number % len(theme.PALETTE)], split, label)
        _finish_panel(axes, metric)
    handles, labels = figure.axes[0].get_legend_handles_labels() if figure.axes else ([], [])
    figure.legend(
        handles,
        labels,
        loc="outside lower center",
        ncols=4,
        frameon=False,
        fontsize=8.5,
        labelcolor=theme.INK,
    )
    return theme.finish(figure)


def _panels(series: Series) -> dict[str, list[str]]:
    """Names by metric without the split, the loss first: ``{"loss": ["train_loss", "val_loss"], ...}``."""
    found: dict[str, list[str]] = {}
    for name in sorted(series, key=lambda name: ("loss" not in name, _SPLITS.index(_split_of(name)))):
        if any(name.startswith(f"{split}_") for split in _SPLITS):
            found.setdefault(name.partition("_")[2], []).append(name)
    return found


def _split_of(name: str) -> str:
    return "train" if name.startswith("train_") else "val"


def _grid(figure: Figure, count: int) -> list[Axes]:
    return list(np.atleast_1d(figure.subplots(1, count))) if count else []


def _line(
    axes: Axes,
    points: tuple[Sequence[float], Sequence[float]],
    colour: str,
    split: str,
    label: str | None,
) -> None:
    marker = "o" if len(points[0]) <= 12 else None
    axes.plot(
        *points,
        color=colour,
        linestyle=_DASHES[split],
        linewidth=1.8,
        marker=marker,
        markersize=3.5,
        label=label,
    )


def _finish_panel(axes: Axes, metric: str) -> None:
    theme.style(axes, title=metric.replace("_", " ").capitalize(), x="epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))


def _plotly(runs: Mapping[str, Series], panels: Mapping[str, list[str]]) -> PlotlyFigure:
    from plotly import graph_objects as go
    from plotly.subplots import make_subplots

    width = 4.8 * max(len(panels), 1)
    figure = theme.plotly_figure(width, 4.2)
    titles = [metric.replace("_", " ").capitalize() for metric in panels]
    grid = make_subplots(rows=1, cols=max(len(panels), 1), subplot_titles=titles)
    grid.update_layout(figure.layout)
    grid.update_xaxes(title="epoch", gridcolor=theme.LINE, zeroline=False)
    grid.update_yaxes(title="", gridcolor=theme.LINE, zeroline=False)
    for number, (run, series) in enumerate(runs.items()):
        for column, names in enumerate(panels.values(), start=1):
            for name in (n for n in names if n in series):
                split = _split_of(name)
                single = theme.BLUE if split == "val" else theme.ORANGE
                colour = theme.PALETTE[number % len(theme.PALETTE)] if run else single
                label = f"{run} {name}".strip()
                grid.add_trace(
                    go.Scatter(
                        x=list(series[name][0]),
                        y=list(series[name][1]),
                        mode="lines+markers",
                        name=label,
                        line={"color": colour, "dash": "dash" if split == "train" else "solid"},
                    ),
                    row=1,
                    col=column,
                )
    return grid
