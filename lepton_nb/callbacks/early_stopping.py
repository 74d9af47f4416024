"""Stopping when the monitored metric no longer improves."""

from __future__ import annotations

from lepton_nb.callbacks.base import Callback
from lepton_nb.callbacks.state import TrainState


class EarlyStopping(Callback):
    """Stops after `patience` epochs without a better value of the monitored metric.

    It counts from the best epoch, which the checkpoint holds, so a resumed run stops at the same epoch.
    """

    def __init__(self, patience: int) -> None:
        self.patience = patience

    def on_validation_end(self, state: TrainState) -> None:
        if state.best_epoch is not None and state.epoch - state.best_epoch >= self.patience:
            state.stop_reason = f"{state.monitor} has not improved for {self.patience} epochs"
            state.control.stop()
