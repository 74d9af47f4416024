"""What one label and several share: loss, thresholds, starters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from lepton_nb.errors import ArgumentError
from lepton_nb.signature import Signature
from lepton_nb.tasks.base import HeldOut, Starter, Task
from lepton_nb.tasks.image_classification import ImageClassification
from lepton_nb.tasks.labels.reading import USUAL, probabilities
from lepton_nb.tasks.tabular import TabularClassification
from lepton_nb.tasks.text_classification import TextClassification
from lepton_nb.tasks.thresholds import THRESHOLDS, best_threshold

if TYPE_CHECKING:
    from torch import Tensor, nn

    from lepton_nb.tasks.meters import Meter

_STARTERS: dict[str, Task] = {
    "image": ImageClassification(),
    "text": TextClassification(),
    "table": TabularClassification(),
}


class Labels(Task):
    """Logits ``(N, L)`` or, of one label, ``(N,)``; targets of 0 and 1 of any type, one for each logit."""

    monitor: ClassVar[str] = "val_average_precision"
    mode: ClassVar[Literal["min", "max"]] = "max"
    target_dtype: ClassVar[Literal["int64", "float32"]] = "float32"
    labels: ClassVar[Mapping[str, str]] = {"f1": "F1", "auroc": "AUROC"}

    def starters(self) -> Mapping[str, Starter]:
        return {name: make for task in _STARTERS.values() for name, make in task.starters().items()}

    def starters_for(self, signature: Signature) -> Mapping[str, Starter]:
        """Those of the kind of input."""
        task = _STARTERS.get(str(signature.preprocessing.get("kind")))
        spec = signature.inputs[0]
        if task is None and spec.dtype == "float32":  # tensors: by their rank
            task = _STARTERS.get({1: "table", 3: "image"}.get(len(spec.shape), ""))
        return {} if task is None else task.starters()

    def make_loss(
        self,
        signature: Signature,
        *,
        label_smoothing: float = 0.0,
        class_weights: Sequence[float] | None = None,
    ) -> nn.Module:
        """The binary cross-entropy of the logits, the mean over labels.

        Args:
            class_weights: How much a positive of each label weighs beside a negative.

        Raises:
            ArgumentError: If the smoothing is not in [0, 1) or there is not one weight a label.
        """
        from lepton_nb.models.label_loss import LabelLoss

        if not 0.0 <= label_smoothing < 1.0:
            raise ArgumentError(f"label_smoothing is {label_smoothing}, expected 0 or more and less than 1.")
        if class_weights is not None and len(class_weights) != signature.num_outputs:
            seen, labels = len(class_weights), signature.num_outputs
            raise ArgumentError(f"There are {seen} weights for {labels} labels.")
        return LabelLoss(positive_weights=class_weights, smoothing=label_smoothing)

    def balance(self, target: Tensor, signature: Signature) -> list[float]:
        """Negatives over positives of each label: both sides then weigh the same."""
        truth = target.reshape(-1, signature.num_outputs) > 0
        positives = truth.sum(dim=0).clamp(min=1)
        negatives = (~truth).sum(dim=0).clamp(min=1)
        return [float(weight) for weight in negatives / positives]

    def meter(self, signature: Signature) -> Meter:
        from lepton_nb.tasks.labels.meter import LabelMeter

        return LabelMeter(signature)

    def settled(self, signature: Signature, held_out: HeldOut) -> Signature:
        """With the thresholds at which F1 is largest on data that were not learned from."""
        outputs, target = held_out()
        truth = truth_of(target, signature)
        found = best_thresholds(probabilities(outputs.numpy(), signature), truth)
        return replace(signature, target={**signature.target, THRESHOLDS: found})

    def item_errors(self, preds: Tensor, target: Tensor, signature: Signature) -> Tensor:
        """The cross-entropy of each item of which a label is decided wrongly: a sure mistake is a bad one."""
        import torch

        from lepton_nb.tasks.labels.reading import decisions

        scores, said = decisions(preds.numpy(), signature)
        truth = truth_of(target, signature)
        losses = cross_entropies(scores, truth).mean(axis=1)
        return torch.from_numpy(losses * (said != truth).any(axis=1)).float()


def truth_of(target: Tensor, signature: Signature) -> np.ndarray:
    """Targets of any type and of the shape ``(N,)`` or ``(N, L)`` as bool ``(N, L)``."""
    truth: np.ndarray = target.detach().cpu().reshape(len(target), signature.num_outputs).numpy() > 0
    return truth


def best_thresholds(probabilities: np.ndarray, truth: np.ndarray) -> list[float]:
    """For each label the threshold at which its F1 is largest; the usual where a side has no item.

    Args:
        probabilities: ``(N, L)``.
        truth: bool ``(N, L)``.
    """
    return [
        USUAL if positive.all() else best_threshold(scores, positive, int(positive.sum()), USUAL)
        for scores, positive in zip(probabilities.T, truth.T, strict=True)
    ]


def cross_entropies(probabilities: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Minus the log of the probability of what is true, ``(N, L)``; of an impossible one a large number."""
    likely = np.where(truth, probabilities, 1.0 - probabilities)
    found: np.ndarray = -np.log(np.clip(likely, np.finfo(np.float64).tiny, 1.0))
    return found
