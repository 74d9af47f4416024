"""A small detector to start from, and the way from a detector's maps to its candidates."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lepton_nb.tasks.detection.boxes import CANDIDATES, LEAST_SCORE, NOTHING, OVERLAP

Maps = Mapping[str, Tensor]
"""``heat``, logits ``(N, classes, h, w)`` of the middle of an object, and ``boxes`` ``(N, 4, h, w)`` of
left, top, right, bottom in pixels of the input, of the object whose middle lies there."""


class SmallDetector(nn.Module):
    """A detector without anchors: is the middle of an object in these 8 × 8 pixels, and how large is it?

    One level at stride 8, to which stride 16 is added. After "Objects as Points" (Zhou et al. 2019) with the
    distances to four sides of FCOS (Tian et al. 2019).

    Args:
        in_channels: 3 for colour.
        num_classes: Kinds of objects.
        width: Channels of the first layer.
    """

    stride = 8

    def __init__(self, in_channels: int = 3, num_classes: int = 1, width: int = 16) -> None:
        super().__init__()
        self.in_channels, self.num_classes, self.width = in_channels, num_classes, width
        fine, coarse = 4 * width, 6 * width
        self.fine = nn.Sequential(
            _conv(in_channels, width, 2),
            _conv(width, 2 * width, 2),
            _Residual(2 * width),
            _conv(2 * width, fine, 2),
            _Residual(fine),
        )
        self.coarse = nn.Sequential(_conv(fine, coarse, 2), _Residual(coarse), _Residual(coarse))
        self.lateral = nn.Conv2d(coarse, fine, 1)
        self.smooth = _conv(fine, fine)
        self.heat = nn.Sequential(_conv(fine, fine), nn.Conv2d(fine, num_classes, 1))
        self.sides = nn.Sequential(_conv(fine, fine), nn.Conv2d(fine, 4, 1))
        _begin_with(self.heat[1], -2.2)  # objects are rare: a first score of 0.1
        _begin_with(self.sides[1], 0.7)  # and some two cells to each side

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """``(N, in_channels, H, W)`` to the `Maps` of its cells."""
        fine = self.fine(image)
        coarse = F.interpolate(self.lateral(self.coarse(fine)), size=fine.shape[-2:], mode="nearest")
        features = self.smooth(fine + coarse)
        sides = self.sides(features).float().clamp(max=5).exp() * self.stride
        middle = middles(sides.shape[-2], sides.shape[-1], self.stride, sides.device)
        return {
            "heat": self.heat(features),
            "boxes": torch.cat([middle - sides[:, :2], middle + sides[:, 2:]], dim=1),
        }


class Candidates(nn.Module):
    """A detector as a service runs it: pictures to the likeliest boxes, without anything that their number
    depends on. What overlaps is left in; see `boxes.select`.
    """

    def __init__(self, detector: nn.Module) -> None:
        super().__init__()
        self.detector = detector

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """``(N, C, H, W)`` to boxes ``(N, K, 4)``, scores and labels ``(N, K)``, and limits ``(N, 2)``."""
        return candidates(self.detector(image))


def candidates(maps: Maps) -> tuple[Tensor, ...]:
    """The highest peaks of the heat with their boxes, and the limits for `boxes.select`."""
    scores = maps["heat"].float().sigmoid()
    peaks = scores * (F.max_pool2d(scores, 3, 1, 1) == scores)
    cells = scores.shape[-2] * scores.shape[-1]
    best, place = peaks.flatten(1).topk(min(CANDIDATES, peaks[0].numel()), dim=1)
    boxes = maps["boxes"].float().flatten(2).transpose(1, 2)
    boxes = boxes.gather(1, (place % cells)[..., None].expand(-1, -1, 4))
    labels = torch.where(best >= LEAST_SCORE, place // cells, NOTHING)
    limits = torch.tensor([[OVERLAP, float(CANDIDATES)]], device=best.device)
    return boxes, best, labels, limits.expand(len(best), 2)


def middles(rows: int, columns: int, stride: float, device: torch.device) -> Tensor:
    """The middle of each cell: x and y in pixels, ``(2, rows, columns)``."""
    y = (torch.arange(rows, device=device) + 0.5) * stride
    x = (torch.arange(columns, device=device) + 0.5) * stride
    return torch.stack([x.expand(rows, columns), y[:, None].expand(rows, columns)])


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = _conv(channels, channels)
        self.second = nn.Sequential(*list(_conv(channels, channels))[:2])

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.second(self.first(x)))


def _conv(in_channels: int, out_channels: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 3, stride, 1, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(inplace=True),
    )


def _begin_with(layer: nn.Module, value: float) -> None:
    assert isinstance(layer, nn.Conv2d)
    assert layer.bias is not None
    nn.init.constant_(layer.bias, value)
