"""What a run really uses, for its record, and the settings that the user's own objects decide instead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from lepton_nb.data import DataBundle
from lepton_nb.data.own.splits import LoaderSplit
from lepton_nb.errors import ArgumentError
from lepton_nb.training.config import TrainConfig

_OF_THE_OPTIMIZER = ("weight_decay", "momentum", "lr_decay")
_OF_THE_LOSS = {"label_smoothing": 0.0, "class_weights": "none"}


def check_used(
    config: Mapping[str, Any], optimizer: torch.optim.Optimizer | None, loss: Any, bundle: DataBundle
) -> None:
    """Refuse settings that were asked for and that an object of the user's decides instead.

    Args:
        config: The settings given, without defaults.

    Raises:
        ArgumentError: If there is one; says where to set it.
    """
    if optimizer is not None:
        kind = type(optimizer).__name__
        for name in _OF_THE_OPTIMIZER:
            if name in config:
                _refuse(name, f"your own optimizer, {kind}", _in_optimizer(name, kind))
    if loss is not None:
        for name, off in _OF_THE_LOSS.items():
            if config.get(name, off) != off:
                _refuse(name, "your own loss", "Give it to the loss, as in nn.CrossEntropyLoss(…).")
    own = _own_batch_size(bundle)
    if own is not None and config.get("batch_size", own) != own:
        _refuse("batch_size", f"your own DataLoader, of {own} items a batch", "Set it in DataLoader(…).")


def used(
    settings: TrainConfig, optimizer: torch.optim.Optimizer | None, loss: Any, bundle: DataBundle
) -> dict[str, Any]:
    """The settings as they take effect: with the user's own optimizer, loss and loader in place of ours."""
    found = settings.to_dict()
    found["lr"] = settings.peak_lr
    if settings.optimizer in ("adam", "adamw"):
        found["momentum"] = None
    if optimizer is not None:
        found |= _of_optimizer(optimizer, settings.lr)
    if loss is not None:
        found["loss"] = loss_name(loss)
    own = _own_batch_size(bundle)
    return found if own is None else {**found, "batch_size": own}


def loss_name(loss: Any) -> str:
    """What people call a loss: its class, its function's name, or the name it was given by."""
    return loss if isinstance(loss, str) else str(getattr(loss, "__name__", type(loss).__name__))


def _of_optimizer(optimizer: torch.optim.Optimizer, lr: float | None) -> dict[str, Any]:
    """Class and numbers of an optimizer; where groups differ, a list of one number a group."""
    groups = optimizer.param_groups
    found: dict[str, Any] = {"optimizer": type(optimizer).__name__, "lr_decay": 1.0}
    for name in ("lr", "weight_decay", "momentum"):
        values = [None if name not in group else float(group[name]) for group in groups]
        found[name] = values[0] if len(set(values)) == 1 else values
    return found if lr is None else {**found, "lr": lr}


def _own_batch_size(bundle: DataBundle) -> int | None:
    """The batch size of the user's own training loader; None where batches are made here."""
    split = bundle.train
    return split.loader(batch_size=1).batch_size if isinstance(split, LoaderSplit) else None


def _in_optimizer(name: str, kind: str) -> str:
    if name == "lr_decay":
        return "Give its parameter groups rates of their own."
    return f"Set it there: {kind}(model.parameters(), …, {name}=…)"


def _refuse(name: str, owner: str, hint: str) -> None:
    option = "--" + name.replace("_", "-")
    raise ArgumentError(f"{option} has no effect beside {owner}.", f"Leave it out. {hint}")
