"""One pass over held-out data."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from lepton_nb.data import Loader
from lepton_nb.models import call_model
from lepton_nb.models.preserve import evaluating, without_gradients

Criterion = Callable[[Tensor, Tensor], Tensor]
Score = Callable[[Tensor, Tensor], dict[str, float]]


def validate(
    model: nn.Module,
    loader: Loader,
    criterion: Criterion,
    score: Score,
    *,
    keep_going: Callable[[], bool],
) -> dict[str, float] | None:
    """The ``val_`` metrics of the model over the loader; None where `keep_going` turned false on the way.

    Every module is left in the mode it came in. Outputs are gathered on the CPU, so that a metric sees the
    whole set at once and is exact, not a mean over batches.
    """
    preds, targets, loss_sum, items = [], [], 0.0, 0
    with evaluating(model), without_gradients(model):
        for inputs, target in loader.batches(0):
            if not keep_going():
                return None
            output = call_model(model, inputs)
            loss_sum += float(criterion(output, target)) * len(target)
            items += len(target)
            preds.append(output.float().cpu())
            targets.append(target.cpu())
    if not items:
        return {}
    metrics = {"loss": loss_sum / items, **score(torch.cat(preds), torch.cat(targets))}
    return {f"val_{name}": value for name, value in metrics.items() if not math.isnan(value)}
