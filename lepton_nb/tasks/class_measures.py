"""The metrics of a classification, by torchmetrics. Reached only from `measure`: its import is slow."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from lepton_nb.tasks.base import Measures
from lepton_nb.tasks.majority import majority_note

if TYPE_CHECKING:
    from torch import Tensor

CALIBRATION_BINS = 15
TOP = 5


def measure_classes(preds: Tensor, target: Tensor, class_names: Sequence[str]) -> Measures:
    """Every metric of logits ``(N, C)`` against class indices ``(N,)``.

    Macro averages are over the classes that occur in the targets or the predictions, as in
    scikit-learn. AUROC is one class against the rest, its mean over the classes that occur in the targets.
    """
    import torch.nn.functional as F
    from torchmetrics.functional import classification as tm

    logits, target = preds.detach().cpu().double(), target.detach().cpu()
    count = logits.shape[1]
    probabilities = logits.softmax(dim=1)
    confusion = tm.multiclass_confusion_matrix(probabilities, target, num_classes=count).numpy()
    support = confusion.sum(axis=1)
    scalars = {
        "accuracy": float(tm.multiclass_accuracy(probabilities, target, count, average="micro")),
        "balanced_accuracy": float((np.diag(confusion)[support > 0] / support[support > 0]).mean()),
    }
    if count > TOP:
        top = tm.multiclass_accuracy(probabilities, target, count, average="micro", top_k=TOP)
        scalars["top5_accuracy"] = float(top)
    per_class: dict[str, list[float | None]] = {"support": [float(n) for n in support]}
    metrics = {
        "precision": tm.multiclass_precision,
        "recall": tm.multiclass_recall,
        "f1": tm.multiclass_f1_score,
    }
    for name, metric in metrics.items():
        for average in ("macro", "weighted"):
            scalars[f"{name}_{average}"] = float(metric(probabilities, target, count, average=average))
        values = metric(probabilities, target, count, average="none").tolist()
        per_class[name] = _where(values, support > 0 if name != "precision" else confusion.sum(axis=0) > 0)
    per_class["auroc"] = _auroc(probabilities, target, support)
    known = [value for value in per_class["auroc"] if value is not None]
    if known:
        scalars["auroc_macro"] = math.fsum(known) / len(known)
    scalars["calibration_error"] = float(
        tm.multiclass_calibration_error(probabilities, target, count, n_bins=CALIBRATION_BINS, norm="l1")
    )
    scalars["log_loss"] = float(F.cross_entropy(logits, target))
    arrays = {
        "confusion": confusion,
        "probabilities": probabilities.numpy(),
        "target": target.numpy(),
        "reliability": reliability_bins(probabilities.numpy(), target.numpy()),
    }
    notes = _notes(support, class_names)
    said = majority_note(scalars["accuracy"], support, class_names)
    return Measures(
        scalars,
        per_class,
        arrays,
        [*notes, said] if said else notes,
        saved=("confusion", "reliability"),
        ranked_by="f1",
    )


def reliability_bins(probabilities: np.ndarray, target: np.ndarray) -> np.ndarray:
    """How often predictions of each confidence are right; see `calibration_bins`."""
    return calibration_bins(probabilities.max(axis=1), probabilities.argmax(axis=1) == target)


def calibration_bins(confidence: np.ndarray, right: np.ndarray) -> np.ndarray:
    """How often what has each confidence is right: ``(bins, 3)`` mean confidence, share that is, count.

    The bins are of equal width, as in Guo et al., "On Calibration of Modern Neural Networks" (2017).

    Args:
        confidence: ``(N,)``, 0 to 1.
        right: bool ``(N,)``.
    """
    which = np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    counts = np.bincount(which, minlength=CALIBRATION_BINS)
    sums = [np.bincount(which, weights=w, minlength=CALIBRATION_BINS) for w in (confidence, right)]
    means = [total / np.maximum(counts, 1) for total in sums]
    return np.stack([*means, counts.astype(float)], axis=1)


def _auroc(probabilities: Tensor, target: Tensor, support: np.ndarray) -> list[float | None]:
    """AUROC of each class against the rest; None where there are no items of it, or only of it."""
    from torchmetrics.functional import classification as tm

    with warnings.catch_warnings():  # absent classes: told in the notes
        warnings.simplefilter("ignore")
        values = tm.multiclass_auroc(probabilities, target, len(support), average="none").tolist()
    return _where(values, (support > 0) & (support < support.sum()))


def _where(values: list[float], known: np.ndarray) -> list[float | None]:
    return [value if has else None for value, has in zip(values, known, strict=True)]


def _notes(support: np.ndarray, class_names: Sequence[str]) -> list[str]:
    absent = [class_names[i] for i in np.flatnonzero(support == 0).tolist()]
    if not absent:
        return []
    shown = ", ".join(absent[:10]) + (f" and {len(absent) - 10} more" if len(absent) > 10 else "")
    return [
        f"No items of {shown} here: their recall, F1 and AUROC are unknown, and left out of the AUROC mean."
    ]
