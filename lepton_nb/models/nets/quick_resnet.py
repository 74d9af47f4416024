"""A residual network that a laptop trains: for 32×32 pictures on a CPU."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lepton_nb.models.nets.images import Residual


def pooled_block(in_channels: int, out_channels: int) -> nn.Sequential:
    """3×3 convolution, 2×2 pooling, batch normalisation, ReLU: pooled first, the last two cost a quarter."""
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False),
        nn.MaxPool2d(2),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(inplace=True),
    )


class QuickResNet(nn.Module):
    """ResNet-9 made narrow: every stage halves the picture, the last two add a residual block.

    After David Page, "How to Train Your ResNet" (Myrtle.ai, 2019), with a pooling in the first stage and a
    fifth of the channels. The logits are scaled down, as his are, so that a high learning rate is stable.

    Args:
        in_channels: 3 for colour, 1 for grey.
        num_classes: Logits.
        widths: Channels of the three stages.
        logit_scale: What the logits are multiplied by.
    """

    def __init__(
        self,
        in_channels: int = 3,
        num_classes: int = 10,
        widths: Sequence[int] = (32, 64, 160),
        logit_scale: float = 0.2,
    ) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.num_classes = num_classes
        self.widths = tuple(widths)
        self.logit_scale = logit_scale
        first, second, third = widths
        self.features = nn.Sequential(
            pooled_block(in_channels, first),
            pooled_block(first, second),
            Residual(second),
            pooled_block(second, third),
            Residual(third),
        )
        self.head = nn.Linear(third, num_classes, bias=False)
        # Weights in this order make every convolution run channels-last: 1.1 to 1.5 times as fast on a CPU.
        self.to(memory_format=torch.channels_last)

    def forward(self, x: Tensor) -> Tensor:
        """``(N, in_channels, H, W)`` with H and W at least 8, to logits ``(N, num_classes)``."""
        logits: Tensor = self.head(self.features(x).amax(dim=(2, 3)))
        return logits * self.logit_scale
