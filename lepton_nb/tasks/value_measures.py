"""The metrics of a regression, by torchmetrics. Reached only from `measure`: its import is slow."""

from __future__ import annotations

import numpy as np

from lepton_nb.tasks.base import Measures


def measure_values(preds: np.ndarray, target: np.ndarray) -> Measures:
    """Every metric of values ``(N, T)`` against the truth ``(N, T)``, both in the target's unit."""
    import torch
    from torchmetrics.functional import regression as tm

    guess, truth = torch.from_numpy(preds).flatten(), torch.from_numpy(target).flatten()
    scalars = {
        "mae": float(tm.mean_absolute_error(guess, truth)),
        "rmse": float(tm.mean_squared_error(guess, truth, squared=False)),
        "median_absolute_error": float(np.median(np.abs(preds - target))),
    }
    notes = []
    if len(target) > 1 and (target.max(axis=0) > target.min(axis=0)).all():
        shape = (len(target), -1)
        scalars["r2"] = float(tm.r2_score(guess.reshape(shape), truth.reshape(shape)))
    else:
        notes.append("R² is unknown: all the true values are the same.")
    if (target != 0).all():
        scalars["mape"] = float(tm.mean_absolute_percentage_error(guess, truth))
    else:
        notes.append("The percentage error is unknown: some true values are zero.")
    return Measures(scalars, arrays={"preds": preds, "target": target}, notes=notes)
