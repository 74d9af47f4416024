"""What a run really uses, for its record, and the settings that the user's own objects decide instead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch.optim.lr_scheduler import LRScheduler

from lepton_nb.data import DataBundle
from lepton_nb.data.own.splits import LoaderSplit
from lepton_nb.errors import ArgumentError
from lepton_nb.models.losses import own_name
from lepton_nb.models.stepping import moves_itself
from lepton_nb.training.config import TrainConfig
from lepton_nb.training.own import Own
from lepton_nb.training.scheduling import Scheduling
from lepton_nb.training.several import kinds_of

_OF_THE_OPTIMIZER = ("weight_decay", "momentum", "lr_decay")
_OF_THE_LOSS = {"label_smoothing": 0.0, "class_weights": "none"}


def check_used(
    config: Mapping[str, Any], optimizer: torch.optim.Optimizer | None, own: Own, bundle: DataBundle
) -> None:
    """Refuse settings that were asked for and that an object of the user's decides instead.

    Args:
        config: The settings given, without defaults.

    Raises:
        ArgumentError: If there is one; says where to set it.
    """
    if optimizer is not None:
        kind = kinds_of(optimizer)
        for name in _OF_THE_OPTIMIZER:
            if name in config:
                _refuse(name, f"your own optimizer, {kind}", _in_optimizer(name, kind))
    if own.loss is not None or own.step is not None:
        what = "loss" if own.step is None else "step"
        for name, off in _OF_THE_LOSS.items():
            if config.get(name, off) != off:
                _refuse(name, f"your own {what}", f"Give it to the {what}, as in nn.CrossEntropyLoss(…).")
    if own.scheduler is not None:
        _check_beside_scheduler(config, own.scheduler)
    elif config.get("scheduler_by", "auto") != "auto":
        _refuse("scheduler_by", "the settings' schedule", "It is for --scheduler, a scheduler of your own.")
    if own.step is not None:
        _check_beside_step(config, own.step)
    items = _own_batch_size(bundle)
    if items is not None and config.get("batch_size", items) != items:
        _refuse("batch_size", f"your own DataLoader, of {items} items a batch", "Set it in DataLoader(…).")


def _check_beside_scheduler(config: Mapping[str, Any], scheduler: Any) -> None:
    name = own_name(scheduler)
    for setting in ("schedule", "warmup", "drop", "drop_after"):
        if setting in config:
            _refuse(setting, f"your own scheduler, {name}", "The scheduler alone moves the rates.")
    if "lr" in config and isinstance(scheduler, LRScheduler):
        _refuse(
            "lr", f"your own scheduler, {name}", "Give it to the optimizer, and make the scheduler after."
        )


def _check_beside_step(config: Mapping[str, Any], step: Any) -> None:
    """Refuse settings of which only the user's step can do what they ask for."""
    moves, name = moves_itself(step), own_name(step)
    off = {"mixup": 0.0, "cutmix": 0.0, **({"accumulation": 1, "clip": None} if moves else {})}
    for setting, value in off.items():
        if config.get(setting, value) != value:
            _refuse(setting, f"your own step, {name}", "Do it in the step.")
    if config.get("autotune", "off") != "off":
        _refuse("autotune", f"your own step, {name}", "It measures loss(model(inputs), target).")
    if not moves:
        return
    if config.get("precision") == "fp16":
        _refuse("precision fp16", f"a step that goes backward itself, {name}", "Take bf16, or scale there.")
    if config.get("on_nan") == "skip":
        _refuse("on_nan skip", f"a step that goes backward itself, {name}", "Leave such a batch out there.")
    if config.get("profile"):
        _refuse("profile", f"a step that goes backward itself, {name}", "Use torch.profiler in it.")


def used(
    settings: TrainConfig,
    optimizer: torch.optim.Optimizer | None,
    loss: Any,
    bundle: DataBundle,
    scheduling: Scheduling | None = None,
) -> dict[str, Any]:
    """The settings as they take effect: with the user's own optimizer, loss and loader in place of ours."""
    found = settings.to_dict()
    found["lr"] = settings.peak_lr
    if settings.optimizer in ("adam", "adamw"):
        found["momentum"] = None
    if optimizer is not None:
        found |= _of_optimizer(optimizer, settings.lr)
    if scheduling is not None:
        found["schedule"] = scheduling.described["class"]
    if loss is not None:
        found["loss"] = own_name(loss)
    own = _own_batch_size(bundle)
    return found if own is None else {**found, "batch_size": own}


def _of_optimizer(optimizer: torch.optim.Optimizer, lr: float | None) -> dict[str, Any]:
    """Class and numbers of an optimizer; where groups differ, a list of one number a group."""
    groups = optimizer.param_groups
    found: dict[str, Any] = {"optimizer": kinds_of(optimizer), "lr_decay": 1.0}
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
