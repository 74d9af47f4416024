"""Learning rates: the loss over them, and how schedules move them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from lepton_nb.plots import theme


def loss_over_rate(
    rates: Sequence[float], losses: Sequence[float], smooth: Sequence[float], chosen: float | None
) -> Figure:
    """The loss of a range test over the learning rate, on a logarithmic axis.

    Args:
        rates: Learning rate of each step, rising.
        losses: Loss of each step, drawn faintly.
        smooth: The same smoothed.
        chosen: The rate to mark; None marks nothing.
    """
    figure = theme.new_figure(5.6, 3.4)
    axes = figure.subplots()
    axes.plot(rates, losses, color=theme.ORANGE, linewidth=0.9, alpha=0.35)
    axes.plot(rates, smooth, color=theme.BLUE, linewidth=1.8, label="loss, smoothed")
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda rate, _: f"{rate:.0e}".replace("e-0", "e-")))
    axes.xaxis.set_minor_locator(NullLocator())
    top = max(smooth[0], float(np.median(smooth)))
    room = (top - min(smooth)) or 1.0
    axes.set_ylim(min(smooth) - 0.15 * room, top + 0.6 * room)
    if chosen is not None:
        height = float(np.interp(chosen, rates, smooth))
        axes.axvline(chosen, color=theme.SOFT, linewidth=1, linestyle=(0, (1, 2)))
        axes.plot([chosen], [height], "o", color=theme.BLUE, markersize=7, label=f"suggested: {chosen:.2g}")
    theme.style(axes, title="Loss over learning rate", x="learning rate")
    theme.legend(axes)
    return theme.finish(figure)


def rates_over_epochs(lines: Mapping[str, tuple[Sequence[float], Sequence[float]]]) -> Figure:
    """The learning rate over the epochs of each named schedule: ``{"cosine": (epochs, rates)}``."""
    figure = theme.new_figure(5.6, 3.2)
    axes = figure.subplots()
    for number, (name, points) in enumerate(lines.items()):
        axes.plot(*points, color=theme.PALETTE[number % len(theme.PALETTE)], linewidth=1.8, label=name)
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
    theme.style(axes, title="Learning rate", x="epoch")
    theme.legend(axes)
    return theme.finish(figure)
