"""Keeping some layers as they are, for all of the run or for its first epochs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lepton_nb.callbacks.base import Callback
from lepton_nb.callbacks.state import TrainState

if TYPE_CHECKING:
    from torch import nn


class Freezing(Callback):
    """Freezes modules while the run trains; afterwards their parameters are as free as they were.

    The batch norms among them stay in evaluation mode, as in Keras: a frozen layer computes what it computed
    before, to the last bit.

    Args:
        modules: What to freeze.
        until: Epochs after which they train, too; None freezes them to the end.
    """

    def __init__(self, modules: list[nn.Module], until: int | None) -> None:
        self.modules = modules
        self.until = until
        parameters = {id(p): p for module in modules for p in module.parameters() if p.requires_grad}
        self._parameters = list(parameters.values())

    def on_fit_start(self, state: TrainState) -> None:
        self._set(trainable=self._is_over(state))

    def on_epoch_start(self, state: TrainState) -> None:
        if self._is_over(state):
            self._set(trainable=True)
        else:
            for module in self.modules:
                module.eval()

    def on_fit_end(self, state: TrainState) -> None:  # noqa: ARG002
        self._set(trainable=True)

    def on_exception(self, state: TrainState, error: BaseException) -> None:  # noqa: ARG002
        self._set(trainable=True)
        for module in self.modules:
            module.train()  # else the next training would take them for parts that the user set to evaluate

    def _is_over(self, state: TrainState) -> bool:
        return self.until is not None and state.epoch >= self.until

    def _set(self, *, trainable: bool) -> None:
        for parameter in self._parameters:
            parameter.requires_grad_(trainable)
