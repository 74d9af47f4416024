"""Learning rates as charts: the loss over them, and how schedules move them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from lepton_nb.plots.charts import Line, Lines, Mark, Numbers


def loss_over_rate(
    rates: Sequence[float], losses: Sequence[float], smooth: Sequence[float], chosen: float | None
) -> Lines:
    """The loss of a range test over the learning rate; what lies far above where it began is left out.

    Args:
        rates: Learning rate of each step, rising.
        losses: Loss of each step, drawn faintly.
        smooth: The same smoothed.
        chosen: The rate to mark; None marks nothing.
    """
    top = max(smooth[0], float(np.median(smooth)))
    highest = top + 0.6 * ((top - min(smooth)) or 1.0)

    def below(values: Sequence[float]) -> Numbers:
        return [value if value <= highest else None for value in values]

    return Lines(
        name="rates",
        title="Loss over learning rate",
        x="learning rate",
        x_log=True,
        lines=(
            Line(name="loss", x=rates, y=below(losses), faint=True),
            Line(name="loss, smoothed", x=rates, y=below(smooth), colour=0),
        ),
        marks=() if chosen is None else (Mark(x=chosen, label=f"suggested: {chosen:.2g}"),),
    )


def rates_over_epochs(lines: Mapping[str, tuple[Sequence[float], Sequence[float]]]) -> Lines:
    """The learning rate over the epochs of each named schedule: ``{"cosine": (epochs, rates)}``."""
    drawn = tuple(Line(name=name, x=epochs, y=rates) for name, (epochs, rates) in lines.items())
    return Lines(name="schedules", title="Learning rate", x="epoch", lines=drawn)
