"""chrF and BLEU of texts against all their references, by sacrebleu."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from lepton_nb.tasks.translation.tokens import PAD, text_of

if TYPE_CHECKING:
    from torch import Tensor


def texts_of(ids: Any, tokenizer: str) -> list[str]:
    """Rows of ids ``(N, T)`` as texts."""
    return [text_of(row, tokenizer) for row in np.asarray(ids).tolist()]


def references_of(target: Any, tokenizer: str) -> list[list[str]]:
    """The texts of ``(N, R, T)``: of each item those that it has."""
    return [
        [text_of(ids, tokenizer) for ids in item if ids[0] != PAD] for item in np.asarray(target).tolist()
    ]


def corpus_scores(texts: Sequence[str], references: Sequence[Sequence[str]]) -> dict[str, float]:
    """chrF (Popović 2015) and BLEU (Papineni et al. 2002), 0 to 100, of a whole corpus."""
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

    by_reference = [list(column) for column in zip_longest(*references)]
    return {
        "chrf": CHRF().corpus_score(texts, by_reference).score,
        "bleu": BLEU().corpus_score(texts, by_reference).score,
    }


def sentence_errors(texts: Sequence[str], references: Sequence[Sequence[str]]) -> list[float]:
    """One minus the chrF of each text, from 0 to 1; 0 only where it is one of the references."""
    from sacrebleu.metrics.chrf import CHRF

    chrf = CHRF(eps_smoothing=True)
    return [
        0.0 if text in wanted else max(1e-6, 1 - chrf.sentence_score(text, wanted).score / 100)
        for text, wanted in zip(texts, references, strict=True)
    ]


class TextMeter:
    """Token accuracy of the next token, and chrF of the answers, whose texts it keeps."""

    def __init__(self, tokenizer: str) -> None:
        self.tokenizer = tokenizer
        self.right = self.tokens = 0.0
        self.texts: list[str] = []
        self.references: list[list[str]] = []

    def update(self, outputs: dict[str, Tensor], target: Tensor) -> None:
        logits, wanted = outputs["logits"], target[:, 0, : outputs["logits"].shape[1]]
        real = wanted != PAD
        self.right += float(((logits.argmax(-1) == wanted) & real).sum())
        self.tokens += float(real.sum())
        self.texts += texts_of(outputs["tokens"].cpu(), self.tokenizer)
        self.references += references_of(target.cpu(), self.tokenizer)

    def merge(self, other: Self) -> None:
        self.right, self.tokens = self.right + other.right, self.tokens + other.tokens
        self.texts += other.texts
        self.references += other.references

    def compute(self) -> dict[str, float]:
        if not self.texts:
            return {}
        accuracy = self.right / self.tokens
        return {"token_accuracy": accuracy, "chrf": corpus_scores(self.texts, self.references)["chrf"]}
