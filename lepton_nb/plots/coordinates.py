"""Parallel coordinates: what many trials were set to, and what came of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lepton_nb.plots.charts import Line, Lines


@dataclass
class Axis:
    """One coordinate.

    Attributes:
        name: What stands below it.
        choices: Its values where they are a few, from bottom to top; None where they are numbers.
        log: Whether numbers stand on a logarithmic scale.
    """

    name: str
    choices: Sequence[Any] | None = None
    log: bool = False

    def heights(self, values: Sequence[Any]) -> list[float]:
        """Where the values stand, from 0 at the bottom to 1 at the top."""
        if self.choices is not None:
            return [self.choices.index(value) / max(len(self.choices) - 1, 1) for value in values]
        places = [math.log10(value) if self.log else float(value) for value in values]
        low, high = min(places), max(places)
        return [(place - low) / ((high - low) or 1.0) for place in places]

    def label(self, values: Sequence[Any]) -> str:
        """The name, and what stands from bottom to top."""
        if self.choices is not None:
            return f"{self.name}\n{', '.join(map(str, self.choices))}"
        return f"{self.name}\n{min(values):.3g} to {max(values):.3g}"


def parallel_coordinates(axes: Sequence[Axis], trials: Sequence[Sequence[Any]]) -> Lines:
    """One line a trial across all axes.

    Args:
        axes: The coordinates from left to right; the last is the result.
        trials: Of each one value an axis; the best one last, which is drawn over the others.
    """
    columns = list(zip(*trials, strict=True))
    heights = [axis.heights(column) for axis, column in zip(axes, columns, strict=True)]
    rows = list(zip(*heights, strict=True))
    places = list(range(len(axes)))
    return Lines(
        name="trials",
        title="Settings and result of each trial",
        y="from the lowest to the highest",
        x_names=tuple(axis.label(column) for axis, column in zip(axes, columns, strict=True)),
        lines=(
            *(Line(name=f"trial {i}", x=places, y=row, faint=True) for i, row in enumerate(rows[:-1], 1)),
            Line(name="the best", x=places, y=rows[-1], colour=1),
        ),
    )
