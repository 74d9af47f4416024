"""Writing the history: every point of every metric goes to the run store, in batches."""

from __future__ import annotations

from typing import Any

from lepton_nb.callbacks.base import Callback, LogRow
from lepton_nb.callbacks.state import TrainState


class HistoryWriter(Callback):
    """Appends what the loop logs to the run, and tells the store that the run is alive."""

    def on_log(self, state: TrainState, rows: list[LogRow]) -> None:
        state.writer.log_many(rows)
        state.writer.heartbeat(epoch=state.epoch, step=state.step, vitals=vitals(state))

    def on_epoch_start(self, state: TrainState) -> None:
        state.writer.heartbeat(epoch=state.epoch, step=state.step, vitals=vitals(state))

    def on_epoch_end(self, state: TrainState) -> None:
        state.writer.flush()

    def on_fit_end(self, state: TrainState) -> None:
        state.writer.heartbeat(epoch=state.epoch, step=state.step, vitals=vitals(state))
        state.writer.flush()

    def on_exception(self, state: TrainState, error: BaseException) -> None:  # noqa: ARG002
        state.writer.flush()


def vitals(state: TrainState) -> dict[str, Any]:
    """What a panel in another process shows of a run in training, beside its history; see `Run.vitals`."""
    return {
        "phase": state.phase,
        "device": str(state.device),
        "device_reason": state.device_reason,
        "steps_per_epoch": state.steps_per_epoch,
        "items_per_second": state.items_per_second,
        "eta": state.eta,
        "lr": state.lr,
        "memory": state.memory_bytes,
        "best_epoch": state.best_epoch,
        "stop_reason": state.stop_reason,
        "samples": state.samples,
    }
