"""Stopping when the monitored metric no longer improves."""

from __future__ import annotations

from typing import Any

from lepton_nb.callbacks.base import Callback
from lepton_nb.callbacks.state import TrainState


class EarlyStopping(Callback):
    """Stops after `patience` epochs without a better value of the monitored metric.

    It counts from the best epoch, which the checkpoint holds, so a resumed run stops at the same epoch. Where
    it has stopped the run before, whoever resumes it wants more: it counts from there.
    """

    def __init__(self, patience: int) -> None:
        self.patience = patience
        self.stopped_at = -1

    def on_validation_end(self, state: TrainState) -> None:
        if state.best_epoch is None:
            return
        if state.epoch - max(state.best_epoch, self.stopped_at) >= self.patience:
            self.stopped_at = state.epoch
            state.stop_reason = f"{state.monitor} has not improved for {self.patience} epochs"
            state.control.stop()

    def state_dict(self) -> dict[str, Any]:
        return {"stopped_at": self.stopped_at}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        self.stopped_at = saved["stopped_at"]
