"""The metrics of every epoch, of all scores at once: a mean of batches' average precisions is none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from lepton_nb.tasks.labels.reading import PROBABILITIES, USUAL

if TYPE_CHECKING:
    from torch import Tensor

    from lepton_nb.signature import Signature


class LabelMeter:
    """Average precision, its mean over the labels that occur, and F1 and accuracy at a threshold of 0.5.

    It keeps every score: ``N × L`` float32, and a byte for each truth.
    """

    def __init__(self, signature: Signature) -> None:
        self.labels = signature.num_outputs
        self.gives_probabilities = signature.target.get("outputs") == PROBABILITIES
        self.scores: list[Tensor] = []
        self.truth: list[Tensor] = []

    def update(self, outputs: Any, target: Tensor) -> None:
        from lepton_nb.models.calling import scores_of

        scores = scores_of(outputs).detach().reshape(-1, self.labels)
        self.scores.append(scores.float().cpu())
        self.truth.append((target.detach().reshape(-1, self.labels) > USUAL).cpu())

    def merge(self, other: Self) -> None:
        self.scores += other.scores
        self.truth += other.truth

    def compute(self) -> dict[str, float]:
        import torch

        if not self.scores:
            return {}
        scores, truth = torch.cat(self.scores), torch.cat(self.truth)
        said = scores >= (USUAL if self.gives_probabilities else 0.0)
        hits = int((said & truth).sum())
        claims = int(said.sum()) + int(truth.sum())
        return {
            "average_precision": float(average_precisions(scores, truth).nanmean()),
            "f1": 2 * hits / claims if claims else float("nan"),
            "accuracy": float((said == truth).float().mean()),
        }


def average_precisions(scores: Tensor, truth: Tensor) -> Tensor:
    """The average precision of each label ``(L,)``; NaN where no item has it.

    The sum over the positives of the precision down to their score, over their number; equal scores are one.

    Args:
        scores: ``(N, L)``, larger is surer.
        truth: bool ``(N, L)``.
    """
    import torch

    ranked, order = scores.sort(dim=0, descending=True)
    positive = truth.gather(0, order)
    count = torch.arange(1, len(scores) + 1, dtype=torch.float64)[:, None]
    ends = torch.ones_like(positive)
    ends[:-1] = ranked[:-1] != ranked[1:]
    last = torch.where(ends, count, torch.inf).flip(0).cummin(dim=0).values.flip(0)
    hits = positive.cumsum(dim=0).double().gather(0, last.long() - 1)
    found: Tensor = (hits / last * positive).sum(dim=0) / positive.sum(dim=0)
    return found
