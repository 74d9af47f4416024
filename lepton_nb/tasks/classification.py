"""What every classification task shares: loss, metrics, charts and captions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from lepton_nb.errors import ArgumentError
from lepton_nb.signature import Signature
from lepton_nb.tasks.answers import ClassAnswers, softmax
from lepton_nb.tasks.base import Codec, Measures, Task
from lepton_nb.tasks.tensors import TensorCodec

if TYPE_CHECKING:
    from torch import Tensor, nn

    from lepton_nb.plots.charts import Chart
    from lepton_nb.tasks.meters import Meter


class Classification(Task):
    """One class of several for each item: logits ``(N, C)``, targets int64 ``(N,)``.

    Attributes:
        codec_type: The codec for signatures whose preprocessing is known.
    """

    monitor: ClassVar[str] = "val_accuracy"
    mode: ClassVar[Literal["min", "max"]] = "max"
    target_dtype: ClassVar[Literal["int64", "float32"]] = "int64"
    labels: ClassVar[Mapping[str, str]] = {"f1": "F1", "auroc": "AUROC", "top5_accuracy": "top-5 accuracy"}
    codec_type: ClassVar[type[TensorCodec]]

    def codec(self, signature: Signature) -> Codec:
        known = signature.preprocessing.get("kind") == self.codec_type.kind
        return (self.codec_type if known else TensorCodec)(signature, ClassAnswers(signature))

    def make_loss(
        self,
        signature: Signature,
        *,
        label_smoothing: float = 0.0,
        class_weights: Sequence[float] | None = None,
    ) -> nn.Module:
        """Cross-entropy of the logits.

        Raises:
            ArgumentError: If the smoothing is not in [0, 1) or there is not one weight a class.
        """
        import torch

        if not 0.0 <= label_smoothing < 1.0:
            raise ArgumentError(f"label_smoothing is {label_smoothing}, expected 0 or more and less than 1.")
        weight = None
        if class_weights is not None:
            if len(class_weights) != signature.num_outputs:
                seen, classes = len(class_weights), signature.num_outputs
                raise ArgumentError(f"There are {seen} class weights for {classes} classes.")
            weight = torch.tensor(list(class_weights), dtype=torch.float32)
        return torch.nn.CrossEntropyLoss(weight=weight, label_smoothing=label_smoothing)

    def balance(self, target: Tensor, signature: Signature) -> list[float]:
        """Items / (classes × items of the class), for each class."""
        import torch

        classes = signature.num_outputs
        counts = torch.bincount(target, minlength=classes).clamp(min=1)
        return [len(target) / (classes * int(count)) for count in counts]

    def meter(self, signature: Signature) -> Meter:  # noqa: ARG002
        from lepton_nb.tasks.meters import Mean

        return Mean(_hits)

    def measure(self, preds: Tensor, target: Tensor, signature: Signature) -> Measures:
        from lepton_nb.tasks.class_measures import measure_classes

        return measure_classes(preds, target, signature.class_names)

    def charts(self, measures: Measures, signature: Signature) -> list[Chart]:
        from lepton_nb.plots.confusion import confusion_matrix
        from lepton_nb.plots.curves import pr_curves, roc_curves
        from lepton_nb.plots.reliability import reliability_diagram

        names, arrays = signature.class_names, measures.arrays
        return [
            confusion_matrix(arrays["confusion"], names),
            pr_curves(arrays["probabilities"], arrays["target"], names),
            roc_curves(arrays["probabilities"], arrays["target"], names),
            reliability_diagram(arrays["reliability"]),
        ]

    def item_errors(self, preds: Tensor, target: Tensor, signature: Signature) -> Tensor:  # noqa: ARG002
        """The cross-entropy of each item that is classified wrongly: a confident mistake is a bad one."""
        import torch.nn.functional as F

        losses = F.cross_entropy(preds.float(), target, reduction="none")
        return losses * (preds.argmax(dim=1) != target)

    def describe(self, preds: np.ndarray, signature: Signature) -> list[str]:
        scores = softmax(preds)
        best = scores.argmax(axis=1)
        return [f"{signature.class_names[i]} {row[i]:.0%}" for i, row in zip(best, scores, strict=True)]

    def describe_target(self, target: np.ndarray, signature: Signature) -> list[str]:
        return [signature.class_names[i] for i in target]


def _hits(outputs: Any, target: Tensor) -> dict[str, tuple[float, float]]:
    from lepton_nb.models.calling import scores_of

    right = scores_of(outputs).argmax(dim=1) == target
    return {"accuracy": (right.sum().item(), len(target))}
