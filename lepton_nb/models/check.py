"""One real batch through a model before anything trains."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from lepton_nb.models.calling import Inputs, call_model


@dataclass
class CheckReport:
    """What the batch showed.

    Attributes:
        input_shapes: Shapes of what went in, with the batch dimension.
        output_shape: Shape of what came out.
        loss: The loss of the batch, before any training.
        warnings: What works but is probably not meant, one sentence each.
    """

    input_shapes: list[tuple[int, ...]]
    output_shape: tuple[int, ...]
    loss: float
    warnings: list[str] = field(default_factory=list)


def check_model(
    model: nn.Module,
    inputs: Inputs,
    target: Tensor,
    *,
    loss: Callable[[Tensor, Tensor], Tensor],
    num_classes: int | None = None,
    task: str = "",
) -> CheckReport:
    output = call_model(model, inputs)
    value = loss(output, target)
    return CheckReport([], tuple(output.shape), float(value))
