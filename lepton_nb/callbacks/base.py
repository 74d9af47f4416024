"""The callback interface."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

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
            on_validation_end     # the epoch's metrics are in state.metrics; what is put there is kept, too
            on_epoch_end          # after the checkpoint is on disk
        on_fit_end                # always, also after a stop; not after an exception
        on_exception              # instead of on_fit_end, when the loop raises

    A whole callback, to be passed as ``train(…, callbacks=[Rate()])`` or ``--callback Rate``::

        class Rate(Callback):
            def on_epoch_end(self, state):
                print(state.epoch, state.lr, state.metrics["val_loss"])
                if state.metrics["val_loss"] < 0.1:
                    state.control.stop()

    `TrainState` says what there is to look at. A plain function of the state will do, too: it is called at
    the end of each epoch.

    A hook runs in the thread of the loop. What it raises ends the run, with the last checkpoint kept.

    A callback that remembers something returns it from `state_dict`; it is kept in every checkpoint, and
    `load_state_dict` gets it back, before `on_fit_start`, when a run is resumed with the same callback.
    """

    measures: bool = False
    """Whether ``on_validation_end`` comes before it is noted which epoch was best; so for the user's own."""

    def on_fit_start(self, state: TrainState) -> None: ...

    def on_epoch_start(self, state: TrainState) -> None: ...

    def on_step_end(self, state: TrainState) -> None: ...

    def on_log(self, state: TrainState, rows: list[LogRow]) -> None: ...

    def on_validation_end(self, state: TrainState) -> None: ...

    def on_epoch_end(self, state: TrainState) -> None: ...

    def on_fit_end(self, state: TrainState) -> None: ...

    def on_exception(self, state: TrainState, error: BaseException) -> None: ...

    def state_dict(self) -> dict[str, Any]:
        """What to keep in checkpoints: numbers, strings, tensors, and lists, tuples and dicts of them."""
        return {}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Take back what `state_dict` returned."""


def callback_states(callbacks: Sequence[Callback]) -> dict[str, dict[str, Any]]:
    """The state of every callback that has one, by class name and number."""
    states = {key: callback.state_dict() for key, callback in _keyed(callbacks)}
    return {key: state for key, state in states.items() if state}


def restore_callbacks(callbacks: Sequence[Callback], states: dict[str, dict[str, Any]]) -> None:
    """Give every callback the state that `callback_states` found, where there is one."""
    for key, callback in _keyed(callbacks):
        if key in states:
            callback.load_state_dict(states[key])


def _keyed(callbacks: Sequence[Callback]) -> Iterator[tuple[str, Callback]]:
    count: Counter[str] = Counter()
    for callback in callbacks:
        name = type(callback).__qualname__
        count[name] += 1
        yield f"{name}-{count[name]}", callback
