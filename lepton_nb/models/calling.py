"""How a batch goes into a model and what comes out of it.

A tensor goes in as it is, a tuple by position, a dict by name. Whatever comes out is seen as a tree of
tensors: a ``ModelOutput`` of transformers, a dataclass or a namedtuple as a dict of its tensors.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from lepton_nb.batch import Tree, leaves

Inputs = Tree


def call_model(model: Callable[..., Any], inputs: Inputs) -> Any:
    """``model(inputs)`` for a tensor, ``model(*inputs)`` for a tuple, ``model(**inputs)`` for a dict."""
    if isinstance(inputs, Tensor):
        return model(inputs)
    if isinstance(inputs, Mapping):
        return model(**inputs)
    return model(*inputs)


def home_of(model: nn.Module) -> torch.device:
    """The device that the model's first parameter is on; the CPU where it has none."""
    return next((parameter.device for parameter in model.parameters()), torch.device("cpu"))


def input_tensors(inputs: Inputs) -> tuple[Tensor, ...]:
    """The tensors of a batch's inputs, in order."""
    return tuple(leaves(inputs))


def as_tree(output: Any) -> Tree:
    """What a model returned, as a tensor, or a tuple or dict of its tensors; None where there is none."""
    if isinstance(output, Tensor):
        return output
    if dataclasses.is_dataclass(output) and not isinstance(output, type | Mapping):
        output = {field.name: getattr(output, field.name) for field in dataclasses.fields(output)}
    elif isinstance(output, tuple) and hasattr(output, "_asdict"):
        output = output._asdict()
    if isinstance(output, Mapping):
        parts = {str(name): as_tree(part) for name, part in output.items()}
        return {name: part for name, part in parts.items() if part is not None} or None
    if isinstance(output, tuple | list):
        found = tuple(part for part in map(as_tree, output) if part is not None)
        return found or None
    return None


def named_outputs(output: Any) -> dict[str, Tensor]:
    """What a model gives of each item, by name; a loss of its own and other single numbers are left out."""
    tree = as_tree(output)
    if tree is None:
        return {}
    if isinstance(tree, Tensor):
        tree = {"outputs": tree}
    elif isinstance(tree, tuple):
        tree = {f"output_{i}": part for i, part in enumerate(tree)}
    return {name: part for name, part in tree.items() if isinstance(part, Tensor) and part.dim()}


def scores_of(output: Any) -> Any:
    """What of an output usual losses and metrics look at: its ``logits`` where it has them, else itself."""
    if isinstance(output, Tensor):
        return output
    logits = output.get("logits") if isinstance(output, Mapping) else getattr(output, "logits", None)
    return logits if isinstance(logits, Tensor) else output


def own_loss_of(output: Any) -> Tensor | None:
    """The loss that a model computed itself and returned among its outputs."""
    if isinstance(output, Tensor):
        return None
    loss = output.get("loss") if isinstance(output, Mapping) else getattr(output, "loss", None)
    return loss if isinstance(loss, Tensor) and loss.numel() == 1 and loss.dtype != torch.int64 else None


def takes(model: torch.nn.Module, name: str) -> bool:
    """Whether ``forward`` takes an argument of that name."""
    return name in inspect.signature(model.forward).parameters
