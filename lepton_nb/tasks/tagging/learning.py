"""What a tagger learns by, and how right its spans are."""

from __future__ import annotations

from collections import Counter
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from lepton_nb.models.calling import scores_of
from lepton_nb.signature import Signature
from lepton_nb.tasks.base import Measures
from lepton_nb.tasks.tagging.spans import Span, spans_of

NO_WORD = -100


class TagLoss(nn.Module):
    """Cross-entropy of the tag of every word."""

    def __init__(self, label_smoothing: float = 0.0) -> None:
        super().__init__()
        self.label_smoothing = label_smoothing

    def forward(self, outputs: Any, target: Tensor) -> Tensor:
        """Of logits ``(N, L, C)``, or what holds them, and tags ``(N, L)``."""
        logits = scores_of(outputs).flatten(0, 1)
        smoothing = self.label_smoothing
        return F.cross_entropy(logits, target.flatten(), ignore_index=NO_WORD, label_smoothing=smoothing)


def hits(outputs: Any, target: Tensor, signature: Signature) -> dict[str, tuple[float, float]]:
    """Sums and counts of a batch: right words, and twice the right spans over those given and wanted."""
    preds = scores_of(outputs).argmax(dim=2)
    words = target >= 0
    right = ((preds == target) & words).sum().item()
    counts = _counted(preds, target, signature)
    both = sum(counts["right"].values())
    either = sum(counts["given"].values()) + sum(counts["wanted"].values())
    return {"accuracy": (right, words.sum().item()), "f1": (2.0 * both, float(either))}


def measured(preds: Tensor, target: Tensor, signature: Signature) -> Measures:
    """Accuracy of words; precision, recall and F1 of whole spans, over all and of each kind."""
    words = target >= 0
    right = ((preds.argmax(dim=2) == target) & words).sum().item()
    counts = _counted(preds.argmax(dim=2), target, signature)
    scalars = {"accuracy": right / max(int(words.sum()), 1)}
    scalars |= {name: value or 0.0 for name, value in _shares(*map(_sum, counts.values())).items()}
    kinds = [name for name in signature.class_names if name.startswith("B-") or "-" not in name]
    labels = [span.label if (span := next(iter(spans_of([name])), None)) else "" for name in kinds]
    notes = [
        f"{label}: F1 {share['f1']:.3f} of {counts['wanted'][label]:,} spans."
        for label in sorted(filter(None, labels))
        if (share := _shares(*(counts[name][label] for name in counts)))["f1"] is not None
    ]
    return Measures(scalars, notes=notes)


def _counted(preds: Tensor, target: Tensor, signature: Signature) -> dict[str, Counter[str]]:
    """Of each label the spans that are right, given and wanted."""
    counts: dict[str, Counter[str]] = {"right": Counter(), "given": Counter(), "wanted": Counter()}
    for row, wanted in zip(preds.tolist(), target.tolist(), strict=True):
        places = [place for place, number in enumerate(wanted) if number >= 0]
        given, true = (_row_spans([tags[place] for place in places], signature) for tags in (row, wanted))
        counts["given"].update(span.label for span in given)
        counts["wanted"].update(span.label for span in true)
        counts["right"].update(span.label for span in given & true)
    return counts


def _row_spans(numbers: list[int], signature: Signature) -> set[Span]:
    return set(spans_of([signature.class_names[number] for number in numbers]))


def _sum(counter: Counter[str]) -> int:
    return sum(counter.values())


def _shares(right: int, given: int, wanted: int) -> dict[str, float | None]:
    return {
        "f1": 2 * right / (given + wanted) if given + wanted else None,
        "precision": right / given if given else None,
        "recall": right / wanted if wanted else None,
    }
