"""Object detection as a kind of problem."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from lepton_nb.errors import ArgumentError
from lepton_nb.signature import Signature
from lepton_nb.tasks.base import Codec, GraphSpec, HeldOut, Measures, Starter, Task
from lepton_nb.tasks.detection.boxes import NOTHING, Found, counted, scale_to_input, select
from lepton_nb.tasks.detection.codec import USUAL, DetectionCodec, is_sure
from lepton_nb.tasks.thresholds import THRESHOLDS, best_threshold

if TYPE_CHECKING:
    from torch import Tensor, nn

    from lepton_nb.batch import Batch, Tree
    from lepton_nb.plots.charts import Chart, Exhibit
    from lepton_nb.tasks.meters import Meter


class ObjectDetection(Task):
    """Pictures float32 ``(N, 3, H, W)``; a target of ``boxes`` ``(N, K, 4)`` and ``labels`` ``(N, K)``.

    A model gives ``heat`` and ``boxes``, see `nets.Maps`. Boxes are left, top, right and bottom in pixels.
    """

    name: ClassVar[str] = "object-detection"
    title: ClassVar[str] = "Object detection"
    labels: ClassVar[Mapping[str, str]] = {
        "map": "mAP",
        "map50": "mAP@50",
        "map75": "mAP@75",
        "ap": "AP",
        "ap50": "AP@50",
    }
    monitor: ClassVar[str] = "val_map50"
    mode: ClassVar[Literal["min", "max"]] = "max"
    target_dtype: ClassVar[Literal["int64", "float32"]] = "float32"

    def codec(self, signature: Signature) -> Codec:
        return DetectionCodec(signature)

    def starters(self) -> Mapping[str, Starter]:
        return {"SmallDetector": _small_detector}

    def make_loss(
        self,
        signature: Signature,
        *,
        label_smoothing: float = 0.0,
        class_weights: Sequence[float] | None = None,
    ) -> nn.Module:
        """The loss of maps.

        Raises:
            ArgumentError: If an option of classification is set.
        """
        from lepton_nb.tasks.detection.loss import DetectionLoss

        if label_smoothing or class_weights is not None:
            raise ArgumentError(
                "label_smoothing and class_weights are for classification; this is object detection.",
                "Leave --label-smoothing and --class-weights out.",
            )
        return DetectionLoss(signature)

    def graphs(
        self, model: nn.Module, signature: Signature, example: tuple[Tensor, ...]
    ) -> dict[str, GraphSpec]:
        """The model up to its candidates; how many of them overlap is for `codec` to see."""
        from lepton_nb.tasks.detection.graphs import graphs_of

        return graphs_of(model, signature, example)

    def meter(self, signature: Signature) -> Meter:
        from lepton_nb.tasks.detection.measures import Precision

        return Precision(found_in, len(signature.class_names))

    def settled(self, signature: Signature, held_out: HeldOut) -> Signature:
        """With the thresholds at which F1 is largest, each class by itself, on data not learned from."""
        from lepton_nb.tasks.detection.measures import OVERLAPS, matches

        preds, target = held_out()
        boxes, labels = target["boxes"].numpy(), target["labels"].numpy()
        by_class = matches(_as_found(preds), boxes, labels, len(signature.class_names), OVERLAPS[:1])
        found = [best_threshold(m.scores, m.right[0], m.objects, USUAL) for m in by_class]
        return replace(signature, target={**signature.target, THRESHOLDS: found})

    def answer(self, model: nn.Module, batch: Batch, signature: Signature) -> Tree:
        from lepton_nb.tasks.detection.calling import found_by, is_whole

        whole = is_whole(model)
        return found_by(model, batch.inputs, signature) if whole else super().answer(model, batch, signature)

    def kept(self, outputs: Tree, signature: Signature) -> Tree:  # noqa: ARG002
        import torch

        return {name: torch.from_numpy(part) for name, part in found_in(outputs)._asdict().items()}

    def measure(self, preds: Tree, target: Tree, signature: Signature) -> Measures:
        from lepton_nb.tasks.detection.measures import measure

        boxes, labels = target["boxes"].numpy(), target["labels"].numpy()
        return measure(_as_found(preds), boxes, labels, len(signature.class_names))

    def charts(self, measures: Measures, signature: Signature) -> list[Chart]:
        from lepton_nb.plots.curves import Curve, class_lines

        recalls = np.linspace(0, 1, 101)
        curves = [
            Curve(name, recalls, precision, float(precision.mean()))
            for name, precision in zip(
                signature.class_names, measures.arrays["precision_at_recall"], strict=True
            )
        ]
        return [class_lines(curves, "precision_recall", "average precision")]

    def item_errors(self, preds: Tree, target: Tree, signature: Signature) -> Tensor:
        """Objects that were missed, and wrong boxes by their score."""
        import torch

        from lepton_nb.tasks.detection.measures import mistakes

        found, boxes, labels = _as_found(preds), target["boxes"].numpy(), target["labels"].numpy()
        shown = is_sure(found.scores, found.labels, signature)
        return torch.from_numpy(mistakes(found, shown, boxes, labels))

    def describe(self, preds: Tree, signature: Signature) -> list[str]:
        sure = is_sure(preds["scores"], preds["labels"], signature)
        return [
            counted(labels[shown], signature.class_names)
            for labels, shown in zip(preds["labels"], sure, strict=True)
        ]

    def describe_target(self, target: Tree, signature: Signature) -> list[str]:
        return [counted(labels[labels != NOTHING], signature.class_names) for labels in target["labels"]]

    def illustrate(
        self, exhibit: Exhibit, item: Any, pred: Any, target: Any, signature: Signature
    ) -> Exhibit:
        """Its picture with the boxes found and the true ones."""
        from PIL import Image

        from lepton_nb.tasks.detection.preview import boxes_over

        if not isinstance(item, Image.Image):
            return exhibit
        settings, names = signature.preprocessing, signature.class_names
        scale = scale_to_input((item.height, item.width), settings["size"], settings["fit"])
        sure = is_sure(pred["scores"], pred["labels"], signature)
        real = target["labels"] != NOTHING
        found = boxes_over(
            item, pred["boxes"][sure] / scale, pred["labels"][sure], names, pred["scores"][sure]
        )
        true = boxes_over(item, target["boxes"][real] / scale, target["labels"][real], names)
        return replace(exhibit, boxes=(*true, *found))


def found_in(outputs: Tree) -> Found:
    """The objects in a model's outputs: maps, or objects already."""
    from lepton_nb.tasks.detection.nets import candidates

    whole = "scores" in outputs
    parts = [outputs[name] for name in Found._fields] if whole else candidates(outputs)
    arrays = [part.detach().cpu().numpy() for part in parts]
    return Found(*arrays) if whole else select(*arrays)


def _as_found(preds: Tree) -> Found:
    return Found(*(preds[name].numpy() for name in Found._fields))


def _small_detector(signature: Signature) -> nn.Module:
    from lepton_nb.tasks.detection.nets import SmallDetector

    channels = signature.inputs[0].shape[0] or 3
    return SmallDetector(channels, len(signature.class_names))
