"""Tiny real models and data for the training tests."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lepton_nb import data
from lepton_nb.data import DataBundle


class TinyNet(nn.Module):
    """Batch norm and dropout: state and randomness, so that a careless resume shows."""

    def __init__(self, hidden: int = 16) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(6, hidden), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Dropout(0.2), nn.Linear(hidden, 3)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)


def blobs(items: int = 240, seed: int = 0) -> DataBundle:
    """Three separable classes in six dimensions."""
    generator = torch.Generator().manual_seed(seed)
    target = torch.arange(items) % 3
    centres = 2 * torch.randn(3, 6, generator=generator)
    inputs = centres[target] + torch.randn(items, 6, generator=generator)
    return data.arrays(inputs, target, name="blobs")


def same_weights(a: nn.Module, b: nn.Module) -> bool:
    """Whether two models are equal bit by bit, buffers included."""
    left, right = a.state_dict(), b.state_dict()
    return left.keys() == right.keys() and all(torch.equal(left[key], right[key]) for key in left)
