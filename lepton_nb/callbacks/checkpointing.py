"""Deciding when a checkpoint is due. What is in it is the loop's business."""

from __future__ import annotations

import time
from collections.abc import Callable

from lepton_nb.callbacks.base import Callback
from lepton_nb.callbacks.state import TrainState
from lepton_nb.runs import Retention


class Checkpointing(Callback):
    """Saves at the start, after every validation, every `every` seconds between, and when the run stops.

    Args:
        snapshot: Returns the state to save, as nested dicts, lists, numbers and tensors.
        every: Seconds between two checkpoints within one epoch.
        keep: Which checkpoints stay on disk.
    """

    def __init__(self, snapshot: Callable[[], dict[str, object]], every: float, keep: Retention) -> None:
        self.snapshot = snapshot
        self.every = every
        self.keep = keep
        self._saved_at = time.monotonic()
        self._saved_step = -1

    def save(self, state: TrainState, *, value: float | None = None, best: bool = False) -> None:
        state.writer.save_checkpoint(
            self.snapshot(),
            step=state.step,
            epoch=state.epoch,
            value=value,
            best=best,
            keep=self.keep,
        )
        self._saved_at = time.monotonic()
        self._saved_step = state.step

    def on_fit_start(self, state: TrainState) -> None:
        if state.step == 0:
            self.save(state)

    def on_step_end(self, state: TrainState) -> None:
        if time.monotonic() - self._saved_at >= self.every:
            self.save(state)

    def on_validation_end(self, state: TrainState) -> None:
        value = state.metrics.get(state.monitor)
        self.save(state, value=value, best=state.best_epoch == state.epoch)

    def on_fit_end(self, state: TrainState) -> None:
        if state.step != self._saved_step:
            self.save(state)
