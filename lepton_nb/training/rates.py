"""The learning rates of a run: the peak of each parameter group, times the schedule."""

from __future__ import annotations

import torch

from lepton_nb.training.schedules import Schedule
from lepton_nb.training.scheduling import copy_of_groups, put_back_groups


class Rates:
    """Sets the optimizer's learning rates, and leaves alone what somebody else has set.

    A scheduler that the user steps in a callback moves a rate between two steps. What it moved to becomes the
    new peak, so the two multiply and neither undoes the other.

    Args:
        lr: The peak wanted of the first group, where it is not the optimizer's own; the other groups keep
            their share of it.

    Attributes:
        peaks: Learning rate of each group where the schedule is at 1.
    """

    def __init__(self, optimizer: torch.optim.Optimizer, schedule: Schedule, lr: float | None = None) -> None:
        self.optimizer = optimizer
        self.schedule = schedule
        self._found = copy_of_groups(optimizer)
        self._set = self._now()
        self.peaks = scaled(self._set, lr)

    def apply(self, step: int) -> None:
        """Set the rates of the step about to be taken."""
        self.take_over(step)
        factor = self.schedule(step)
        self._give([peak * factor for peak in self.peaks])

    def give_peaks(self) -> None:
        """Set the peaks at once, for a scheduler that is made from them."""
        self._give(list(self.peaks))

    def change(self, lr: float) -> None:
        """Put another peak in the place of the first group's."""
        self.peaks = scaled(self.peaks, lr)

    def restore(self, peaks: list[float]) -> None:
        """Go on with the peaks of a checkpoint, whose rates the optimizer has been given."""
        self.peaks = list(peaks)
        self._set = self._now()

    def put_back(self) -> None:
        """Leave the optimizer with the rates it came with, so that a cell run twice trains the same."""
        put_back_groups(self.optimizer, self._found)

    def take_over(self, step: int) -> None:
        """Make what somebody else has set since the last step the new peaks."""
        before = (self.schedule(step - 1) if step else 1.0) or 1.0
        for index, rate in enumerate(now := self._now()):
            if rate != self._set[index]:
                self.peaks[index] = rate / before
        self._set = now

    def _now(self) -> list[float]:
        return [group["lr"] for group in self.optimizer.param_groups]

    def _give(self, rates: list[float]) -> None:
        self._set = rates
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            group["lr"] = rate


def scaled(rates: list[float], first: float | None) -> list[float]:
    """The rates with another first one; every other keeps its share of it."""
    if first is None:
        return list(rates)
    return [first * (rate / rates[0] if rates[0] else 1.0) for rate in rates]
