"""The side of a sink that the loop sees: it puts points into a bounded queue, and never waits for anyone."""

from __future__ import annotations

import queue
import threading
from abc import ABC, abstractmethod
from typing import Literal

from lepton_nb.callbacks.base import Callback, LogRow
from lepton_nb.callbacks.state import TrainState
from lepton_nb.runs import Run

_LONGEST = 1000  # batches that wait, ten a second at most: more than a minute and a half
_PATIENCE = 20.0  # seconds that the end of a run waits for what is still on its way

End = Literal["finished", "stopped", "failed"]


class Sink(ABC):
    """Writes points somewhere. It runs in one thread of its own; whatever it raises ends the sink alone.

    Args:
        place: Where to, as the user gave it after the colon; None for the usual place.
    """

    def __init__(self, place: str | None) -> None:
        self.place = place

    def opened_by(self) -> str:
        """The line that shows what it writes, with the place; empty where there is none to tell."""
        return ""

    @abstractmethod
    def open(self, run: Run, from_step: int) -> None:
        """Get ready for the points of a run, which goes on from a step if it is resumed, else from 0."""

    @abstractmethod
    def write(self, rows: list[LogRow]) -> None:
        """Take some points, in the order they were measured."""

    @abstractmethod
    def close(self, end: End) -> None:
        """Finish; the run ended so."""


class SinkCallback(Callback):
    """Hands what the loop logs to a `Sink` in its own thread.

    Where the sink is slower than training for so long that the queue is full, points are dropped; where it
    fails, it is left out from then on. The run's log and its warnings say so, and training goes on.
    """

    def __init__(self, name: str, sink: Sink) -> None:
        self.name = name
        self.sink = sink
        self._queue: queue.Queue[list[LogRow] | End] = queue.Queue(_LONGEST)
        self._thread: threading.Thread | None = None
        self._error: Exception | None = None
        self._dropped = 0

    def on_fit_start(self, state: TrainState) -> None:
        arguments = (state.run, state.step)
        name = f"lepton-sink-{self.name}"
        self._thread = threading.Thread(target=self._work, args=arguments, name=name, daemon=True)
        self._thread.start()

    def on_log(self, state: TrainState, rows: list[LogRow]) -> None:  # noqa: ARG002
        if self._error is not None or not rows:
            return
        try:
            self._queue.put_nowait(rows)
        except queue.Full:
            self._dropped += len(rows)

    def on_fit_end(self, state: TrainState) -> None:
        self._finish(state, "finished" if state.phase == "finished" else "stopped")

    def on_exception(self, state: TrainState, error: BaseException) -> None:
        self._finish(state, "stopped" if isinstance(error, KeyboardInterrupt) else "failed")

    def _work(self, run: Run, from_step: int) -> None:
        try:
            self.sink.open(run, from_step)
            while True:
                item = self._queue.get()
                if isinstance(item, str):
                    self.sink.close(item)
                    return
                self.sink.write(item)
        except Exception as error:  # it must not reach the run, whatever it is
            self._error = error

    def _finish(self, state: TrainState, end: End) -> None:
        if self._thread is None:
            return
        try:
            self._queue.put(end, timeout=_PATIENCE if self._error is None else 0.0)
        except queue.Full:
            pass
        else:
            self._thread.join(_PATIENCE if self._error is None else 0.0)
        if self._error is not None:
            _say(state, f"The sink {self.name} failed: {type(self._error).__name__}: {self._error}")
        elif self._thread.is_alive():
            _say(state, f"The sink {self.name} is still writing; it goes on while this process lives.")
        if self._dropped:
            _say(
                state,
                f"The sink {self.name} was too slow: {self._dropped:,} points are only in the run store.",
            )


def _say(state: TrainState, text: str) -> None:
    state.run.warnings.append(text)
    state.run.append_log(text)
