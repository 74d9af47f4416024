"""The reliability diagram: whether a model is right as often as it says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from lepton_nb.plots import theme
from lepton_nb.plots.theme import Backend

if TYPE_CHECKING:
    from plotly.graph_objects import Figure as PlotlyFigure


def reliability_diagram(bins: np.ndarray, *, backend: Backend = "matplotlib") -> Figure | PlotlyFigure:
    """Accuracy of the predictions of each confidence; on the diagonal, confidence is deserved.

    Args:
        bins: ``(B, 3)`` of equal width on [0, 1]: mean confidence, accuracy and number of items.
        backend: ``matplotlib`` or ``plotly``.
    """
    theme.check_backend(backend)
    confidence, accuracy, count = bins.T
    used = count > 0
    centres = (np.arange(len(bins)) + 0.5) / len(bins)
    share = count / max(count.sum(), 1)
    gap = float((share * np.abs(confidence - accuracy)).sum())
    title = f"Reliability: off by {gap:.1%} on average"
    if backend == "plotly":
        return _plotly(bins[used], centres, share, title)
    figure = theme.new_figure(5.0, 4.3)
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=[3.4, 1])
    theme.style(top, title=title, y="accuracy")
    theme.style(bottom, x="confidence", y="share of items")
    width = 0.9 / len(bins)
    top.plot([0, 1], [0, 1], color=theme.SOFT, linewidth=1, linestyle=(0, (2, 3)), zorder=3)
    top.bar(centres[used], accuracy[used], width, color=theme.BLUE, label="accuracy")
    left, right = centres[used] - width / 2, centres[used] + width / 2
    top.hlines(confidence[used], left, right, color=theme.CARD, linewidth=4.5)
    top.hlines(confidence[used], left, right, color=theme.ORANGE, linewidth=2.5, label="confidence")
    theme.legend(top, loc="upper left")
    bottom.bar(centres, share, width, color=theme.PALETTE[7])
    bottom.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    top.set(xlim=(0, 1), ylim=(0, 1.02))
    return theme.finish(figure)


def _plotly(used: np.ndarray, centres: np.ndarray, share: np.ndarray, title: str) -> PlotlyFigure:
    from plotly import graph_objects as go

    figure = theme.plotly_figure(6.2, 4.8, title=title, x="confidence", y="accuracy")
    dotted = {"color": theme.SOFT, "dash": "dot", "width": 1}
    figure.add_trace(go.Scatter(x=[0, 1], y=[0, 1], mode="lines", line=dotted, name="as confident as right"))
    figure.add_trace(
        go.Bar(x=centres, y=share, name="share of items", marker_color="#c6cbd1", hovertemplate="%{y:.1%}")
    )
    figure.add_trace(
        go.Scatter(
            x=used[:, 0],
            y=used[:, 1],
            mode="lines+markers",
            name="accuracy",
            line={"color": theme.BLUE, "width": 2},
            customdata=used[:, 2],
            hovertemplate="confidence %{x:.3f}<br>accuracy %{y:.3f}<br>%{customdata:,} items<extra></extra>",
        )
    )
    figure.update_layout(legend={"x": 0.02, "y": 0.98}, bargap=0.1)
    figure.update_xaxes(range=[0, 1])
    figure.update_yaxes(range=[0, 1.02])
    return figure
