"""Writing the history: every point of every metric goes to the run store, in batches."""

from __future__ import annotations

from lepton_nb.callbacks.base import Callback, LogRow
from lepton_nb.callbacks.state import TrainState


class HistoryWriter(Callback):
    """Appends what the loop logs to the run, and tells the store that the run is alive."""

    def on_log(self, state: TrainState, rows: list[LogRow]) -> None:
        state.run.log_many(rows)
        state.run.heartbeat(epoch=state.epoch, step=state.step)

    def on_epoch_end(self, state: TrainState) -> None:
        state.run.flush()

    def on_fit_end(self, state: TrainState) -> None:
        state.run.heartbeat(epoch=state.epoch, step=state.step)
        state.run.flush()

    def on_exception(self, state: TrainState, error: BaseException) -> None:  # noqa: ARG002
        state.run.flush()
