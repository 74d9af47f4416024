"""Progress where there is no notebook: a line that moves in a terminal, lines of text elsewhere."""

from __future__ import annotations

import sys
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from lepton_nb.callbacks import Callback, LogRow, TrainState
from lepton_nb.runs import Run
from lepton_nb.runs.states import PHASES
from lepton_nb.show.numbers import duration, figure
from lepton_nb.show.words import plural
from lepton_nb.widgets.settled import sink_rows, summary_rows


class TerminalProgress(Callback):
    """One progress line, with a line above it for every finished epoch.

    Args:
        console: Where to draw; the terminal where None.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console()
        self._progress: Progress | None = None
        self._task = TaskID(0)

    def on_fit_start(self, state: TrainState) -> None:
        self._console.print(opening(state), highlight=False, markup=False, soft_wrap=True)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=14),
            TextColumn("{task.fields[numbers]}"),
            console=self._console,
            refresh_per_second=8,
            transient=True,
        )
        self._task = self._progress.add_task("", total=state.total_steps, numbers="", completed=state.step)
        self._progress.start()

    def on_log(self, state: TrainState, rows: list[LogRow]) -> None:  # noqa: ARG002
        if self._progress is None:
            return
        self._progress.update(
            self._task,
            description=f"epoch {min(state.epoch + 1, state.epochs)}/{state.epochs}",
            completed=state.step,
            numbers=numbers(state),
        )

    def on_epoch_end(self, state: TrainState) -> None:
        self._console.print(epoch_line(state), highlight=False, markup=False, soft_wrap=True)

    def on_fit_end(self, state: TrainState) -> None:
        self._close(state)

    def on_exception(self, state: TrainState, error: BaseException) -> None:  # noqa: ARG002
        self._close(state)

    def _close(self, state: TrainState) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None
        self._console.print(closing(state), highlight=False, markup=False, soft_wrap=True)


class LineProgress(Callback):
    """Plain lines, one an epoch: for logs and other streams that are no terminal.

    Args:
        stream: Where to write; standard output where None.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream

    def on_fit_start(self, state: TrainState) -> None:
        self._write(opening(state))

    def on_epoch_end(self, state: TrainState) -> None:
        self._write(epoch_line(state))

    def on_fit_end(self, state: TrainState) -> None:
        self._write(closing(state))

    def on_exception(self, state: TrainState, error: BaseException) -> None:  # noqa: ARG002
        self._write(closing(state))

    def _write(self, text: str) -> None:
        print(text, file=self._stream or sys.stdout, flush=True)


def opening(state: TrainState) -> str:
    device = f"{state.device} ({state.device_reason})"
    head = (
        f"{state.run.ref}: {state.run.model} on {state.data_name}, {plural(state.epochs, 'epoch')}, {device}"
    )
    sinks = [f"{label}: {line}" for label, line in sink_rows(state.run)]
    return "\n".join([head, *sinks, *notes(state.run)])


def notes(run: Run) -> list[str]:
    """What was noticed so far, a line each."""
    return [f"Note: {said}" for said in run.warnings]


def numbers(state: TrainState) -> str:
    """Loss, monitored metric, items a second and time left, as far as they are known: it fits 80 columns."""
    parts = []
    if "loss" in state.metrics:
        parts.append(f"loss {figure(state.metrics['loss'])}")
    if state.monitor in state.metrics:
        name = state.monitor.removeprefix("val_").replace("_", " ")
        parts.append(f"{name} {figure(state.metrics[state.monitor])}")
    if state.items_per_second:
        parts.append(f"{state.items_per_second:,.0f}/s")
    if state.eta is not None:
        parts.append(f"{duration(state.eta)} left")
    return " · ".join(parts)


def epoch_line(state: TrainState) -> str:
    """The metrics of the epoch that has just ended."""
    names = [name for name in state.metrics if name == "train_loss" or name.startswith("val_")]
    metrics = "  ".join(f"{name} {figure(state.metrics[name])}" for name in names)
    best = "  (best)" if state.best_epoch == state.epoch else ""
    return f"epoch {state.epoch + 1}/{state.epochs}  {metrics}{best}"


def closing(state: TrainState) -> str:
    """The summary of an ended run."""
    rows = summary_rows(state)
    return "\n".join([PHASES[state.phase], *(f"  {label:<26} {text}" for label, text in rows)])
