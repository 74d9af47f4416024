"""The losses of labels, which compare each output with 0 or 1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

BINARY = (nn.BCELoss, nn.BCEWithLogitsLoss, nn.MultiLabelSoftMarginLoss)


class LabelLoss(nn.BCEWithLogitsLoss):
    """Binary cross-entropy of logits; the target may be of any type, and ``(N,)`` where they are ``(N, 1)``.

    Args:
        positive_weights: How much a positive of each label weighs; 1 where None.
        smoothing: Targets move so far towards one half: 1 becomes ``1 - smoothing / 2``.
    """

    def __init__(self, positive_weights: Sequence[float] | None = None, smoothing: float = 0.0) -> None:
        weights = None if positive_weights is None else torch.tensor(list(positive_weights))
        super().__init__(pos_weight=weights)
        self.smoothing = smoothing

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        wanted = target.reshape(input.shape).to(input.dtype)
        return super().forward(input, wanted * (1 - self.smoothing) + self.smoothing / 2)


def label_outputs(loss: Any) -> Literal["logits", "probabilities"] | None:
    """What a loss takes the outputs for, if it compares each with 0 or 1; None for any other loss."""
    if isinstance(loss, nn.BCELoss) or loss is F.binary_cross_entropy:
        return "probabilities"
    return "logits" if isinstance(loss, BINARY) or loss is F.binary_cross_entropy_with_logits else None


def as_compared(loss: Any, target: Any) -> Any:
    """The target as a loss takes it: of labels 0.0 and 1.0, whatever type says 0 and 1; else as it is."""
    whole = isinstance(loss, BINARY) and isinstance(target, Tensor) and not target.is_floating_point()
    return target.float() if whole else target
