"""Making the optimizer, or checking the one the user made."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from lepton_nb.errors import TrainingError
from lepton_nb.training.config import TrainConfig


def make_optimizer(model: nn.Module, config: TrainConfig) -> torch.optim.Optimizer:
    """The configured optimizer over the parameters that want a gradient.

    Weights decay; biases, norms and other vectors do not, as is customary. Fused kernels are used where
    torch has them: on the CPU they cost half of the plain ones.
    """
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if not trainable:
        raise TrainingError(
            "The model has no parameter to train.", "Set requires_grad_(True) on some of them."
        )
    groups = [
        {"params": [p for p in trainable if p.ndim >= 2], "weight_decay": config.weight_decay},
        {"params": [p for p in trainable if p.ndim < 2], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    lr = config.peak_lr
    match config.optimizer:
        case "sgd":
            nesterov = config.momentum > 0
            return torch.optim.SGD(
                groups, lr=lr, momentum=config.momentum, nesterov=nesterov, fused=_fused(trainable)
            )
        case "rmsprop":
            return torch.optim.RMSprop(groups, lr=lr, momentum=config.momentum)
        case "adam":
            return torch.optim.Adam(groups, lr=lr, fused=_fused(trainable))
        case _:
            return torch.optim.AdamW(groups, lr=lr, fused=_fused(trainable))


def _fused(parameters: list[nn.Parameter]) -> bool:
    return all(p.is_floating_point() and p.device.type in ("cpu", "cuda", "mps", "xpu") for p in parameters)


def check_optimizer(optimizer: Any, model: nn.Module) -> torch.optim.Optimizer:
    """The user's optimizer, if it is one and moves this model.

    Raises:
        TrainingError: If it is not an optimizer, or holds other parameters than the model's.
    """
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise TrainingError(
            f"The optimizer is a {type(optimizer).__name__}; expected a torch.optim.Optimizer.",
            "Make it with torch.optim.Adam(model.parameters(), lr=1e-3), or name one: --optimizer adamw",
        )
    held = {id(p) for group in optimizer.param_groups for p in group["params"]}
    own = {id(p) for p in model.parameters()}
    if not held & own:
        raise TrainingError(
            "The optimizer holds the parameters of another model, so this one would never change.",
            "Run the cell that makes the optimizer again, after the one that makes the model.",
        )
    return optimizer


def move_optimizer(optimizer: torch.optim.Optimizer, device: torch.device) -> None:
    """Move the optimizer's state to `device`, where its parameters went."""
    for state in optimizer.state.values():
        for key, value in state.items():
            # A step counter stays where the optimizer put it: only fused kernels want it on the device.
            if isinstance(value, torch.Tensor) and value.ndim > 0:
                state[key] = value.to(device)
