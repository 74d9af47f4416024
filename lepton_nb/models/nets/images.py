"""Networks for pictures: float32 ``(N, C, H, W)``, normalised."""

from __future__ import annotations

from torch import Tensor, nn


class LeptonCNN(nn.Module):
    """The textbook CNN: two padded convolutions and two linear layers.

    The textbook writes ``nn.Linear(64 * 6 * 6, 128)`` for 32×32 pictures. A 3×3 convolution with padding 1
    keeps height and width, so the first linear layer takes ``64 * height * width`` features.

    Args:
        in_channels: 3 for colour, 1 for grey.
        num_classes: Logits.
        height: Pixels.
        width: Pixels.
    """

    def __init__(
        self, in_channels: int = 3, num_classes: int = 10, height: int = 32, width: int = 32
    ) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.num_classes = num_classes
        self.height = height
        self.width = width
        self.conv1 = nn.Conv2d(in_channels, 32, 3, padding=1)
        self.conv2 = nn.Conv2d(32, 64, 3, padding=1)
        self.fc1 = nn.Linear(64 * height * width, 128)
        self.fc2 = nn.Linear(128, num_classes)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """``(N, in_channels, height, width)`` to logits ``(N, num_classes)``."""
        x = self.relu(self.conv1(x))
        x = self.relu(self.conv2(x))
        x = x.flatten(1)
        x = self.relu(self.fc1(x))
        logits: Tensor = self.fc2(x)
        return logits


def conv_block(in_channels: int, out_channels: int) -> nn.Sequential:
    """3×3 convolution, batch normalisation, ReLU; height and width stay."""
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(inplace=True),
    )


class SmallCNN(nn.Module):
    """A quick network for tiny pictures, from 8×8: VGG in small.

    Two 3×3 convolutions at full size, one pooling, one more convolution, and the mean over what is left, so
    that any size fits. Simonyan & Zisserman, "Very Deep Convolutional Networks" (ICLR 2015), with batch
    normalisation.

    Args:
        in_channels: 3 for colour, 1 for grey.
        num_classes: Logits.
        width: Channels of the first layer; the last has four times as many.
    """

    def __init__(self, in_channels: int = 1, num_classes: int = 10, width: int = 32) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.num_classes = num_classes
        self.width = width
        self.body = nn.Sequential(
            conv_block(in_channels, width),
            conv_block(width, 2 * width),
            nn.MaxPool2d(2),
            conv_block(2 * width, 4 * width),
        )
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(4 * width, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """``(N, in_channels, H, W)`` with H and W at least 2, to logits ``(N, num_classes)``."""
        logits: Tensor = self.head(self.pool(self.body(x)).flatten(1))
        return logits


class Residual(nn.Module):
    """Two convolution blocks, added to what came in."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.block1 = conv_block(channels, channels)
        self.block2 = conv_block(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = x + self.block2(self.block1(x))
        return y


class ResNet9(nn.Module):
    """Nine layers, two of the stages residual: quick to train on 32×32 pictures.

    David Page, "How to Train Your ResNet" (Myrtle.ai, 2019), the winner of DAWNBench on CIFAR-10. The logits
    are scaled down, as his are, so that a high learning rate is stable.

    Args:
        in_channels: 3 for colour, 1 for grey.
        num_classes: Logits.
        width: Channels of the first layer; the last has eight times as many.
        logit_scale: What the logits are multiplied by.
    """

    def __init__(
        self, in_channels: int = 3, num_classes: int = 10, width: int = 64, logit_scale: float = 0.125
    ) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.num_classes = num_classes
        self.width = width
        self.logit_scale = logit_scale
        self.stem = conv_block(in_channels, width)
        self.stage1 = nn.Sequential(conv_block(width, 2 * width), nn.MaxPool2d(2), Residual(2 * width))
        self.stage2 = nn.Sequential(conv_block(2 * width, 4 * width), nn.MaxPool2d(2))
        self.stage3 = nn.Sequential(conv_block(4 * width, 8 * width), nn.MaxPool2d(2), Residual(8 * width))
        self.pool = nn.AdaptiveMaxPool2d(1)
        self.head = nn.Linear(8 * width, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """``(N, in_channels, H, W)`` with H and W at least 8, to logits ``(N, num_classes)``."""
        x = self.stage3(self.stage2(self.stage1(self.stem(x))))
        logits: Tensor = self.head(self.pool(x).flatten(1))
        return logits * self.logit_scale
