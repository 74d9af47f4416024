"""The detectors of torchvision by name, fitted to the data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn

from lepton_nb.errors import ModelError
from lepton_nb.models.local_weights import fill, is_weights_file, left_out_note, read_weights
from lepton_nb.models.registry import pretrained
from lepton_nb.signature import Signature

_LEARN_FROM_MORE = ("maskrcnn", "keypointrcnn")  # than boxes


def detector_names() -> list[str]:
    """Every detector of boxes of the installed torchvision, such as ``fasterrcnn_resnet50_fpn``."""
    from torchvision import models

    names = models.list_models(module=models.detection)
    return [str(name) for name in names if not name.startswith(_LEARN_FROM_MORE)]


def build_detector(
    name: str,
    *,
    num_classes: int,
    height: int,
    width: int,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    weights: str | None = None,
) -> nn.Module:
    """A detector of torchvision for `num_classes` kinds of objects, which it counts from 1: 0 is background.

    It takes pictures of values from 0 to 1, as all of torchvision's do. One without a size of its own (SSD
    has one) takes those of `height` × `width` as they are.

    Args:
        mean: By which it normalises each channel, with `std`; its own where None.
        weights: As for `build_torchvision`.

    Raises:
        ModelError: If there are no such weights, or a download fails.
    """
    from torchvision import models

    model: nn.Module = models.get_model(
        name, weights=None, weights_backbone=None, num_classes=num_classes + 1
    )
    transform: Any = model.transform
    if transform.fixed_size is None:
        transform.fixed_size = (width, height)
    if mean is not None:
        transform.image_mean, transform.image_std = list(mean), list(std or ())
    if weights is not None:
        known = is_weights_file(weights)
        state = read_weights(weights) if known else pretrained(name, weights, height, width).state_dict()
        fill(model, state, _head_name(model), weights)
    return model


def detector_arguments(name: str, signature: Signature | None, weights: str | None) -> dict[str, Any]:
    """What the data tell `build_detector`: weights that were trained elsewhere keep their normalisation.

    Raises:
        ModelError: If the data are no pictures with boxes.
    """
    if signature is None or signature.output.name != "boxes":
        raise ModelError(
            f"{name} finds boxes, and there are no data with boxes.",
            f"%lepton model {name} --data D, where D are boxes of Pascal VOC, COCO, YOLO or CSV.",
        )
    settings = signature.preprocessing
    height, width = settings["size"]
    own = {} if weights else {"mean": list(settings["mean"]), "std": list(settings["std"])}
    return {"num_classes": len(signature.class_names), "height": height, "width": width, **own}


def detector_notes(model: nn.Module, arguments: dict[str, Any], weights: str | None) -> list[str]:
    """What `build_detector` adapted, one sentence each."""
    notes = []
    width, height = model.transform.fixed_size  # type: ignore[union-attr, misc]
    if (height, width) != (arguments["height"], arguments["width"]):
        notes.append(f"It scales pictures to {height} × {width} itself, the size it is made for.")
    if weights is not None and is_weights_file(weights):
        said = left_out_note(model, read_weights(weights), _head_name(model), weights)
        notes += [said] if said else []
    return notes


def _head_name(model: nn.Module) -> str:
    """What depends on the classes."""
    return "roi_heads.box_predictor" if hasattr(model, "roi_heads") else "head.classification_head"
