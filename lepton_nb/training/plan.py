"""A plan: everything a run needs, in one object that can be packed and sent to another process.

It is made by `prepare` (a new run) or `resume`, carried out by a `Job`, packed by value for the background,
and is what any engine is handed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from lepton_nb.callbacks import Callback
from lepton_nb.data import DataBundle
from lepton_nb.training.config import TrainConfig
from lepton_nb.training.monitoring import Monitor
from lepton_nb.training.used import used

if TYPE_CHECKING:
    from lepton_nb.models import Definition
    from lepton_nb.models.objectives import Objective


@dataclass
class Plan:
    """A model, data and settings that one real batch has shown to fit together.

    Attributes:
        model: The model, built; the user's own where an instance was given.
        loss: The training loss, called as ``loss(preds, target)``: the user's own or the task's.
        optimizer: The user's own optimizer; None where the settings make one.
        callbacks: The user's.
        own_loss: Whether the loss is the user's.
        lr: A new peak learning rate, for a run that goes on from a checkpoint.
        definition: How the model is built; None for a run that goes on.
        monitor: What says which epoch was best.
        notes: What the model made of the data.
    """

    model: nn.Module
    data: DataBundle
    loss: Any
    optimizer: torch.optim.Optimizer | None
    config: TrainConfig
    monitor: Monitor
    callbacks: Sequence[Callback] = ()
    own_loss: bool = False
    lr: float | None = None
    definition: Definition | None = None
    notes: Sequence[str] = ()

    @property
    def defined(self) -> Definition:
        """How the model of a new run is built."""
        assert self.definition is not None, "a run that goes on has its model"
        return self.definition

    def objective(self) -> Objective:
        """How a batch becomes a loss."""
        return self.data.task.objective(self.data.signature, self.loss)

    def used(self) -> dict[str, Any]:
        """The settings as they take effect."""
        return used(self.config, self.optimizer, self.loss if self.own_loss else None, self.data)

    def with_callbacks(self, callbacks: Sequence[Callback]) -> Plan:
        """The same plan with callbacks of the user's."""
        return replace(self, callbacks=callbacks)
