"""What a regression gets wrong: predictions over the truth, and how the errors spread."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from lepton_nb.plots import theme
from lepton_nb.plots.theme import Backend

if TYPE_CHECKING:
    from plotly.graph_objects import Figure as PlotlyFigure

MAX_POINTS = 5_000
"""More points than this are drawn as a random sample of so many."""


def predicted_vs_true(
    preds: np.ndarray, target: np.ndarray, name: str, *, backend: Backend = "matplotlib"
) -> Figure | PlotlyFigure:
    """One point an item; on the diagonal, the prediction is right.

    Args:
        preds: Values ``(N,)`` or ``(N, T)`` in the target's unit.
        target: The truth, shaped like ``preds``.
        name: What is predicted.
        backend: ``matplotlib`` or ``plotly``.
    """
    theme.check_backend(backend)
    guess, truth = _sample(preds.ravel(), target.ravel())
    low, high = float(min(guess.min(), truth.min())), float(max(guess.max(), truth.max()))
    margin = 0.04 * (high - low or 1.0)
    ends = [low - margin, high + margin]
    title, x, y = f"{name}: predicted and true", f"true {name}", f"predicted {name}"
    if backend == "plotly":
        from plotly import graph_objects as go

        plot = theme.plotly_figure(5.8, 5.2, title=title, x=x, y=y)
        marker = {"color": theme.BLUE, "opacity": 0.45, "size": 6}
        dotted = {"color": theme.SOFT, "dash": "dot", "width": 1}
        plot.add_trace(go.Scattergl(x=truth, y=guess, mode="markers", marker=marker, showlegend=False))
        plot.add_trace(
            go.Scatter(x=ends, y=ends, mode="lines", line=dotted, showlegend=False, hoverinfo="skip")
        )
        return plot
    figure = theme.new_figure(4.8, 4.6)
    axes = figure.add_subplot()
    theme.style(axes, title=title, x=x, y=y)
    axes.plot(ends, ends, color=theme.SOFT, linewidth=1, linestyle=(0, (2, 3)))
    opacity = float(np.clip(60 / len(guess) ** 0.5 / 4, 0.15, 0.7))
    axes.scatter(truth, guess, s=16, color=theme.BLUE, alpha=opacity, linewidths=0)
    axes.set(xlim=ends, ylim=ends)
    axes.set_aspect("equal")
    return theme.finish(figure)


def residual_histogram(
    preds: np.ndarray, target: np.ndarray, name: str, *, backend: Backend = "matplotlib"
) -> Figure | PlotlyFigure:
    """How many items are off by how much; arguments as `predicted_vs_true`."""
    theme.check_backend(backend)
    errors = (preds - target).ravel()
    mean, spread = float(errors.mean()), float(errors.std())
    title = f"Errors: {mean:+.3g} on average, spread {spread:.3g}".replace("-", "−")
    x, y = f"predicted − true {name}", "items"
    counts, edges = np.histogram(errors, bins=_bins(errors))
    centres, widths = (edges[:-1] + edges[1:]) / 2, np.diff(edges)
    if backend == "plotly":
        from plotly import graph_objects as go

        plot = theme.plotly_figure(5.8, 4.4, title=title, x=x, y=y)
        hover = "%{x:.3g}: %{y:,} items<extra></extra>"
        plot.add_trace(
            go.Bar(x=centres, y=counts, width=widths, marker_color=theme.BLUE, hovertemplate=hover)
        )
        plot.add_vline(0, line={"color": theme.SOFT, "dash": "dot", "width": 1})
        plot.update_layout(bargap=0.04)
        return plot
    figure = theme.new_figure(5.4, 3.6)
    axes = figure.add_subplot()
    theme.style(axes, title=title, x=x, y=y)
    axes.grid(visible=False, axis="x")
    axes.bar(centres, counts, widths * 0.94, color=theme.BLUE)
    axes.axvline(0, color=theme.ORANGE, linewidth=1.2)
    return theme.finish(figure)


def _bins(errors: np.ndarray) -> int:
    """The square root of their number, from 5 to 60; one where they differ by rounding only."""
    if np.ptp(errors) <= 1e-9 * np.abs(errors).max():
        return 1
    return int(np.clip(np.sqrt(len(errors)), 5, 60))


def _sample(guess: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if len(guess) <= MAX_POINTS:
        return guess, truth
    chosen = np.random.default_rng(0).choice(len(guess), MAX_POINTS, replace=False)
    return guess[chosen], truth[chosen]
