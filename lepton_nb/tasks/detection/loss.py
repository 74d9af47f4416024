"""The loss of a detector's maps: where middles of objects are, and how well its boxes cover them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from lepton_nb.batch import Batch
from lepton_nb.errors import ModelError
from lepton_nb.models.calling import call_model
from lepton_nb.signature import Signature
from lepton_nb.tasks.detection.boxes import NOTHING
from lepton_nb.tasks.detection.calling import call_whole, is_whole
from lepton_nb.tasks.detection.nets import middles

_SPREAD = 9  # a middle's heat falls off over this part of the object's side
_NARROWEST = 3.0  # pixels
_LEAST_WEIGHT = 0.3  # of a cell beside the middle, in the loss of boxes
_BOXES = 2.0  # weight of the boxes beside the heat


class DetectionLoss(nn.Module):
    """Focal loss of the heat (Zhou et al. 2019) and generalised IoU of the boxes (Rezatofighi et al. 2019).

    Of a model that computes its loss itself, that.
    """

    def __init__(self, signature: Signature) -> None:
        super().__init__()
        self.signature = signature
        self.classes, self.height = len(signature.class_names), signature.preprocessing["size"][0]

    def called(self, model: nn.Module, batch: Batch) -> Any:
        """What a model gives for a batch: maps, or its losses; objects in evaluation instead of those."""
        if is_whole(model):
            return call_whole(model, *batch, self.signature)
        return call_model(model, batch[0])

    def forward(self, outputs: Any, target: Mapping[str, Tensor]) -> Tensor | None:
        """Maps of a model, and boxes ``(N, K, 4)`` with labels ``(N, K)``, to one number; None for objects.

        Raises:
            ModelError: If the model gives something else than maps.
        """
        if isinstance(outputs, Mapping) and ("loss" in outputs or "scores" in outputs):
            return outputs.get("loss")
        heat, boxes = _checked(outputs, self.classes)
        stride = self.height / heat.shape[-2]
        wanted, where, weight = aims(target["boxes"], target["labels"], self.classes, heat.shape[-2:], stride)
        covered = generalised_iou(boxes.float().movedim(1, -1), where)
        missed = ((1 - covered) * weight).sum() / weight.sum().clamp(min=1e-6)
        return focal(heat.float(), wanted) + _BOXES * missed


def aims(
    boxes: Tensor, labels: Tensor, classes: int, cells: tuple[int, ...], stride: float
) -> tuple[Tensor, Tensor, Tensor]:
    """What maps shall be: heat ``(N, classes, h, w)``, boxes ``(N, h, w, 4)`` and their weight ``(N, h, w)``.

    A cell next to the middle of several objects takes the nearest.
    """
    rows, columns = cells
    x, y = middles(rows, columns, stride, boxes.device)
    real = (labels != NOTHING)[..., None, None]
    middle, side = (boxes[..., :2] + boxes[..., 2:]) / 2, boxes[..., 2:] - boxes[..., :2]
    cell = (middle / stride).floor()
    dx = x - ((cell[..., 0].clamp(0, columns - 1) + 0.5) * stride)[..., None, None]
    dy = y - ((cell[..., 1].clamp(0, rows - 1) + 0.5) * stride)[..., None, None]
    spread = (side / _SPREAD).clamp(min=_NARROWEST)[..., None, None]
    bell = torch.exp(-(dx**2 / (2 * spread[:, :, 0] ** 2) + dy**2 / (2 * spread[:, :, 1] ** 2))) * real
    heat = torch.stack(
        [(bell * (labels == label)[..., None, None]).amax(dim=1) for label in range(classes)], 1
    )
    near = real & (dx.abs() <= 1.01 * stride) & (dy.abs() <= 1.01 * stride)
    far = (x - middle[..., 0, None, None]) ** 2 + (y - middle[..., 1, None, None]) ** 2
    nearest = far.masked_fill(~near, torch.inf).argmin(dim=1)  # (N, h, w)
    where = boxes.gather(1, nearest.flatten(1)[..., None].expand(-1, -1, 4)).view(-1, rows, columns, 4)
    weight = bell.gather(1, nearest[:, None]).squeeze(1).clamp(min=_LEAST_WEIGHT) * near.any(dim=1)
    return heat, where, weight


def focal(logits: Tensor, wanted: Tensor) -> Tensor:
    """The penalty-reduced focal loss of a heat map, over its middles."""
    score = logits.sigmoid().clamp(1e-4, 1 - 1e-4)
    middle = wanted >= 0.999
    right = (1 - score) ** 2 * score.log()
    wrong = (1 - wanted) ** 4 * score**2 * (1 - score).log()
    return -torch.where(middle, right, wrong).sum() / middle.sum().clamp(min=1)


def generalised_iou(first: Tensor, second: Tensor) -> Tensor:
    """Of boxes ``(…, 4)`` pair by pair, ``(…)``: 1 where equal, below 0 where apart."""
    shared = _area(
        torch.maximum(first[..., :2], second[..., :2]), torch.minimum(first[..., 2:], second[..., 2:])
    )
    union = _area(first[..., :2], first[..., 2:]) + _area(second[..., :2], second[..., 2:]) - shared
    around = _area(
        torch.minimum(first[..., :2], second[..., :2]), torch.maximum(first[..., 2:], second[..., 2:])
    )
    return shared / union.clamp(min=1e-6) - (around - union) / around.clamp(min=1e-6)


def _area(low: Tensor, high: Tensor) -> Tensor:
    return (high - low).clamp(min=0).prod(dim=-1)


def _checked(outputs: Any, classes: int) -> tuple[Tensor, Tensor]:
    maps: Mapping[str, Any] = outputs if isinstance(outputs, Mapping) else {}
    heat: Any = maps.get("heat")
    boxes: Any = maps.get("boxes")
    both = isinstance(heat, Tensor) and isinstance(boxes, Tensor) and heat.ndim == 4
    if both and heat.shape[1] == classes and boxes.shape == (len(heat), 4, *heat.shape[2:]):
        return heat, boxes
    seen = ", ".join(
        f"{name!r} {tuple(value.shape)}" for name, value in maps.items() if isinstance(value, Tensor)
    )
    raise ModelError(
        f"A detector gives {{'heat': (N, {classes}, h, w), 'boxes': (N, 4, h, w)}}, this one "
        f"{seen or f'a {type(outputs).__name__}'}.",
        "heat: logits of an object's middle for each class; boxes: left, top, right, bottom in pixels. "
        "SmallDetector is one to start from.",
    )
