"""What works but is probably not meant: the warnings of a check."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from lepton_nb.models.check.failures import label

_SHOWN = 4


def output_warnings(output: Tensor, loss: object) -> list[str]:
    """An output that the loss would transform a second time.

    Args:
        output: Model outputs ``(N, C)`` or ``(N, T)``.
        loss: The loss module.
    """
    scores = output.detach().float()
    low, high = float(scores.min()), float(scores.max())
    if isinstance(loss, nn.CrossEntropyLoss) and scores.dim() == 2 and scores.shape[1] > 1:
        if low >= 0 and _ones(scores.sum(1)):
            return [
                "The output is already a softmax, and CrossEntropyLoss applies its own: "
                "return the logits (training is slow and stalls otherwise)."
            ]
        if high <= 0 and _ones(scores.exp().sum(1)):
            return [
                "The output is already a log_softmax, and CrossEntropyLoss applies its own: "
                "return the logits, or use nn.NLLLoss."
            ]
        if low == 0 and float((scores == 0).float().mean()) > 0.1:
            return ["The output is never negative: drop the ReLU after the last layer."]
    if isinstance(loss, nn.NLLLoss) and not (high <= 0 and _ones(scores.exp().sum(1))):
        return [
            "NLLLoss takes log-probabilities: return F.log_softmax(x, dim=1), or use nn.CrossEntropyLoss."
        ]
    if isinstance(loss, nn.BCEWithLogitsLoss) and low >= 0 and high <= 1:
        return ["The output is already a sigmoid, and BCEWithLogitsLoss applies its own: return the logits."]
    return []


def _ones(sums: Tensor) -> bool:
    return bool(torch.allclose(sums, torch.ones_like(sums), atol=1e-3))


def gradient_warnings(model: nn.Module) -> list[str]:
    """The layers that the loss does not reach: trainable, but without a gradient after ``backward``."""
    unreached = {
        name.rpartition(".")[0] or name: None
        for name, parameter in model.named_parameters()
        if parameter.requires_grad and parameter.grad is None
    }
    if not unreached:
        return []
    return [
        f"{_names(unreached)} {_get(unreached)} no gradient: the loss does not depend on "
        f"{_it(unreached)}; does forward use {_it(unreached)}?"
    ]


def buffer_warnings(model: nn.Module) -> list[str]:
    """Tensors kept as plain attributes: neither saved with the model nor moved to its device."""
    plain = [
        f"{name}.{attribute}" if name else attribute
        for name, module in model.named_modules()
        if not type(module).__module__.startswith("torch.")
        for attribute, value in vars(module).items()
        if type(value) is Tensor
    ]
    return [
        f"{_names([name])} is a plain tensor: it is not saved and stays on its device; write "
        f"self.register_buffer({name.rpartition('.')[2]!r}, …)."
        for name in plain[:_SHOWN]
    ]


def order_warning(name: str, module: nn.Module, x: Tensor, batch_size: int) -> str | None:
    """A recurrent or attention layer that takes the batch for time."""
    if getattr(module, "batch_first", True):
        return None
    if x.dim() == 3 and x.shape[0] == batch_size != x.shape[1]:
        return (
            f"{label(name, module)} takes dimension 0 for time, but gets (N, {x.shape[1]}, {x.shape[2]}) "
            "with the batch first: add batch_first=True."
        )
    return None


def unbatched_warning(name: str, module: nn.Module, x: Tensor, batch_size: int) -> str | None:
    """A recurrent layer given one step an item: it takes the whole batch for one sequence."""
    if isinstance(module, nn.RNNBase) and x.dim() == 2 and x.shape[0] == batch_size:
        return (
            f"{label(name, module)} gets (N, {x.shape[1]}) and takes the batch for one sequence: "
            "give it (N, L, features), with x.unsqueeze(1) for a single step."
        )
    return None


def _names(names: Iterable[str]) -> str:
    every = [f"`{name}`" for name in names]
    return ", ".join(every[:_SHOWN]) + (f" and {len(every) - _SHOWN} more" if len(every) > _SHOWN else "")


def _get(names: dict[str, None]) -> str:
    return "gets" if len(names) == 1 else "get"


def _it(names: dict[str, None]) -> str:
    return "it" if len(names) == 1 else "them"
