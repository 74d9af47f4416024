"""The learning-rate range test: a short training with a rising rate, after which nothing has changed."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import escape
from typing import Any

import torch
from torch import nn

from lepton_nb.data import Loader
from lepton_nb.errors import ArgumentError, TrainingError
from lepton_nb.models.losses import loss_untouched
from lepton_nb.models.seeding import private_rng, seed_all
from lepton_nb.plots.drawn import draw
from lepton_nb.plots.html import picture_html
from lepton_nb.plots.rates import loss_over_rate
from lepton_nb.training.blocks import frozen_modules
from lepton_nb.training.device import choose_device, choose_precision, make_autocast
from lepton_nb.training.gradients import backward
from lepton_nb.training.mixing import mixed
from lepton_nb.training.optimizers import make_optimizer, move_optimizer
from lepton_nb.training.own import Own
from lepton_nb.training.parts import evaluating_parts
from lepton_nb.training.plan import Plan
from lepton_nb.training.preparing import prepare

_WINDOW = 7  # steps that the loss is averaged over
_DIVERGED = 4.0  # times the lowest mean loss of a window
_FALL = 0.05  # of the loss, by which it must fall to speak of
_EDGE = 0.1  # of the whole fall, at its begin and its end, that does not count


@dataclass
class RateSearch:
    """What a range test saw.

    Attributes:
        rates: Learning rate of each step, rising by a constant factor.
        losses: Loss of each step.
        ended: Why it ended: ``diverged``, ``complete`` or ``interrupted``.
        command: The line that trains with the suggestion.
    """

    rates: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    ended: str = "complete"
    command: str = ""

    @property
    def smooth(self) -> list[float]:
        """The losses, each averaged with its neighbours, so that the curve is smooth and does not lag."""
        half = _WINDOW // 2
        windows = (self.losses[max(0, i - half) : i + half + 1] for i in range(len(self.losses)))
        return [sum(window) / len(window) for window in windows]

    @property
    def suggestion(self) -> float | None:
        """The learning rate in the middle of the loss's fall, on a logarithmic scale.

        The fall goes from where a tenth of it is done to where a tenth is left, so its middle is far from the
        rates that do nothing and from those that diverge. None where the loss never fell to speak of.
        """
        smooth = self.smooth
        bottom = min(range(len(smooth)), key=smooth.__getitem__)
        high, low = max(smooth[: bottom + 1]), smooth[bottom]
        fall = high - low
        if fall < _FALL * abs(high):
            return None
        begin = max(i for i in range(bottom + 1) if smooth[i] >= high - _EDGE * fall)
        end = next(i for i in range(begin, bottom + 1) if smooth[i] <= low + _EDGE * fall)
        return math.sqrt(self.rates[begin] * self.rates[end])

    def figure(self) -> Any:
        """The loss over the learning rate, with the suggestion."""
        return draw(loss_over_rate(self.rates, self.losses, self.smooth, self.suggestion))

    def __str__(self) -> str:
        steps = f"{len(self.rates)} steps from {self.rates[0]:.1g} to {self.rates[-1]:.1g}, {self.ended}"
        return f"{self._advice()}\n{steps}. The weights are as they were.\n{self.command}".rstrip()

    __repr__ = __str__

    def _repr_html_(self) -> str:
        advice, steps, *command = str(self).split("\n")
        line = f"<div><code>{escape(command[0])}</code></div>" if command else ""
        return (
            f'<div><p style="margin:4px 0"><b>{escape(advice)}</b></p>{picture_html(self.figure(), advice)}'
            f'<p style="margin:4px 0;opacity:.7">{escape(steps)}</p>{line}</div>'
        )

    def _advice(self) -> str:
        if self.suggestion is None:
            return "No learning rate made the loss fall: is the loss right, and the data normalised?"
        return f"Suggested learning rate: {self.suggestion:.2g}"


def lr_find(
    model: Any = None,
    data: Any = None,
    *,
    train: Any = None,
    val: Any = None,
    optimizer: Any = None,
    loss: Any = None,
    start: float = 1e-7,
    end: float = 10.0,
    steps: int = 100,
    **config: Any,
) -> RateSearch:
    """Find a learning rate by raising it, step by step, until the loss explodes.

    The test of Smith 2017, "Cyclical Learning Rates" (arXiv:1506.01186): one step at each rate, on batches as
    training would see them. Afterwards the model, the optimizer and the random numbers are as they were, also
    after an interrupt, which ends it early.

    Args:
        model: As for `lepton_nb.train`, as are `data`, `train`, `val`, `optimizer`, `loss` and `config`.
        start: The lowest rate.
        end: The highest rate.
        steps: How many rates, evenly spaced on a logarithmic scale.

    Raises:
        ArgumentError: If the range is none, or a setting is wrong.
        ModelError: If the model does not fit the data.
        TrainingError: If not even the lowest rate gives a finite loss.
    """
    if not 0.0 < start < end or steps < 10:
        raise ArgumentError(
            f"The range is {start:g} to {end:g} in {steps} steps; expected it to rise, in 10 steps or more.",
            "For example --start 1e-7 --end 10 --steps 100",
        )
    plan = prepare(model, data, train=train, val=val, own=Own(optimizer, loss), config=config)
    rates = [start * (end / start) ** (step / (steps - 1)) for step in range(steps)]
    found = RateSearch()
    with private_rng(), _unchanged(plan), loss_untouched(plan.loss):
        seed_all(plan.config.seed)
        try:
            _run(plan, rates, found)
        except KeyboardInterrupt:
            found.ended = "interrupted"
    if not found.losses:
        raise TrainingError("The first loss is not finite.", "Check the data for NaN and the loss function.")
    if found.suggestion is not None:
        name, source = plan.defined.name, plan.data.name
        found.command = f"%lepton train {name} --data {source} --lr {found.suggestion:.2g}"
    return found


def _run(plan: Plan, rates: list[float], found: RateSearch) -> None:
    """One step at each rate, until the loss is four times its best."""
    settings, model = plan.config, plan.model
    device = choose_device(settings.device).device
    precision = choose_precision(settings.precision, device)
    scaler = torch.amp.GradScaler(device.type, enabled=precision == "fp16")
    model.to(device)
    if isinstance(plan.loss, nn.Module):
        plan.loss.to(device)
    optimizer = plan.optimizer or make_optimizer(model, settings)
    move_optimizer(optimizer, device)
    shares = [group["lr"] / (optimizer.param_groups[0]["lr"] or 1.0) for group in optimizer.param_groups]
    still = evaluating_parts(model)
    model.train()
    for name in still:
        model.get_submodule(name).training = False
    frozen = frozen_modules(model, settings.freeze) if settings.freeze else []
    for module in frozen:
        module.requires_grad_(False).eval()
    loader = plan.data.loader("train", batch_size=settings.batch_size, device=device, seed=settings.seed)
    batches = _endless(mixed(loader, plan.data, settings))
    objective = plan.objective()
    lowest = math.inf
    for rate in rates:
        total = 0.0
        for _ in range(settings.accumulation):
            weight = 1.0 / settings.accumulation
            autocast = make_autocast(device, precision)
            total += weight * backward(objective, model, next(batches), autocast, scaler, weight)
        if not math.isfinite(total):
            found.ended = "diverged"
            return
        found.rates.append(rate)
        found.losses.append(total)
        window = found.losses[-_WINDOW:]
        mean = sum(window) / len(window)
        lowest = min(lowest, mean)
        if mean > _DIVERGED * lowest:
            found.ended = "diverged"
            return
        for group, share in zip(optimizer.param_groups, shares, strict=True):
            group["lr"] = rate * share
        if settings.clip is not None:
            scaler.unscale_(optimizer)
            nn.utils.clip_grad_norm_(model.parameters(), settings.clip)
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad(set_to_none=True)


@contextmanager
def _unchanged(plan: Plan) -> Iterator[None]:
    """Put everything of the user's back when the block ends: weights, gradients, modes, device, optimizer."""
    model, optimizer = plan.model, plan.optimizer
    weights = {name: value.detach().clone() for name, value in model.state_dict().items()}
    modes = [(module, module.training) for module in model.modules()]
    parameters = [(p, p.requires_grad, p.grad) for p in model.parameters()]
    device = next((p.device for p, _, _ in parameters), torch.device("cpu"))
    state = copy.deepcopy(optimizer.state_dict()) if optimizer is not None else None
    for parameter, _, _ in parameters:
        parameter.grad = None
    try:
        yield
    finally:
        model.load_state_dict(weights)
        model.to(device)
        for module, training in modes:
            module.training = training
        for parameter, trainable, grad in parameters:
            parameter.requires_grad_(trainable)
            parameter.grad = grad
        if optimizer is not None and state is not None:
            optimizer.load_state_dict(state)


def _endless(loader: Loader) -> Iterator[Any]:
    for epoch in itertools.count():
        yield from loader.batches(epoch)
