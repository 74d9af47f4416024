"""Learning-rate schedules as pure functions of the step: nothing to save, nothing to resume.

The one that is not, ``plateau``, waits for the validation loss and so keeps its state in the checkpoint.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lepton_nb.callbacks import Callback, TrainState

if TYPE_CHECKING:
    from lepton_nb.training.config import TrainConfig

Schedule = Callable[[int], float]
"""Maps the step about to be taken, from 0, to a factor of the peak learning rate."""

_PLATEAU_PATIENCE = 3


def schedule_of(config: TrainConfig, steps_per_epoch: int | None) -> Schedule:
    """The schedule that the settings ask for; with ``swa`` it holds still while weights are averaged.

    Holding the rate follows Izmailov et al. 2018, "Averaging Weights Leads to Wider Optima": the average is
    of points that still move. It is held where the schedule had arrived, so that nothing jumps.
    """
    total = None if steps_per_epoch is None else steps_per_epoch * config.epochs
    schedule = make_schedule(
        config.schedule,
        total,
        config.warmup,
        steps_per_epoch=steps_per_epoch,
        drop=config.drop,
        drop_after=config.drop_after,
    )
    if config.swa is None or steps_per_epoch is None:
        return schedule
    held_from = swa_start(config) * steps_per_epoch
    return lambda step: schedule(min(step, held_from))


def swa_start(config: TrainConfig) -> int:
    """Index of the epoch after which the weights are first averaged: at least the last one is."""
    return min(round(config.epochs * (1.0 - (config.swa or 0.0))), config.epochs - 1)


def make_schedule(
    name: str,
    total_steps: int | None,
    warmup: float,
    *,
    steps_per_epoch: int | None = None,
    drop: float = 0.1,
    drop_after: int | None = None,
) -> Schedule:
    """A schedule over `total_steps`.

    - ``constant``: 1 throughout. The only one for a run without a known length, beside ``plateau``.
    - ``warmup``: rises over the first `warmup` share of the run, then stays.
    - ``linear``: rises likewise, then falls in a line to 0.
    - ``cosine``: rises likewise, then falls along half a cosine to 0 (Loshchilov & Hutter 2017).
    - ``step``: rises likewise, and is multiplied by `drop` every `drop_after` epochs, by default at each
      third of the run (He et al. 2016).
    - ``plateau``: rises likewise, and is multiplied by `drop` where the validation loss has not improved for
      `drop_after` epochs, 3 by default; see `Plateau`.
    - ``one-cycle``: rises from 1/25 over 30 % of the run, falls to 1e-4/25, both along a cosine
      (Smith & Topin 2018, with torch's OneCycleLR defaults).
    """
    if name == "plateau":
        return Plateau(_rising(total_steps, warmup), drop, drop_after or _PLATEAU_PATIENCE)
    if total_steps is None or name == "constant":
        return lambda _step: 1.0
    if name == "warmup":
        return _rising(total_steps, warmup)
    if name == "one-cycle":
        return _one_cycle(total_steps)
    if name == "step":
        every = max(1, -(-total_steps // 3) if drop_after is None else drop_after * (steps_per_epoch or 1))
        rising = _rising(total_steps, warmup)
        return lambda step: rising(step) * drop ** (step // every)
    fall = _linear if name == "linear" else _cosine
    rise = _rise_steps(total_steps, warmup)

    def factor(step: int) -> float:
        if step < rise:
            return (step + 1) / (rise + 1)
        return fall(min(1.0, (step - rise) / (total_steps - rise)))

    return factor


class Plateau(Callback):
    """A schedule that drops when the validation loss stops falling; the training loss where none is held out.

    An epoch counts as better if its loss is at least 0.01 % lower, as in torch's ``ReduceLROnPlateau``.

    Args:
        rising: The schedule that the drops are applied to.
        drop: Factor of each drop.
        patience: Epochs without improvement before a drop.
    """

    def __init__(self, rising: Schedule, drop: float, patience: int) -> None:
        self.rising = rising
        self.drop = drop
        self.patience = patience
        self.factor = 1.0
        self.best = math.inf
        self.waited = 0

    def __call__(self, step: int) -> float:
        return self.factor * self.rising(step)

    def on_validation_end(self, state: TrainState) -> None:
        self.note(state.metrics.get("val_loss", state.metrics["train_loss"]))

    def note(self, loss: float) -> None:
        """Take in the loss of an epoch."""
        if loss < self.best * (1.0 - 1e-4):
            self.best, self.waited = loss, 0
            return
        self.waited += 1
        if self.waited >= self.patience:
            self.factor, self.waited = self.factor * self.drop, 0

    def state_dict(self) -> dict[str, Any]:
        return {"factor": self.factor, "best": self.best, "waited": self.waited}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        self.factor, self.best, self.waited = saved["factor"], saved["best"], saved["waited"]


def _rising(total_steps: int | None, warmup: float) -> Schedule:
    rise = 0 if total_steps is None else _rise_steps(total_steps, warmup)
    return lambda step: min(1.0, (step + 1) / (rise + 1))


def _rise_steps(total_steps: int, warmup: float) -> int:
    return min(round(warmup * total_steps), total_steps - 1)


def _linear(progress: float) -> float:
    return 1.0 - progress


def _cosine(progress: float) -> float:
    return 0.5 * (1.0 + math.cos(math.pi * progress))


def _one_cycle(
    total_steps: int, start: float = 1 / 25, end: float = 1e-4 / 25, share: float = 0.3
) -> Schedule:
    peak_step = max(1.0, share * total_steps - 1)
    last_step = max(peak_step + 1, total_steps - 1)

    def factor(step: int) -> float:
        if step <= peak_step:
            return start + (1.0 - start) * (1.0 - _cosine(step / peak_step))
        return end + (1.0 - end) * _cosine(min(1.0, (step - peak_step) / (last_step - peak_step)))

    return factor
