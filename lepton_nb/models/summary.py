"""The layers of a model with their shapes and costs."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from lepton_nb.models.calling import Inputs


@dataclass(frozen=True)
class SummaryRow:
    """One layer."""

    name: str
    kind: str
    depth: int
    output_shape: tuple[int, ...]
    params: int
    mult_adds: int


@dataclass(frozen=True)
class Summary:
    """A table of layers and its totals."""

    rows: tuple[SummaryRow, ...]
    params: int
    trainable: int
    mult_adds: int
    memory_mb: float


def summarize(model: nn.Module, inputs: Inputs) -> Summary:
    params = sum(parameter.numel() for parameter in model.parameters())
    return Summary((), params, params, 0, 0.0)
