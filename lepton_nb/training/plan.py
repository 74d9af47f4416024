"""A plan: everything a run needs, in one object that can be packed and sent to another process.

It is made by `prepare` (a new run) or `resume`, carried out by a `Job`, packed by value for the background,
and is what any engine is handed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from lepton_nb.callbacks import Callback
from lepton_nb.data import DataBundle
from lepton_nb.models.losses import describe_loss
from lepton_nb.models.stepping import StepObjective
from lepton_nb.training.config import TrainConfig
from lepton_nb.training.monitoring import LOSS, Monitor
from lepton_nb.training.own import describe_optimizer
from lepton_nb.training.scheduling import Scheduling
from lepton_nb.training.several import handed
from lepton_nb.training.used import used

if TYPE_CHECKING:
    from lepton_nb.models import Definition
    from lepton_nb.models.objectives import Objective


@dataclass
class Plan:
    """A model, data and settings that one real batch has shown to fit together.

    Attributes:
        model: The model, built; the user's own where an instance was given.
        loss: The training loss, called as ``loss(preds, target)``: the user's own or the task's; of a
            training by a step of the user's that step.
        optimizer: The user's own optimizer; None where the settings make one.
        callbacks: The user's.
        own_loss: Whether the loss is the user's.
        stepped: Whether the loss is a step: ``step(model, batch)`` or ``step(model, batch, optimizers)``.
        scheduling: The user's own scheduler; None where the settings' schedule moves the rates.
        metrics: The user's own, by name.
        lr: A new peak learning rate, for a run that goes on from a checkpoint.
        definition: How the model is built; None for a run that goes on.
        monitor: What says which epoch was best.
        example: A few inputs of the model, where they are not those of the data; none where nobody knows.
        notes: What the model made of the data.
    """

    model: nn.Module
    data: DataBundle
    loss: Any
    optimizer: torch.optim.Optimizer | None
    config: TrainConfig
    monitor: Monitor = LOSS
    callbacks: Sequence[Callback] = ()
    own_loss: bool = False
    stepped: bool = False
    scheduling: Scheduling | None = None
    metrics: Mapping[str, Any] = field(default_factory=dict)
    lr: float | None = None
    definition: Definition | None = None
    example: tuple[Tensor, ...] | None = None
    notes: Sequence[str] = ()

    @property
    def defined(self) -> Definition:
        """How the model of a new run is built."""
        assert self.definition is not None, "a run that goes on has its model"
        return self.definition

    def objective(self, optimizer: torch.optim.Optimizer | None = None) -> Objective:
        """How a batch becomes a loss.

        Args:
            optimizer: What a step of the user's that moves the weights itself is handed.
        """
        if self.stepped:
            return StepObjective(self.loss, None if optimizer is None else handed(optimizer))
        return self.data.task.objective(self.data.signature, self.loss)

    def used(self) -> dict[str, Any]:
        """The settings as they take effect."""
        loss = self.loss if self.own_loss else None
        found = used(self.config, self.optimizer, loss, self.data, self.scheduling)
        return {**found, "step": found.pop("loss")} if self.stepped else found

    def described(self) -> dict[str, Any]:
        """The user's own objects as JSON, for a resume: see `own`."""
        loss = describe_loss(self.loss if self.own_loss else None)
        return {
            "optimizer": describe_optimizer(self.optimizer, self.model),
            "scheduler": None if self.scheduling is None else self.scheduling.described,
            "loss": None if self.stepped else loss,
            "step": loss if self.stepped else None,
            "metrics": list(self.metrics),
        }

    def with_callbacks(self, callbacks: Sequence[Callback]) -> Plan:
        """The same plan with callbacks of the user's."""
        return replace(self, callbacks=callbacks)
