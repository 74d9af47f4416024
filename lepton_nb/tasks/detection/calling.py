"""Detectors that compute their loss themselves, as all of torchvision's: ``forward(images, targets)``.

They take a list of pictures of values from 0 to 1, count classes from 1 (0 is background), give losses by
name in training, and in evaluation what they found in each picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models.detection import FCOS, FasterRCNN, RetinaNet
from torchvision.models.detection.ssd import SSD

from lepton_nb.errors import ModelError
from lepton_nb.models.calling import takes
from lepton_nb.signature import Signature
from lepton_nb.tasks.detection.boxes import CANDIDATES, NOTHING

KNOWN = (FasterRCNN, SSD, RetinaNet, FCOS)
_GIVES = "In training it gives a dict of losses, in evaluation a list of {'boxes', 'scores', 'labels'}."


def is_whole(model: Any) -> bool:
    """Whether a model computes its own loss."""
    return takes(getattr(model, "_orig_mod", model), "targets")


def detector_in(model: nn.Module) -> Any:
    """The detector of torchvision that a model is, or holds; None where there is none, or several."""
    found = [module for module in model.modules() if isinstance(module, KNOWN)]
    return found[0] if len(found) == 1 else None


def call_whole(model: Any, image: Tensor, target: Mapping[str, Tensor], signature: Signature) -> Any:
    """In training the losses by name, with their sum as ``loss``; else objects, see `found_by`."""
    if not model.training:
        return found_by(model, image, signature)
    _check_classes(model, signature)
    losses = model(_pictures(image, signature), _targets(target))
    if not isinstance(losses, Mapping) or not losses:
        raise ModelError(f"{type(model).__name__} gives a {type(losses).__name__} in training.", _GIVES)
    return {"loss": torch.stack([loss.float() for loss in losses.values()]).sum(), **losses}


def found_by(model: Any, image: Tensor, signature: Signature) -> dict[str, Tensor]:
    """What the model itself finds, best first: boxes ``(N, K, 4)``, scores ``(N, K)``, labels ``(N, K)``."""
    answers = model(_pictures(image, signature))
    if not isinstance(answers, list | tuple) or not all(isinstance(a, Mapping) for a in answers):
        raise ModelError(f"{type(model).__name__} gives a {type(answers).__name__} in evaluation.", _GIVES)
    count = len(answers)
    found = {
        "boxes": image.new_zeros(count, CANDIDATES, 4),
        "scores": image.new_zeros(count, CANDIDATES),
        "labels": torch.full((count, CANDIDATES), NOTHING, device=image.device),
    }
    for i, answer in enumerate(answers):
        best = answer["scores"].argsort(descending=True, stable=True)
        best = best[answer["labels"][best] > 0][:CANDIDATES]
        for name, shift in (("boxes", 0), ("scores", 0), ("labels", -1)):
            found[name][i, : len(best)] = answer[name][best] + shift
    return found


def _pictures(image: Tensor, signature: Signature) -> list[Tensor]:
    settings = signature.preprocessing
    mean, std = (image.new_tensor(settings[name])[:, None, None] for name in ("mean", "std"))
    return list(image * std + mean)


def _targets(target: Mapping[str, Tensor]) -> list[dict[str, Tensor]]:
    found = []
    for boxes, labels in zip(target["boxes"], target["labels"], strict=True):
        real = (labels != NOTHING) & (boxes[:, 2:] > boxes[:, :2]).all(dim=1)
        found.append({"boxes": boxes[real], "labels": labels[real] + 1})
    return found


def _check_classes(model: nn.Module, signature: Signature) -> None:
    """Refuse a detector for another number of classes, which would answer with classes there are not."""
    detector, wanted = detector_in(model), len(signature.class_names) + 1
    seen = None if detector is None else _classes_of(detector)
    if seen is not None and seen != wanted:
        raise ModelError(
            f"{type(detector).__name__} is built for {seen} classes, the background among them; the data "
            f"have {wanted - 1}, which makes {wanted}.",
            f"Build it with num_classes={wanted}.",
        )


def _classes_of(detector: Any) -> int | None:
    if isinstance(detector, FasterRCNN):
        score = getattr(detector.roi_heads.box_predictor, "cls_score", None)
        return getattr(score, "out_features", None)
    head = detector.head.classification_head
    return getattr(head, "num_columns", None) or getattr(head, "num_classes", None)
