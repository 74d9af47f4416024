"""Averages of the weights, exponential (EMA) or over the last epochs (SWA), validated and kept for them.

A checkpoint's ``model`` is then the average, which evaluation, packaging and the best-checkpoint rule take as
they take any weights; the weights that training goes on from lie beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn

from lepton_nb.callbacks import Callback, TrainState
from lepton_nb.data import Loader
from lepton_nb.models import call_model

_BATCH_NORM_ITEMS = 10_000  # enough for means and variances of channels, and little beside an epoch


class WeightAverage(Callback):
    """An average of a model's state beside the model; by itself it never begins, and the model's own counts.

    Args:
        model: The model in training, already on its device.
    """

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        self._average: dict[str, Tensor] | None = None

    def update(self, state: TrainState) -> None:
        """Bring the average up to date before it is validated."""

    def weights(self) -> dict[str, Tensor]:
        """The state to evaluate and to keep: the average, or the model's own before there is one."""
        return self.model.state_dict() if self._average is None else self._average

    @contextmanager
    def applied(self, state: TrainState) -> Iterator[None]:
        """The model with the averaged weights, for as long as it is validated."""
        self.update(state)
        if self._average is None:
            yield
            return
        raw = _clone(self.model.state_dict())
        self.model.load_state_dict(self._average)
        try:
            yield
        finally:
            self.model.load_state_dict(raw)

    def finish(self) -> None:
        """Leave the averaged weights in the model, at the end of training."""
        if self._average is not None:
            self.model.load_state_dict(self._average)

    def state_dict(self) -> dict[str, Any]:
        return {"raw": None if self._average is None else self.model.state_dict()}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Take the weights that a checkpoint has just put into the model as the average, and put back raw."""
        if saved["raw"] is not None:
            self._average = _clone(self.model.state_dict())
            self.model.load_state_dict(saved["raw"])


class ExponentialAverage(WeightAverage):
    """``average = d * average + (1 - d) * weights`` after every step (Polyak & Juditsky 1992).

    ``d`` is ``min(decay, (1 + step) / (10 + step))``, so that the first steps, which are far off, are soon
    forgotten. Buffers such as the running means of batch norms are averaged alike.

    Args:
        model: The model in training.
        decay: Share of the average that stays at each step, such as 0.999.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        super().__init__(model)
        self.decay = decay
        self._pairs: tuple[list[Tensor], list[Tensor]] | None = None

    def on_fit_start(self, state: TrainState) -> None:  # noqa: ARG002
        if self._average is None:
            self._average = _clone(self.model.state_dict())

    def on_step_end(self, state: TrainState) -> None:
        averages, values = self._pairs or self._pair_up()
        decay = min(self.decay, (1 + state.step) / (10 + state.step))
        torch._foreach_lerp_(averages, values, 1.0 - decay)

    def _pair_up(self) -> tuple[list[Tensor], list[Tensor]]:
        """The floating-point tensors of the average and, in step with them, the model's own."""
        assert self._average is not None
        state = self.model.state_dict()
        names = [name for name, value in state.items() if value.is_floating_point()]
        for name in state.keys() - set(names):
            self._average[name] = state[name]  # a counter: the very tensor of the model
        self._pairs = [self._average[name] for name in names], [state[name] for name in names]
        return self._pairs


class StochasticAverage(WeightAverage):
    """The mean of the weights at the end of each of the last epochs (Izmailov et al. 2018, arXiv:1803.05407).

    The running means of batch norms belong to other weights, so those of all that train are measured again
    over training batches before the average is validated.

    Args:
        model: The model in training.
        start: Index of the first epoch whose weights count.
        loader: The training batches, as they are, unmixed.
    """

    def __init__(self, model: nn.Module, start: int, loader: Loader) -> None:
        super().__init__(model)
        self.start = start
        self.loader = loader
        self.count = 0
        self.newest = -1  # index of the last epoch that counts

    def update(self, state: TrainState) -> None:
        # An epoch whose validation was cut short is validated again on resume, and counts once.
        if state.epoch < self.start or state.epoch == self.newest:
            return
        raw = _clone(self.model.state_dict())
        if self._average is None:
            self._average = _clone(raw)
        self.count, self.newest = self.count + 1, state.epoch
        for name, value in self._average.items():
            if value.is_floating_point():
                value.lerp_(raw[name], 1.0 / self.count)
        norms = [
            module
            for module in self.model.modules()
            if isinstance(module, nn.modules.batchnorm._BatchNorm) and module.training
        ]
        if norms:
            self.model.load_state_dict(self._average)
            self._measure_norms(norms, state.epoch)
            self._average = _clone(self.model.state_dict())
            self.model.load_state_dict(raw)

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "count": self.count, "newest": self.newest}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        super().load_state_dict(saved)
        self.count, self.newest = saved["count"], saved["newest"]

    @torch.no_grad()
    def _measure_norms(self, norms: list[Any], epoch: int) -> None:
        """Running means and variances of the batch norms as plain averages over some batches."""
        momenta = [module.momentum for module in norms]
        for module in norms:
            module.reset_running_stats()
            module.momentum = None  # torch's sign for a cumulative average
        batches = max(1, _BATCH_NORM_ITEMS // self.loader.batch_size)
        try:
            for inputs, _ in islice(self.loader.batches(epoch), batches):
                call_model(self.model, inputs)
        finally:
            for module, momentum in zip(norms, momenta, strict=True):
                module.momentum = momentum


def _clone(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in state.items()}
