"""The metrics of labels; areas are torchmetrics', whose import is slow: reached only from `measure`."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lepton_nb.signature import Signature
from lepton_nb.tasks.base import Measures
from lepton_nb.tasks.class_measures import calibration_bins, reliability_bins
from lepton_nb.tasks.labels.reading import decisions, thresholds
from lepton_nb.tasks.labels.task import cross_entropies
from lepton_nb.tasks.majority import majority_note
from lepton_nb.tasks.thresholds import THRESHOLDS

if TYPE_CHECKING:
    from torch import Tensor

Values = list[float | None]
_SHOWN = 10  # names in a note


def measure_binary(output: np.ndarray, truth: np.ndarray, signature: Signature) -> Measures:
    """Every metric of one label; precision, recall and F1 are those of the positive class.

    Args:
        output: What the model gave, ``(N,)`` or ``(N, 1)``.
        truth: bool ``(N, 1)``.
    """
    scores, said = decisions(output, signature)
    positive = _per_label(scores, said, truth)
    negative = _per_label(1 - scores, ~said, ~truth)
    support = np.array([(~truth).sum(), truth.sum()])
    confusion = np.histogram2d(truth[:, 0], said[:, 0], bins=2, range=[[0, 1], [0, 1]])[0].astype(np.int64)
    accuracy = float((said == truth).mean())
    scalars: dict[str, float | None] = {
        "accuracy": accuracy,
        "balanced_accuracy": _mean([negative["recall"][0], positive["recall"][0]]),
        **{name: values[0] for name, values in positive.items() if name != "support"},
        **_of_probabilities(scores, truth),
    }
    both = np.concatenate([1 - scores, scores], axis=1)
    arrays = {
        "confusion": confusion,
        "probabilities": both,
        "target": truth[:, 0].astype(np.int64),
        "positive": scores,
        "truth": truth.astype(np.int64),
        "reliability": reliability_bins(both, truth[:, 0].astype(np.int64)),
    }
    per_class = {name: [*negative[name], *positive[name]] for name in positive}
    notes = _notes(support, signature.class_names, signature)
    note = majority_note(accuracy, support, signature.class_names)
    return Measures(
        _known(scalars),
        per_class,
        arrays,
        [*notes, note] if note else notes,
        saved=("confusion", "reliability"),
        ranked_by="f1",
    )


def measure_labels(output: np.ndarray, truth: np.ndarray, signature: Signature) -> Measures:
    """Every metric of several labels.

    Micro averages are over all decisions; macro averages over the labels for which a metric is defined:
    precision where one is given, recall, F1 and average precision where one is true.

    Args:
        output: What the model gave, ``(N, L)``.
        truth: bool ``(N, L)``.
    """
    scores, said = decisions(output, signature)
    per_label = _per_label(scores, said, truth)
    right = said == truth
    scalars: dict[str, float | None] = {
        "f1_micro": _ratio(2 * (said & truth).sum(), said.sum() + truth.sum()),
        "f1_macro": _mean(per_label["f1"]),
        "precision_micro": _ratio((said & truth).sum(), said.sum()),
        "precision_macro": _mean(per_label["precision"]),
        "recall_micro": _ratio((said & truth).sum(), truth.sum()),
        "recall_macro": _mean(per_label["recall"]),
        "average_precision_macro": _mean(per_label["average_precision"]),
        "auroc_macro": _mean(per_label["auroc"]),
        "exact_match": float(right.all(axis=1).mean()),
        "label_accuracy": float(right.mean()),
        **_of_probabilities(scores, truth),
    }
    arrays = {
        "probabilities": scores,
        "target": truth.astype(np.int64),
        "reliability": calibration_bins(scores.ravel(), truth.ravel()),
    }
    notes = _notes(truth.sum(axis=0), signature.class_names, signature)
    return Measures(_known(scalars), per_label, arrays, notes, saved=("reliability",), ranked_by="f1")


def _per_label(scores: np.ndarray, said: np.ndarray, truth: np.ndarray) -> dict[str, Values]:
    """For each metric its value of each label; None where it is not defined."""
    hits, given, true = (said & truth).sum(axis=0), said.sum(axis=0), truth.sum(axis=0)
    both = (true > 0) & (true < len(truth))
    return {
        "support": [float(count) for count in true],
        "precision": [_ratio(a, b) for a, b in zip(hits, given, strict=True)],
        "recall": [_ratio(a, b) for a, b in zip(hits, true, strict=True)],
        "f1": [_ratio(2 * a, b) for a, b in zip(hits, given + true, strict=True)],
        "average_precision": _areas("multilabel_average_precision", scores, truth, true > 0),
        "auroc": _areas("multilabel_auroc", scores, truth, both),
    }


def _areas(metric: str, scores: np.ndarray, truth: np.ndarray, defined: np.ndarray) -> Values:
    import torch
    from torchmetrics.functional import classification as tm

    guess, target = torch.from_numpy(scores.copy()), torch.from_numpy(truth.astype(np.int64))
    with warnings.catch_warnings():  # absent labels: told in the notes
        warnings.simplefilter("ignore")
        if truth.shape[1] == 1:  # torchmetrics wants two labels at least
            name = metric.replace("multilabel", "binary")
            found: Tensor = getattr(tm, name)(guess[:, 0], target[:, 0]).reshape(1)
        else:
            found = getattr(tm, metric)(guess, target, num_labels=truth.shape[1], average="none")
    return [float(value) if known else None for value, known in zip(found, defined, strict=True)]


def _of_probabilities(scores: np.ndarray, truth: np.ndarray) -> dict[str, float | None]:
    """How good the probabilities are, whatever is decided by them."""
    bins = calibration_bins(scores.ravel(), truth.ravel())
    share = bins[:, 2] / max(bins[:, 2].sum(), 1)
    return {
        "calibration_error": float((share * np.abs(bins[:, 0] - bins[:, 1])).sum()),
        "brier_score": float(((scores - truth) ** 2).mean()),
        "log_loss": float(cross_entropies(scores, truth).mean()),
    }


def _notes(support: np.ndarray, names: Sequence[str], signature: Signature) -> list[str]:
    if THRESHOLDS in signature.target:
        least = ", ".join(
            f"{name} {value:.3g}"
            for name, value in list(zip(names[-signature.num_outputs :], thresholds(signature), strict=True))[
                :_SHOWN
            ]
        )
        more = f" and {signature.num_outputs - _SHOWN} more" if signature.num_outputs > _SHOWN else ""
        said = f"A label is given from these probabilities on, chosen on the validation split: {least}{more}."
    else:
        said = "A label is given from a probability of 0.5 on."
    absent = [names[i] for i in np.flatnonzero(support == 0).tolist()]
    if not absent:
        return [said]
    shown = ", ".join(absent[:_SHOWN]) + (f" and {len(absent) - _SHOWN} more" if len(absent) > _SHOWN else "")
    return [said, f"No items of {shown} here: what is not defined without them is left out of the means."]


def _ratio(part: Any, whole: Any) -> float | None:
    return float(part / whole) if whole else None


def _mean(values: Values) -> float | None:
    known = [value for value in values if value is not None]
    return math.fsum(known) / len(known) if known else None


def _known(values: dict[str, float | None]) -> dict[str, float]:
    return {name: value for name, value in values.items() if value is not None}
