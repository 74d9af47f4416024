"""The user's own training objects, and remembering them as plain JSON, so that a run resumes without them.

One of torch's own classes is described by class and arguments and made again. Anything else is only named,
and `resume` then asks for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from lepton_nb.models.losses import plain_arguments, require_arguments


@dataclass(frozen=True)
class Own:
    """What the user brings of a training; what is None the settings make.

    Attributes:
        optimizer: A ``torch.optim.Optimizer``, the name of one, or several by name.
        loss: A callable ``loss(preds, target)``.
        scheduler: A ``torch.optim.lr_scheduler``, or what makes one of an optimizer.
        step: ``step(model, batch)`` or ``step(model, batch, optimizers)``, in place of a loss.
        metrics: Objects of torchmetrics or functions of outputs and target, by name.
    """

    optimizer: Any = None
    loss: Any = None
    scheduler: Any = None
    step: Any = None
    metrics: Mapping[str, Any] | None = None


def describe_optimizer(optimizer: torch.optim.Optimizer | None, model: nn.Module) -> dict[str, Any] | None:
    """Class and arguments of an optimizer with one group over all parameters, in the model's order."""
    if optimizer is None:
        return None
    kind = type(optimizer)
    described: dict[str, Any] = {"class": kind.__name__, "kwargs": None}
    groups = optimizer.param_groups
    same = len(groups) == 1 and [id(p) for p in groups[0]["params"]] == [id(p) for p in model.parameters()]
    if same and getattr(torch.optim, kind.__name__, None) is kind:
        described["kwargs"] = plain_arguments(kind, groups[0])
    return described


def make_optimizer_again(described: dict[str, Any], model: nn.Module, run: str) -> torch.optim.Optimizer:
    """The optimizer that `describe_optimizer` described, over the parameters of `model`.

    Raises:
        TrainingError: If only the user can make it.
    """
    require_arguments(described, "optimizer", run)
    optimizer: torch.optim.Optimizer = getattr(torch.optim, described["class"])(
        model.parameters(), **described["kwargs"]
    )
    return optimizer
