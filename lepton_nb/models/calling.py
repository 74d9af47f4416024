"""How a batch goes into a model: one tensor as it is, several as positional arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

Inputs = Tensor | tuple[Tensor, ...]


def call_model(model: Callable[..., Any], inputs: Inputs) -> Any:
    """``model(inputs)`` for a tensor, ``model(*inputs)`` for a tuple of tensors."""
    if isinstance(inputs, (tuple, list)):
        return model(*inputs)
    return model(inputs)


def input_tensors(inputs: Inputs) -> tuple[Tensor, ...]:
    """The tensors of a batch's inputs, in order."""
    return tuple(inputs) if isinstance(inputs, (tuple, list)) else (inputs,)
