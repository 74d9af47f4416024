"""The run's text log: what `%lepton logs` prints."""

from __future__ import annotations

from lepton_nb.callbacks.base import Callback
from lepton_nb.callbacks.state import TrainState


class RunLog(Callback):
    """Writes a line when training starts, for every epoch, and when it ends, and why."""

    def on_fit_start(self, state: TrainState) -> None:
        run = state.run
        begun = "started" if state.step == 0 else f"resumed at step {state.step}"
        run.append_log(f"{begun}: {run.model} on {run.data}, {state.device} ({state.device_reason})")

    def on_epoch_end(self, state: TrainState) -> None:
        names = ["train_loss", *(name for name in state.metrics if name.startswith("val_"))]
        values = ", ".join(f"{name} {state.metrics[name]:.4g}" for name in names)
        best = ", best so far" if state.best_epoch == state.epoch else ""
        state.run.append_log(f"epoch {state.epoch + 1} of {state.epochs}: {values}{best}")

    def on_fit_end(self, state: TrainState) -> None:
        reason = f": {state.stop_reason}" if state.stop_reason else ""
        state.run.append_log(f"{state.phase} at step {state.step}{reason}")

    def on_exception(self, state: TrainState, error: BaseException) -> None:
        state.run.append_log(f"{state.phase} at step {state.step}: {type(error).__name__}: {error}")
