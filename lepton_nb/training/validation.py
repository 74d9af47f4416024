"""One pass over held-out data."""

from __future__ import annotations

import math
from collections.abc import Callable

from torch import nn

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
    group: Group = ALONE,
) -> dict[str, float] | None:
    """The ``val_`` metrics of the model over the loader; None where `keep_going` turned false on the way.

    Every module is left in the mode it came in. The loss is the mean over the items.
    """
    loss_sum, items, seen = 0.0, 0, 0
    with evaluating(model), without_gradients(model, objective):
        for batch in loader.batches(0):
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
            meter.update(outputs, batch.target)
    loss_sum, items, seen = summed(group, loss_sum, items, seen)
    if not seen:
        return {}
    meter = merged(group, meter)
    metrics = {**({"loss": loss_sum / items} if items else {}), **meter.compute()}
    return {f"val_{name}": value for name, value in metrics.items() if not math.isnan(value)}
