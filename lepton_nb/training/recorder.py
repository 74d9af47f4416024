"""Collecting what the loop measures, and handing it on at most ten times a second.

A step costs an append; the store and the panels wait for the flush.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from lepton_nb.callbacks import Callback, LogRow, TrainState

_INTERVAL = 0.1  # seconds between two flushes
_POLL = 0.5  # seconds between two looks at the store for requests from other processes


class Recorder:
    """Turns steps into history rows, throughput and stop requests."""

    def __init__(self, state: TrainState, callbacks: Sequence[Callback]) -> None:
        self.state = state
        self.callbacks = callbacks
        self._steps: list[int] = []
        self._losses: list[float] = []
        self._rates: list[float] = []
        self._logs: list[dict[str, Any]] = []
        self._items = 0
        self._flushed_at = self._polled_at = time.perf_counter()

    def record(self, loss: float, items: int, logs: Mapping[str, Any] | None = None) -> None:
        """One optimizer step: its loss, how many items it used, and what a step of the user's logged."""
        state = self.state
        self._steps.append(state.step)
        self._losses.append(loss)
        self._logs.append(dict(logs or {}))
        self._rates.append(state.optimizer.param_groups[0]["lr"])
        self._items += items
        if time.perf_counter() - self._flushed_at >= _INTERVAL:
            self.flush()

    def note(self) -> None:
        """What callbacks have put into the metrics after the step that was recorded last."""
        state = self.state
        if not (put := state.metrics.take_put()):
            return
        if self._logs:
            self._logs[-1].update(put)
        else:
            self.emit([(state.step, state.epoch, put)])

    def flush(self) -> None:
        """Hand everything collected to the callbacks."""
        now = time.perf_counter()
        if self._losses:
            state = self.state
            rows: list[LogRow] = [
                (step, state.epoch, {"loss": loss, "lr": rate, **{k: float(v) for k, v in logs.items()}})
                for step, loss, rate, logs in zip(
                    self._steps, self._losses, self._rates, self._logs, strict=True
                )
            ]
            state.items_per_second = self._items / max(now - self._flushed_at, 1e-9)
            state.metrics.know(rows[-1][2])
            self._steps, self._losses, self._rates, self._logs, self._items = [], [], [], [], 0
            self.emit(rows)
        self._flushed_at = now
        if now - self._polled_at >= _POLL:
            self.poll_requests()

    def emit(self, rows: list[LogRow]) -> None:
        for callback in self.callbacks:
            callback.on_log(self.state, rows)

    def rest(self) -> None:
        """Forget the time since the last flush, so that validation does not count as slow training."""
        self._flushed_at = time.perf_counter()

    def poll_requests(self) -> None:
        """Obey what another process asked of the run through the store."""
        self._polled_at = time.perf_counter()
        while (request := self.state.writer.take_request()) is not None:
            self.state.control.obey(request)

    def keep_going(self) -> bool:
        """Whether nobody has asked to stop, in this process or another; cheap enough for every batch."""
        if time.perf_counter() - self._polled_at >= _POLL:
            self.poll_requests()
        return not self.state.control.stop_requested
