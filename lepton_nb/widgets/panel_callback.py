"""Driving the panel from the loop, and leaving a picture in its place."""

from __future__ import annotations

import time
from collections import deque
from typing import Any

from lepton_nb.callbacks import Callback, LogRow, TrainState
from lepton_nb.widgets.curves import Curves
from lepton_nb.widgets.place import Place
from lepton_nb.widgets.settled import settled_bundle, unsettled_bundle
from lepton_nb.widgets.shown import Shown
from lepton_nb.widgets.terminal import notes
from lepton_nb.widgets.train_panel import TrainPanel

_KEPT = 4
_kept: deque[TrainPanel] = deque()
_INTERVAL = 0.2  # seconds between two updates: fluent to look at, and no load beside the training


class PanelCallback(Callback):
    """Shows a `TrainPanel` while the run trains, and a static summary with the curves once it has ended.

    The summary replaces the panel in the same place, so that a saved notebook shows it without a kernel.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._panel: TrainPanel | None = None
        self._sent_at = 0.0
        self._phase = ""

    def on_fit_start(self, state: TrainState) -> None:
        self._points = Curves()
        if state.step:
            self._points.add(past_rows(state))
        for note in notes(state.run):  # as text: it is read without widgets, too, and before the first step
            print(note)
        self._panel = TrainPanel(state.control, describe(state), measure(state), self._points)
        self._panel.fallback = unsettled_bundle(state, self._panel.host)
        self._place.show(self._panel)

    def on_log(self, state: TrainState, rows: list[LogRow]) -> None:
        self._points.add(rows)
        if time.monotonic() - self._sent_at >= _INTERVAL or state.phase != self._phase:
            self._refresh(state)

    def on_epoch_start(self, state: TrainState) -> None:
        self._refresh(state)

    def on_validation_end(self, state: TrainState) -> None:
        self._refresh(state)

    def on_fit_end(self, state: TrainState) -> None:
        self._settle(state)

    def on_exception(self, state: TrainState, error: BaseException) -> None:  # noqa: ARG002
        self._settle(state)

    def _refresh(self, state: TrainState) -> None:
        if self._panel is not None:
            self._sent_at, self._phase = time.monotonic(), state.phase
            self._panel.refresh(measure(state))

    def _settle(self, state: TrainState) -> None:
        if self._panel is None:
            return
        self._panel.refresh(measure(state))
        self._place.show(settled_bundle(state, self._points))
        keep(self._panel)
        self._panel = None


def keep(panel: TrainPanel) -> None:
    """Leave an ended run's panel open for a while.

    A page that was reloaded in mid-run does not hear that the summary replaces the panel; it still finds the
    panel, with the run's end in it. Only the newest few stay, for each holds its curves.
    """
    _kept.append(panel)
    while len(_kept) > _KEPT:
        _kept.popleft().close()


def past_rows(state: TrainState) -> list[LogRow]:
    """The points of a resumed run from before this process."""
    history = state.run.history()
    return [
        (step, 0, {name: value})
        for name in history
        for step, value in zip(*history[name], strict=True)
        if step <= state.step
    ]


def describe(state: Shown) -> dict[str, Any]:
    """What a panel shows that does not change while the run trains."""
    return {
        "name": state.run.ref if state.run.number > 1 else state.run.name,
        "model": state.run.model,
        "data": state.data_name,
        "device": str(state.device),
        "device_reason": state.device_reason,
        "monitor": state.monitor,
        "mode": state.mode,
        "epochs": state.epochs,
        "steps_per_epoch": state.steps_per_epoch,
    }


def measure(state: Shown) -> dict[str, Any]:
    """What a panel shows that changes."""
    return {
        "phase": state.phase,
        "stopping": state.control.stop_requested,
        "epoch": state.epoch,
        "step": state.step,
        "total_steps": state.total_steps,
        "items_per_second": state.items_per_second,
        "eta": state.eta,
        "elapsed": state.elapsed,
        "lr": state.lr,
        "memory": state.memory_bytes,
        "best_value": state.best_value,
        "best_epoch": state.best_epoch,
        "samples": state.samples,
    }
