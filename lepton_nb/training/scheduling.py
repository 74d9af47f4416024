"""A ``torch.optim.lr_scheduler`` of the user's: made, stepped, kept in checkpoints, and left as it came."""

from __future__ import annotations

import copy
import inspect
import warnings
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import torch
from torch.optim import lr_scheduler
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from lepton_nb.callbacks import Callback, TrainState
from lepton_nb.errors import ArgumentError, TrainingError
from lepton_nb.models.losses import own_name

Each = Literal["step", "epoch"]
_BY_STEP = (lr_scheduler.OneCycleLR, lr_scheduler.CyclicLR)
_TOTALS = ("total_steps", "num_training_steps")


@dataclass(frozen=True)
class Length:
    """How long a run is; what a scheduler's maker may ask for by the names of its parameters."""

    epochs: int
    steps_per_epoch: int

    @property
    def known(self) -> dict[str, int]:
        total = self.epochs * self.steps_per_epoch
        return {
            "epochs": self.epochs,
            "steps_per_epoch": self.steps_per_epoch,
            "T_max": self.epochs,
            **dict.fromkeys(_TOTALS, total),
        }


@dataclass(frozen=True)
class Scheduling:
    """A scheduler that a run is to have.

    Attributes:
        given: What the user gave: a scheduler, its class, a partial, a function of the optimizer; None where
            it is made again from what is `described`.
        each: After what it is stepped.
        described: Its class, and those of the schedulers in it, where torch has them all.
    """

    given: Any
    each: Each
    described: dict[str, Any]

    def made(self, optimizer: torch.optim.Optimizer, length: Length) -> LRScheduler:
        """The scheduler over `optimizer`."""
        if self.given is None:
            return _again(self.described, optimizer)
        return make_scheduler(self.given, optimizer, length)


def choose_scheduling(
    given: Any, optimizer: torch.optim.Optimizer, length: Length, by: Literal["auto", "step", "epoch"]
) -> Scheduling:
    """Make the scheduler once, to see what it is; the optimizer stays as it was.

    Raises:
        ArgumentError: If it is no scheduler, cannot be made, or moves another optimizer.
    """
    before = copy_of_groups(optimizer)
    try:
        made = make_scheduler(given, optimizer, length)
    finally:
        put_back_groups(optimizer, before)
    each = _each(given, made, length) if by == "auto" else by
    return Scheduling(given, each, {**_described(made), "each": each})


def make_scheduler(given: Any, optimizer: torch.optim.Optimizer, length: Length) -> LRScheduler:
    """The scheduler that the user means.

    Raises:
        ArgumentError: As `choose_scheduling`.
    """
    if isinstance(given, LRScheduler):
        if given.optimizer is not optimizer:
            raise ArgumentError(
                f"The {own_name(given)} moves another optimizer than the one that trains.",
                "Make it again after the optimizer, or give its class or a partial of it: "
                "functools.partial(torch.optim.lr_scheduler.StepLR, step_size=5)",
            )
        return given
    if not callable(given):
        raise ArgumentError(f"The scheduler is a {type(given).__name__}; expected {EXPECTED}.", _EXAMPLE)
    try:
        made = given(optimizer, **_asked(given, length))
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"{own_name(given)} cannot be made: {error}.", _EXAMPLE) from error
    if not isinstance(made, LRScheduler):
        raise ArgumentError(
            f"{own_name(given)} gives a {type(made).__name__}; expected {EXPECTED}.", _EXAMPLE
        )
    return made


EXPECTED = "a torch.optim.lr_scheduler, its class, a partial of it, or a function of the optimizer"
_EXAMPLE = "For example functools.partial(torch.optim.lr_scheduler.StepLR, step_size=5)"


def _asked(maker: Callable[..., Any], length: Length) -> dict[str, int]:
    """The lengths that the maker has parameters for, unless a partial has given one of them."""
    known = length.known
    if isinstance(maker, partial) and known.keys() & maker.keywords.keys():
        return {}
    return {name: known[name] for name in inspect.signature(maker).parameters if name in known}


def _each(given: Any, made: LRScheduler, length: Length) -> Each:
    """After what a scheduler is stepped, where nobody said it: a guess, which the run's log tells."""
    if any(isinstance(part, _BY_STEP) for part in _parts(made)):
        return "step"
    asks = not isinstance(given, LRScheduler) and any(name in _asked(given, length) for name in _TOTALS)
    total = length.epochs * length.steps_per_epoch
    spans = {getattr(made, name, None) for name in ("total_steps", "T_max", "total_iters")}
    return "step" if asks or (total != length.epochs and total in spans) else "epoch"


