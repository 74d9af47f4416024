"""What answers are worth: chrF and BLEU against all references, by sacrebleu; what was looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from lepton_nb.plots.charts import Matrix
from lepton_nb.signature import Signature
from lepton_nb.tasks.base import Measures
from lepton_nb.tasks.translation.tokens import PAD, pieces_of, text_of

if TYPE_CHECKING:
    from torch import Tensor


def texts_of(ids: Any, signature: Signature) -> list[str]:
    """Rows of ids ``(N, T)`` as texts."""
    return [text_of(row, signature.preprocessing["tokenizer"]) for row in np.asarray(ids).tolist()]


def references_of(target: Any, signature: Signature) -> list[list[str]]:
    """The texts of ``(N, R, T)``: of each item those that it has."""
    return [texts_of(item[item[:, 0] != PAD], signature) for item in np.asarray(target)]


def measured(preds: Any, target: Any, signature: Signature) -> Measures:
    texts, references = texts_of(preds, signature), references_of(target, signature)
    exact = np.mean([text in wanted for text, wanted in zip(texts, references, strict=True)])
    count, beams = sum(map(len, references)), int(signature.target["beams"])
    how = "the likeliest token each time" if beams == 1 else f"{beams} hypotheses followed"
    said = f"Against all {count:,} references of {len(texts):,} sources; {how}."
    return Measures({**corpus_scores(texts, references), "exact": float(exact)}, notes=[said])


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


def attention_chart(arrays: Mapping[str, np.ndarray], signature: Signature) -> Matrix | None:
    """Rows are the tokens written, columns those read; each row adds up to 1."""
    if "attention" not in arrays:
        return None
    tokenizer = signature.preprocessing["tokenizer"]
    read, written = (
        tuple(pieces_of(arrays[f"attention_{side}"], tokenizer)) for side in ("source", "answer")
    )
    return Matrix(
        name="attention",
        title="Attention while writing",
        rows=written,
        columns=read,
        values=arrays["attention"].tolist(),
        counts=False,
        x="read",
        y="written",
    )


class TextMeter:
    """Token accuracy of the next token, and chrF of the answers, whose texts it keeps."""

    def __init__(self, signature: Signature) -> None:
        self.signature = signature
        self.right = self.tokens = 0.0
        self.texts: list[str] = []
        self.references: list[list[str]] = []

    def update(self, outputs: dict[str, Tensor], target: Tensor) -> None:
        logits, wanted = outputs["logits"], target[:, 0, : outputs["logits"].shape[1]]
        real = wanted != PAD
        self.right += float(((logits.argmax(-1) == wanted) & real).sum())
        self.tokens += float(real.sum())
        self.texts += texts_of(outputs["tokens"].cpu(), self.signature)
        self.references += references_of(target.cpu(), self.signature)

    def merge(self, other: Self) -> None:
        self.right, self.tokens = self.right + other.right, self.tokens + other.tokens
        self.texts += other.texts
        self.references += other.references

    def compute(self) -> dict[str, float]:
        if not self.texts:
            return {}
        accuracy = self.right / self.tokens
        return {"token_accuracy": accuracy, "chrf": corpus_scores(self.texts, self.references)["chrf"]}
