"""A network for rows of numbers."""

from __future__ import annotations

from torch import Tensor, nn


class MLP(nn.Module):
    """Linear → ReLU → dropout, `depth` times, then a linear head.

    The plain MLP that Gorishniy et al., "Revisiting Deep Learning Models for Tabular Data" (NeurIPS 2021),
    found to be a strong baseline. No batch normalisation, so a batch of one trains too.

    Args:
        in_features: Numbers in a row, ``F``.
        num_outputs: Classes, or values to predict.
        hidden: Width of each hidden layer.
        depth: Hidden layers.
        dropout: Share of the hidden values dropped in training.
    """

    def __init__(
        self, in_features: int, num_outputs: int, hidden: int = 128, depth: int = 2, dropout: float = 0.1
    ) -> None:
        super().__init__()
        self.in_features = in_features
        self.num_outputs = num_outputs
        self.hidden = hidden
        self.depth = depth
        self.dropout = dropout
        layers: list[nn.Module] = []
        for index in range(depth):
            layers += [
                nn.Linear(in_features if index == 0 else hidden, hidden),
                nn.ReLU(),
                nn.Dropout(dropout),
            ]
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(hidden if depth else in_features, num_outputs)

    def forward(self, features: Tensor) -> Tensor:
        """``(N, F)`` float32 to ``(N, num_outputs)``."""
        logits: Tensor = self.head(self.body(features))
        return logits
