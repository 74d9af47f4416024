"""Schedules drawn before they run."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

from lepton_nb.plots.drawn import draw
from lepton_nb.plots.html import picture_html
from lepton_nb.plots.rates import rates_over_epochs
from lepton_nb.training.config import TrainConfig
from lepton_nb.training.preparing import as_bundle
from lepton_nb.training.schedules import Plateau, schedule_of

_STEPS_PER_EPOCH = 100  # where no data says how many
_PLATEAU = "plateau is drawn for a loss that never improves"


@dataclass
class SchedulePlan:
    """How the learning rate will move.

    Attributes:
        rates: For each schedule the learning rate of every step.
        steps_per_epoch: Optimizer steps an epoch.
    """

    rates: dict[str, list[float]]
    steps_per_epoch: int

    def figure(self) -> Any:
        """The learning rate over epochs, one line a schedule."""
        lines = {
            name: ([step / self.steps_per_epoch for step in range(len(rates))], rates)
            for name, rates in self.rates.items()
        }
        return draw(rates_over_epochs(lines))

    def __str__(self) -> str:
        lines = [
            f"{name}: {len(rates):,} steps, from {rates[0]:.2g} over {max(rates):.2g} to {rates[-1]:.2g}"
            for name, rates in self.rates.items()
        ]
        return "\n".join([*lines, *([_PLATEAU] if "plateau" in self.rates else [])])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        text = escape(str(self)).replace("\n", "<br>")
        return f'<div>{picture_html(self.figure(), str(self))}<p style="opacity:.7">{text}</p></div>'


def schedule(*names: str, data: Any = None, **config: Any) -> SchedulePlan:
    """Draw learning-rate schedules without training anything.

    Args:
        names: Schedules to draw, by default the one of `config`.
        data: Says how many steps an epoch has; 100 where None.
        config: Fields of `TrainConfig`, as for `lepton_nb.train`.

    Raises:
        ArgumentError: If there is no such schedule, or a setting is wrong.
    """
    settings = TrainConfig.from_options(config)
    steps = _STEPS_PER_EPOCH
    if data is not None:
        loader = as_bundle(data).loader("train", batch_size=settings.batch_size)
        steps = -(-len(loader) // settings.accumulation)
    chosen = [TrainConfig.from_options({**config, "schedule": name}) for name in names] or [settings]
    return SchedulePlan({one.schedule: _rates(one, steps) for one in chosen}, steps)


def _rates(config: TrainConfig, steps_per_epoch: int) -> list[float]:
    factor = schedule_of(config, steps_per_epoch)
    rates = []
    for step in range(steps_per_epoch * config.epochs):
        if step and step % steps_per_epoch == 0 and isinstance(factor, Plateau):
            factor.note(1.0)
        rates.append(config.peak_lr * factor(step))
    return rates
