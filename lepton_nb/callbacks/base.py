"""The callback interface."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lepton_nb.callbacks.state import TrainState

LogRow = tuple[int, int, dict[str, float]]
"""``(step, epoch, metrics)``: one point of the history."""


class Callback:
    """Hooks into the loop, called in this order::

        on_fit_start
        for each epoch:
            on_epoch_start
            for each optimizer step:
                on_step_end
                on_log            # at most ten times a second, with every point since the last call
            on_validation_end     # the epoch's metrics are in state.metrics
            on_epoch_end          # after the checkpoint is on disk
        on_fit_end                # always, also after a stop; not after an exception
        on_exception              # instead of on_fit_end, when the loop raises

    A hook runs in the thread of the loop. What it raises ends the run, with the last checkpoint kept.
    """

    def on_fit_start(self, state: TrainState) -> None: ...

    def on_epoch_start(self, state: TrainState) -> None: ...

    def on_step_end(self, state: TrainState) -> None: ...

    def on_log(self, state: TrainState, rows: list[LogRow]) -> None: ...

    def on_validation_end(self, state: TrainState) -> None: ...

    def on_epoch_end(self, state: TrainState) -> None: ...

    def on_fit_end(self, state: TrainState) -> None: ...

    def on_exception(self, state: TrainState, error: BaseException) -> None: ...
