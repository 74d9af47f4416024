"""Making the optimizer, or checking the one the user made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from lepton_nb.errors import TrainingError
from lepton_nb.models.several import Models
from lepton_nb.training.blocks import layer_blocks
from lepton_nb.training.config import TrainConfig
from lepton_nb.training.several import Optimizers


def make_optimizers(
    model: nn.Module, config: TrainConfig, of_the_loss: Sequence[nn.Parameter] = (), *, apart: bool = False
) -> torch.optim.Optimizer:
    """The configured optimizer, or where several models move `apart` one for each, by the model's name."""
    if not (apart and isinstance(model, Models)):
        return make_optimizer(model, config, of_the_loss)
    return Optimizers({name: make_optimizer(part, config) for name, part in model.items()})


def make_optimizer(
    model: nn.Module, config: TrainConfig, of_the_loss: Sequence[nn.Parameter] = ()
) -> torch.optim.Optimizer:
    """The configured optimizer over the parameters that want a gradient, those of the loss included.

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
        for decay, params in _by_decay([p for p in block if p.requires_grad], config.weight_decay):
            groups.append({"params": params, "weight_decay": decay, "lr": rate})
    if of_the_loss:
        groups.append({"params": list(of_the_loss), "weight_decay": 0.0, "lr": lr})
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


def _by_decay(parameters: list[nn.Parameter], decay: float) -> list[tuple[float, list[nn.Parameter]]]:
    """Which weight decay goes with which parameters; few groups, for each costs a kernel launch a step."""
    if decay == 0.0:
        return [(0.0, parameters)] if parameters else []
    matrices = [p for p in parameters if p.ndim >= 2]
    vectors = [p for p in parameters if p.ndim < 2]
    return [(rate, group) for rate, group in ((decay, matrices), (0.0, vectors)) if group]


def use_fused(optimizer: torch.optim.Optimizer) -> bool:
    """Switch one of torch's own optimizers to its fused kernels, if the user has left the choice open.

    The update is the same, done in one pass; it differs in rounding, in the last bit or two.

    Returns:
        Whether it was switched.
    """
    kinds = (torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW, torch.optim.Adagrad)
    groups = optimizer.param_groups
    parameters = [p for group in groups for p in group["params"]]
    open_choice = all(
        group.get("fused", False) is None and not group.get("foreach") and not group.get("differentiable")
        for group in groups
    )
    if type(optimizer) not in kinds or not open_choice or not _fused(parameters):
        return False
    if any(isinstance(group["lr"], torch.Tensor) or group.get("capturable") for group in groups):
        return False
    for group in groups:
        group["fused"] = True
    # What the constructor would have set.
    optimizer._step_supports_amp_scaling = True  # type: ignore[attr-defined]
    optimizer._need_device_dtype_check_for_fused = True  # type: ignore[attr-defined]
    for state in optimizer.state.values():
        if isinstance(step := state.get("step"), torch.Tensor):
            state["step"] = step.to(parameters[0].device, torch.float32)
    return True


def _fused(parameters: list[nn.Parameter]) -> bool:
    return all(p.is_floating_point() and p.device.type in ("cpu", "cuda", "mps", "xpu") for p in parameters)


def check_optimizer(optimizer: Any, model: nn.Module, *, by_loop: bool = True) -> torch.optim.Optimizer:
    """The user's optimizer, if it is one and moves this model.

    Args:
        by_loop: Whether the loop steps it, and not a step of the user's.

    Raises:
        TrainingError: If it is not an optimizer, or holds other parameters than the model's.
    """
    parts = optimizer.parts.values() if isinstance(optimizer, Optimizers) else [optimizer]
    wrong = next((part for part in parts if not isinstance(part, torch.optim.Optimizer)), None)
    if wrong is not None:
        raise TrainingError(
            f"The optimizer is a {type(wrong).__name__}; expected a torch.optim.Optimizer.",
            "Make it with torch.optim.Adam(model.parameters(), lr=1e-3), or name one: --optimizer adamw",
        )
    if by_loop and isinstance(optimizer, torch.optim.LBFGS):
        raise TrainingError(
            "LBFGS computes the loss several times a step, so it takes a step of yours.",
            "def step(model, batch, optimizer): return optimizer.step(closure), and --step step",
        )
    held = {id(p) for group in optimizer.param_groups for p in group["params"]}
    own = {id(p) for p in model.parameters()}
    if not held & own:
        raise TrainingError(
            "The optimizer holds the parameters of another model, so this one would never change.",
            "Run the cell that makes the optimizer again, after the one that makes the model.",
        )
    found: torch.optim.Optimizer = optimizer
    return found


def forgotten(optimizer: torch.optim.Optimizer, of_the_loss: Sequence[nn.Parameter]) -> str | None:
    """A warning where the loss has parameters that the user's own optimizer does not hold."""
    held = {id(p) for group in optimizer.param_groups for p in group["params"]}
    missing = sum(id(parameter) not in held for parameter in of_the_loss)
    if not missing:
        return None
    return (
        f"The loss has {missing} parameter{'s' * (missing > 1)} that your optimizer does not hold, so they "
        f"stay as they are: {type(optimizer).__name__}([*model.parameters(), *loss.parameters()], …)"
    )


def forget_gradients(optimizer: torch.optim.Optimizer) -> Callable[[], None]:
    """What `Optimizer.zero_grad` does, without its label for torch's profiler, which costs more than it does.

    An optimizer with a `zero_grad` of its own keeps it.
    """
    if type(optimizer).zero_grad is not torch.optim.Optimizer.zero_grad:
        return optimizer.zero_grad
    groups = optimizer.param_groups

    def forget() -> None:
        for group in groups:
            for parameter in group["params"]:
                parameter.grad = None

    return forget


def move_optimizer(optimizer: torch.optim.Optimizer, device: torch.device) -> None:
    """Move the optimizer's state to `device`, where its parameters went."""
    for state in optimizer.state.values():
        for key, value in state.items():
            # A step counter stays where the optimizer put it: only fused kernels want it on the device.
            if isinstance(value, torch.Tensor) and value.ndim > 0:
                state[key] = value.to(device)
