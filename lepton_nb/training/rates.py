"""The learning rates of a run: the peak of each parameter group, times the schedule."""

from __future__ import annotations

import torch

from lepton_nb.training.schedules import Schedule


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
        self._found = [group["lr"] for group in optimizer.param_groups]
        self.peaks = scaled(self._found, lr)
        self._set = self._found

    def apply(self, step: int) -> None:
        """Set the rates of the step about to be taken."""
        factor = self.schedule(step)
        groups = self.optimizer.param_groups
        if [group["lr"] for group in groups] != self._set:
            self._take_over(step)
        self._set = [peak * factor for peak in self.peaks]
        for group, rate in zip(groups, self._set, strict=True):
            group["lr"] = rate

    def change(self, lr: float) -> None:
        """Put another peak in the place of the first group's."""
        self.peaks = scaled(self.peaks, lr)

    def restore(self, peaks: list[float]) -> None:
        """Go on with the peaks of a checkpoint, whose rates the optimizer has been given."""
        self.peaks = list(peaks)
        self._set = [group["lr"] for group in self.optimizer.param_groups]

    def put_back(self) -> None:
        """Leave the optimizer with the rates it came with, so that a cell run twice trains the same."""
        for group, rate in zip(self.optimizer.param_groups, self._found, strict=True):
            group["lr"] = rate

    def _take_over(self, step: int) -> None:
        before = (self.schedule(step - 1) if step else 1.0) or 1.0
        for index, group in enumerate(self.optimizer.param_groups):
            if group["lr"] != self._set[index]:
                self.peaks[index] = group["lr"] / before


def scaled(rates: list[float], first: float | None) -> list[float]:
    """The rates with another first one; every other keeps its share of it."""
    if first is None:
        return list(rates)
    return [first * (rate / rates[0] if rates[0] else 1.0) for rate in rates]
