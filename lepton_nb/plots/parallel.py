"""Parallel coordinates: what many trials were set to, and what came of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure

from lepton_nb.plots import theme

_MAP = LinearSegmentedColormap.from_list("worse to better", ["#d9dde2", "#9cc3de", theme.BLUE, "#00335a"])
_TICKS = 5


@dataclass
class Axis:
    """One coordinate.

    Attributes:
        name: What is written above it.
        choices: Its values where they are a few, from bottom to top; None where they are numbers.
        log: Whether numbers stand on a logarithmic scale.
    """

    name: str
    choices: Sequence[Any] | None = None
    log: bool = False


def parallel_coordinates(
    axes: Sequence[Axis], lines: Sequence[Sequence[Any]], *, better: Literal["min", "max"]
) -> Figure:
    """One line a trial across all axes, coloured by the last one; the best is drawn thick.

    Args:
        axes: The coordinates from left to right; the last is the result.
        lines: Of each trial one value an axis; the best one last, so that it lies on top.
        better: Whether a small or a large result is good.
    """
    figure = theme.new_figure(max(4.6, 1.35 * len(axes) + 1.6), 3.6)
    plot = figure.subplots()
    scales = [_Scale(axis, [line[i] for line in lines]) for i, axis in enumerate(axes)]
    results = np.array([float(line[-1]) for line in lines])
    low, high = float(results.min()), float(results.max())
    colours = Normalize(low, high if high > low else low + 1)
    reach = _MAP if better == "max" else _MAP.reversed()
    for number, line in enumerate(lines):
        heights = [scale.height(value) for scale, value in zip(scales, line, strict=True)]
        best = number == len(lines) - 1
        colour = theme.ORANGE if best else reach(colours(float(line[-1])))
        plot.plot(
            range(len(axes)),
            heights,
            color=colour,
            linewidth=2.4 if best else 1.2,
            label="best" if best else None,
        )
    for position, scale in enumerate(scales):
        plot.axvline(position, color=theme.LINE, linewidth=1, zorder=0)
        for height, text in scale.ticks():
            plot.annotate(
                text,
                (position, height),
                xytext=(-5, 0),
                textcoords="offset points",
                ha="right",
                va="center",
                fontsize=8,
                color=theme.SOFT,
                bbox={"facecolor": theme.CARD, "edgecolor": "none", "pad": 1.2, "alpha": 0.85},
                zorder=5,
            )
    theme.style(plot, grid=False)
    plot.set_xticks(range(len(axes)), [axis.name for axis in axes], color=theme.INK, fontsize=9)
    plot.set_yticks([])
    plot.set_xlim(-0.45, len(axes) - 0.9)
    plot.set_ylim(-0.06, 1.06)
    plot.xaxis.tick_top()
    bar = figure.colorbar(ScalarMappable(colours, reach), ax=plot, pad=0.02, aspect=30)
    bar.outline.set_visible(False)
    bar.ax.tick_params(colors=theme.SOFT, labelsize=8, length=0)
    theme.legend(plot, loc="upper left", bbox_to_anchor=(0.0, -0.01))
    return theme.finish(figure)


class _Scale:
    """Where a value of an axis stands, from 0 at the bottom to 1 at the top."""

    def __init__(self, axis: Axis, values: Sequence[Any]) -> None:
        self.choices = list(axis.choices) if axis.choices is not None else None
        self.log = axis.log
        if self.choices is None:
            numbers = [self._place(value) for value in values]
            self.low, self.high = min(numbers), max(numbers)

    def height(self, value: Any) -> float:
        if self.choices is not None:
            return self.choices.index(value) / max(len(self.choices) - 1, 1)
        return (self._place(value) - self.low) / ((self.high - self.low) or 1.0)

    def ticks(self) -> list[tuple[float, str]]:
        if self.choices is not None:
            return [(self.height(choice), str(choice)) for choice in self.choices]
        places = np.linspace(self.low, self.high, _TICKS if self.high > self.low else 1)
        return [
            ((place - self.low) / ((self.high - self.low) or 1.0), f"{10**place if self.log else place:.3g}")
            for place in places.tolist()
        ]

    def _place(self, value: Any) -> float:
        return math.log10(value) if self.log else float(value)