class Scheduled(Callback):
    """Steps a scheduler after each step or epoch; its state is kept in checkpoints.

    Args:
        found: The optimizer's groups as they were before the scheduler was made.
    """

    def __init__(self, scheduling: Scheduling, optimizer: torch.optim.Optimizer, length: Length) -> None:
        self.each = scheduling.each
        self.scheduler = scheduling.made(optimizer, length)
        self._found = copy.deepcopy(self.scheduler.state_dict())
        self._check_length(length)

    def _check_length(self, length: Length) -> None:
        """Refuse a scheduler that would end before the run, and raise there."""
        total: int | None = getattr(self.scheduler, "total_steps", None)
        planned = length.epochs * (length.steps_per_epoch if self.each == "step" else 1)
        if total is not None and total < planned:
            raise TrainingError(
                f"The {own_name(self.scheduler)} ends after {total:,} {self.each}s, the run has {planned:,}.",
                f"Make it with total_steps={planned}, or leave total_steps to the run: give a partial.",
            )

    def on_fit_start(self, state: TrainState) -> None:
        state.run.append_log(f"{own_name(self.scheduler)} is stepped after each {self.each}")

    def on_step_end(self, state: TrainState) -> None:  # noqa: ARG002
        if self.each == "step" and not isinstance(self.scheduler, ReduceLROnPlateau):
            self._step()

    def on_validation_end(self, state: TrainState) -> None:
        if isinstance(self.scheduler, ReduceLROnPlateau):
            self._step(self._watched(state))
        elif self.each == "epoch":
            self._step()

    def _watched(self, state: TrainState) -> float:
        """The monitored metric where the scheduler takes it for better as the run does, else the loss."""
        if self.scheduler.mode == state.mode:  # type: ignore[attr-defined]
            return state.metrics[state.monitor]
        if state.mode == "min":
            raise TrainingError(
                f"Your ReduceLROnPlateau waits for more, and less {state.monitor} is better.",
                "Make it with mode='min', or monitor a metric of which more is better: --monitor accuracy",
            )
        return state.metrics.get("val_loss", state.metrics["train_loss"])

    def _step(self, *metric: Any) -> None:
        with warnings.catch_warnings():  # a resumed optimizer's step is not the one it was made with
            warnings.simplefilter("ignore")
            self.scheduler.step(*metric)

    def change(self, ratio: float) -> None:
        """Go on from other rates, each `ratio` times what it was."""
        for part in _parts(self.scheduler):
            for name in ("base_lrs", "max_lrs"):
                if hasattr(part, name):
                    setattr(part, name, [rate * ratio for rate in getattr(part, name)])
        for group in self.scheduler.optimizer.param_groups:
            for name in ("initial_lr", "max_lr", "min_lr"):
                if name in group:
                    group[name] *= ratio

    def put_back(self) -> None:
        """Leave the scheduler as it came, so that a cell run twice trains the same."""
        self.scheduler.load_state_dict(self._found)

    def state_dict(self) -> dict[str, Any]:
        return {"scheduler": self.scheduler.state_dict()}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        _load(self.scheduler, saved["scheduler"])


def _parts(scheduler: LRScheduler) -> list[LRScheduler]:
    """A scheduler, and those inside it."""
    inner = getattr(scheduler, "_schedulers", [])
    return [scheduler, *(found for part in inner for found in _parts(part))]


def _described(scheduler: LRScheduler) -> dict[str, Any]:
    """The class of a scheduler and of those in it; ``kwargs`` is None where only the user can make it."""
    kinds = {type(part) for part in _parts(scheduler)}
    whole = all(getattr(lr_scheduler, kind.__name__, None) is kind for kind in kinds)
    by_functions = kinds & {lr_scheduler.LambdaLR, lr_scheduler.MultiplicativeLR, lr_scheduler.CyclicLR}
    return {**_classes(scheduler), "kwargs": {} if whole and not by_functions else None}


def _classes(scheduler: LRScheduler) -> dict[str, Any]:
    inner = [_classes(part) for part in getattr(scheduler, "_schedulers", [])]
    return {"class": type(scheduler).__name__, "parts": inner}


def _again(described: Mapping[str, Any], optimizer: torch.optim.Optimizer) -> LRScheduler:
    """An empty scheduler of that class: all it is stands in the state that a checkpoint has of it."""
    kind = getattr(lr_scheduler, described["class"])
    made: LRScheduler = kind.__new__(kind)
    made.optimizer = optimizer
    if described["parts"]:
        made._schedulers = [_again(part, optimizer) for part in described["parts"]]  # type: ignore[attr-defined]
    return made


def _load(scheduler: LRScheduler, saved: dict[str, Any]) -> None:
    scheduler.load_state_dict(saved)
    for part in _parts(scheduler):  # a checkpoint keeps a Counter as a dict
        if isinstance(part, lr_scheduler.MultiStepLR):
            part.milestones = Counter(part.milestones)


def copy_of_groups(optimizer: torch.optim.Optimizer) -> list[dict[str, Any]]:
    """The numbers of an optimizer's groups, without the parameters."""
    return [
        {name: copy.deepcopy(value) for name, value in group.items() if name != "params"}
        for group in optimizer.param_groups
    ]


def put_back_groups(optimizer: torch.optim.Optimizer, groups: list[dict[str, Any]]) -> None:
    """Give an optimizer's groups the numbers that `copy_of_groups` found, and no others."""
    for group, found in zip(optimizer.param_groups, groups, strict=True):
        for name in group.keys() - {"params", *found}:
            del group[name]
        group.update(found)
