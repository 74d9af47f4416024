"""Making the optimizer, or checking the one the user made."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from lepton_nb.errors import TrainingError
from lepton_nb.training.blocks import layer_blocks
from lepton_nb.training.config import TrainConfig


def make_optimizer(model: nn.Module, config: TrainConfig) -> torch.optim.Optimizer:
    """The configured optimizer over the parameters that want a gradient.

    Weights decay; biases, norms and other vectors do not, as is customary. With ``lr_decay`` each block of
    layers learns slower by that factor than the one after it (Howard & Ruder 2018, arXiv:1801.06146); the
    last block, in the first group, has the full rate. Fused kernels are used where torch has them: on the CPU
    they cost half of the plain ones.
    """
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if not trainable:
        raise TrainingError(
            "The model has no parameter to train.", "Set requires_grad_(True) on some of them."
        )
    lr = config.peak_lr
    groups = []
    blocks = [trainable] if config.lr_decay == 1.0 else layer_blocks(model)[::-1]
    for depth, block in enumerate(blocks):
        rate = lr * config.lr_decay**depth
        for decay, matrices in ((config.weight_decay, True), (0.0, False)):
            params = [p for p in block if p.requires_grad and (p.ndim >= 2) is matrices]
            if params:
                groups.append({"params": params, "weight_decay": decay, "lr": rate})
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
