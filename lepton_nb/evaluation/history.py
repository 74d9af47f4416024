"""The metrics of a run's epochs, as the learning curves take them."""

from __future__ import annotations

import math

from lepton_nb.plots.learning_curves import Series
from lepton_nb.runs import Run


def epoch_series(run: Run) -> Series:
    """``{"val_loss": (epochs, values)}`` of every training and validation metric; epochs count from 1."""
    table = run.history().epochs()
    epochs = [int(epoch) + 1 for epoch in table.index]
    series = {}
    for name in table.columns:
        if not str(name).startswith(("train_", "val_")):
            continue
        values = table[name].tolist()
        points = [(epoch, v) for epoch, v in zip(epochs, values, strict=True) if math.isfinite(v)]
        if points:
            series[str(name)] = ([epoch for epoch, _ in points], [value for _, value in points])
    return series
