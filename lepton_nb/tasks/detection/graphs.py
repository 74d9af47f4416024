"""What a package holds of a detector: its graphs, from pictures to candidates."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from lepton_nb.errors import ModelError
from lepton_nb.signature import Signature, TensorSpec
from lepton_nb.tasks.base import GraphSpec
from lepton_nb.tasks.detection.boxes import select
from lepton_nb.tasks.detection.calling import KNOWN, detector_in, found_by, is_whole
from lepton_nb.tasks.detection.codec import OBJECTS, PROPOSALS
from lepton_nb.tasks.detection.nets import Candidates

_EXAMPLE = 32  # proposals a picture in the second stage's example


def graphs_of(model: nn.Module, signature: Signature, example: tuple[Tensor, ...]) -> dict[str, GraphSpec]:
    """One graph, or two of a detector of two stages.

    Raises:
        ModelError: If a model computes its own loss and its detections come from nothing that is known.
    """
    example = example[:1]  # a request has the size of the picture beside it
    if not is_whole(model):
        return {"model": _spec(Candidates(model), example, signature.inputs)}
    detector = detector_in(model)
    if detector is None:
        names = ", ".join(kind.__name__ for kind in KNOWN)
        raise ModelError(
            f"{type(model).__name__} holds no detector of torchvision, or several: its graph is not known.",
            f"Build it around one of {names}.",
        )
    if detector is not model:
        _check_same(model, detector, signature, example)
    from lepton_nb.tasks.detection.stages import OneStage

    if not hasattr(detector, "rpn"):
        return {"model": _spec(OneStage(detector, signature), example, signature.inputs)}
    return _two_stages(detector, signature, example)


def _check_same(model: nn.Module, detector: Any, signature: Signature, example: tuple[Tensor, ...]) -> None:
    """Refuse to stand for a model by the detector in it where the model does more."""
    with torch.no_grad():
        own, inner = (found_by(each, example[0], signature) for each in (model, detector))
    if any(not torch.allclose(own[name], inner[name], atol=1e-3) for name in own):
        raise ModelError(
            f"{type(model).__name__} finds other objects than the detector in it, which would be served.",
            "Do in the detector what forward does before and after it, or leave it out.",
        )


def _two_stages(detector: Any, signature: Signature, example: tuple[Tensor, ...]) -> dict[str, GraphSpec]:
    from lepton_nb.tasks.detection.stages import Objects, Proposals

    first = _spec(Proposals(detector, signature), example, signature.inputs)
    with torch.no_grad():
        boxes, scores, labels, limits, *maps = first.module(*example)
    found = select(*(part.numpy() for part in (boxes, scores, labels, limits)))
    given = (torch.from_numpy(found.boxes[:, :_EXAMPLE]), *maps)
    names = [spec.name for spec in first.outputs[4:]]
    shapes = [TensorSpec(name, "float32", tuple(m.shape[1:])) for name, m in zip(names, maps, strict=True)]
    inputs = (TensorSpec("proposals", "float32", (None, 4)), *shapes)
    second = Objects(detector, first.module.features, given)  # type: ignore[arg-type]
    return {PROPOSALS: first, OBJECTS: _spec(second, given, inputs)}


def _spec(module: nn.Module, example: tuple[Tensor, ...], inputs: tuple[TensorSpec, ...]) -> GraphSpec:
    """The graph of a module that gives candidates, and perhaps feature maps."""
    module.eval()
    with torch.no_grad():
        given = module(*example)
    names = ["boxes", "scores", "labels", "limits", *(f"map{i}" for i in range(len(given) - 4))]
    outputs = tuple(
        TensorSpec(name, str(part.dtype).removeprefix("torch."), tuple(part.shape[1:]))
        for name, part in zip(names, given, strict=True)
    )
    return GraphSpec(module, inputs, outputs, example)
