"""What a step of the user's logs beside its loss, as means over the validation split."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

from lepton_nb.batch import Tree
from lepton_nb.models.stepping import StepObjective
from lepton_nb.tasks.meters import Mean, Meter


class LoggedMeter:
    """A task's meter, beside the means of what the step has logged of each batch."""

    def __init__(self, meter: Meter, objective: StepObjective) -> None:
        self.meter, self.objective = meter, objective
        self.means = Mean(self._logged)

    def update(self, outputs: Tree, target: Tree) -> None:
        self.means.update(outputs, target)
        if outputs is not None:  # the step has called the model
            self.meter.update(outputs, target)

    def merge(self, other: Self) -> None:
        self.means.merge(other.means)
        self.meter.merge(other.meter)

    def compute(self) -> dict[str, float]:
        return {**self.means.compute(), **self.meter.compute()}

    def _logged(self, *_: Tree) -> dict[str, tuple[float, float]]:
        items = self.objective.items
        return {name: (float(value) * items, items) for name, value in self.objective.logs.items()}


def logged_beside(meter: Callable[[], Meter], objective: StepObjective) -> Callable[[], Meter]:
    """Makes the meter of an epoch of a step."""
    return lambda: LoggedMeter(meter(), objective)
