"""One pass over held-out data."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import nn

from lepton_nb.data import Loader
from lepton_nb.models.objectives import Objective
from lepton_nb.tasks.meters import Meter


def validate(
    model: nn.Module,
    loader: Loader,
    objective: Objective,
    meter: Meter,
    *,
    keep_going: Callable[[], bool],
) -> dict[str, float] | None:
    """The ``val_`` metrics of the model over the loader; None where `keep_going` turned false on the way.

    The model is left in the mode it came in. The loss is the mean over the items.
    """
    loss_sum, items, seen = 0.0, 0, 0
    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            for batch in loader.batches(0):
                if not keep_going():
                    return None
                loss, outputs = objective(model, batch)
                count = batch.items
                seen += count
                if loss is not None:
                    loss_sum += float(loss) * count
                    items += count
                meter.update(outputs, batch.target)
    finally:
        model.train(was_training)
    if not seen:
        return {}
    metrics = {**({"loss": loss_sum / items} if items else {}), **meter.compute()}
    return {f"val_{name}": value for name, value in metrics.items() if not math.isnan(value)}
