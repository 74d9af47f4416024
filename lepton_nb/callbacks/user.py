"""The user's own callbacks: objects, classes, or plain functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from lepton_nb.callbacks.base import Callback
from lepton_nb.callbacks.state import TrainState
from lepton_nb.errors import ArgumentError


class EpochFunction(Callback):
    """Calls a function with the state after each epoch."""

    def __init__(self, function: Callable[[TrainState], Any]) -> None:
        self.function = function

    def on_epoch_end(self, state: TrainState) -> None:
        self.function(state)


def as_callbacks(values: Iterable[Any]) -> list[Callback]:
    """Callbacks from what a user gives: a `Callback`, a subclass of it, or a function of the state.

    Raises:
        ArgumentError: If something is none of these.
    """
    found = [_as_callback(value) for value in values]
    for callback in found:
        # Ours look at what was measured and which epoch was best; the user's may measure it.
        callback.measures = not type(callback).__module__.startswith("lepton_nb.")
    return found


def _as_callback(value: Any) -> Callback:
    if isinstance(value, Callback):
        return value
    if isinstance(value, type) and issubclass(value, Callback):
        try:
            return value()
        except TypeError as error:
            raise ArgumentError(
                f"The callback {value.__name__} cannot be made: {error}.", "Give it made."
            ) from error
    if callable(value) and not isinstance(value, type):
        return EpochFunction(value)
    seen = f"the class {value.__name__}" if isinstance(value, type) else f"a {type(value).__name__}"
    raise ArgumentError(
        f"A callback is {seen}; expected a lepton_nb.Callback or a function of the state.",
        "class Mine(lepton_nb.Callback): def on_epoch_end(self, state): print(state.metrics)",
    )
