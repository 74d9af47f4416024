"""Remembering the user's own optimizer and loss as plain JSON, so that a run resumes without the notebook.

Objects of torch's own classes are described by class and arguments and made again. Anything else is only
named, and `resume` then asks for it.
"""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch import nn

from lepton_nb.errors import TrainingError

_PLAIN = (bool, int, float, str, type(None))


def describe_optimizer(optimizer: torch.optim.Optimizer | None, model: nn.Module) -> dict[str, Any] | None:
    """Class and arguments of an optimizer with one group over all parameters, in the model's order."""
    if optimizer is None:
        return None
    kind = type(optimizer)
    described: dict[str, Any] = {"class": kind.__name__, "kwargs": None}
    groups = optimizer.param_groups
    same = len(groups) == 1 and [id(p) for p in groups[0]["params"]] == [id(p) for p in model.parameters()]
    if same and getattr(torch.optim, kind.__name__, None) is kind:
        described["kwargs"] = _arguments(kind, groups[0])
    return described


def describe_loss(loss: Any) -> dict[str, Any] | None:
    """Class and arguments of a loss of ``torch.nn`` without tensors in it."""
    if loss is None or isinstance(loss, str):
        return None
    kind = type(loss)
    described: dict[str, Any] = {"class": getattr(loss, "__name__", kind.__name__), "kwargs": None}
    if getattr(nn, kind.__name__, None) is kind and not list(loss.buffers()):
        described["kwargs"] = _arguments(kind, vars(loss))
    return described


def make_optimizer_again(described: dict[str, Any], model: nn.Module, run: str) -> torch.optim.Optimizer:
    """The optimizer that `describe_optimizer` described, over the parameters of `model`.

    Raises:
        TrainingError: If only the user can make it.
    """
    _require(described, "optimizer", run)
    optimizer: torch.optim.Optimizer = getattr(torch.optim, described["class"])(
        model.parameters(), **described["kwargs"]
    )
    return optimizer


def make_loss_again(described: dict[str, Any], run: str) -> nn.Module:
    """The loss that `describe_loss` described.

    Raises:
        TrainingError: If only the user can make it.
    """
    _require(described, "loss", run)
    loss: nn.Module = getattr(nn, described["class"])(**described["kwargs"])
    return loss


def _arguments(kind: type, values: Any) -> dict[str, Any] | None:
    """The constructor's arguments found in `values`; None where one is no plain value."""
    names = [name for name in inspect.signature(kind).parameters if name in values and name != "params"]
    found = {name: values[name] for name in names}
    plain = all(
        isinstance(value, _PLAIN)
        or (isinstance(value, tuple) and all(isinstance(part, _PLAIN) for part in value))
        for value in found.values()
    )
    return found if plain else None


def _require(described: dict[str, Any], what: str, run: str) -> None:
    if described["kwargs"] is None:
        raise TrainingError(
            f"Run {run} used your own {what} ({described['class']}), which cannot be made again from disk.",
            f"Give it again: %lepton resume {run} --{what} VARIABLE",
        )
