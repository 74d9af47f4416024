"""One pass over held-out data."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from lepton_nb.batch import Batch, leaves
from lepton_nb.data import Loader
from lepton_nb.models.objectives import Objective
from lepton_nb.models.preserve import evaluating, without_gradients
from lepton_nb.tasks.meters import Meter
from lepton_nb.training.group import ALONE, Group, merged, summed


def validate(
    model: nn.Module,
    loader: Loader,
    objective: Objective,
    meter: Meter,
    *,
    keep_going: Callable[[], bool],
    tell: Callable[[str], object] = str,
    group: Group = ALONE,
) -> dict[str, float] | None:
    """The ``val_`` metrics of the model over the loader; None where `keep_going` turned false on the way.

    Every module is left in the mode it came in. The loss is the mean over the items.

    Args:
        tell: Hears which batch has a loss that is no number, and why.
    """
    loss_sum, items, seen, spoiled = 0.0, 0, 0, None
    with evaluating(model), without_gradients(model, objective):
        for number, batch in enumerate(loader.batches(0), 1):
            if group.any(not keep_going()):
                return None
            count = batch.items
            if not count:  # a rank's part of a batch with fewer items than ranks
                continue
            loss, outputs = objective(model, batch)
            seen += count
            if loss is not None:
                loss_sum += float(loss) * count
                items += count
                if spoiled is None and not math.isfinite(loss):
                    spoiled = _spoiled(number, batch, float(loss))
            meter.update(outputs, batch.target)
    if spoiled is not None:
        tell(spoiled)
    loss_sum, items, seen = summed(group, loss_sum, items, seen)
    if not seen:
        return {}
    meter = merged(group, meter)
    metrics = {**({"loss": loss_sum / items} if items else {}), **meter.compute()}
    return {f"val_{name}": value for name, value in metrics.items() if not math.isnan(value)}


def _spoiled(number: int, batch: Batch, loss: float) -> str:
    """What makes the loss of a batch no number."""
    tensors = [tensor for tensor in leaves(batch.inputs) if isinstance(tensor, Tensor)]
    bad = next((tensor for tensor in tensors if not torch.isfinite(tensor).all()), None)
    if bad is None:
        return f"Batch {number} of the validation split has the loss {loss:g}, though its inputs are finite."
    row = int((~torch.isfinite(bad)).reshape(len(bad), -1).any(1).nonzero()[0])
    return (
        f"Batch {number} of the validation split holds NaN or infinity in its inputs (item {row} of it), so "
        f"val_loss is {loss:g}: fill or drop such items."
    )
