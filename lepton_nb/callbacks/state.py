"""What a training run is doing right now, and how anyone may tell it to stop or pause."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from lepton_nb.callbacks.metrics import Metrics

if TYPE_CHECKING:
    import torch
    from torch import nn

    from lepton_nb.runs import Run
    from lepton_nb.runs.writer import RunWriter

Phase = Literal["starting", "training", "validating", "paused", "finished", "stopped", "failed"]


class Control:
    """Requests from any thread, be it of a button, a signal or another process.

    To stop, pause, resume, or change the learning rate.

    The loop looks between two steps, so a request never lands in the middle of one.
    """

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._go = threading.Event()
        self._go.set()
        self._lr: float | None = None

    def stop(self) -> None:
        self._stop.set()
        self._go.set()

    def pause(self) -> None:
        if not self.stop_requested:
            self._go.clear()

    def resume(self) -> None:
        self._go.set()

    def change_lr(self, value: float) -> None:
        """Ask for another peak learning rate; the schedule goes on from it."""
        self._lr = value

    def take_lr(self) -> float | None:
        """The learning rate asked for since the last call, if any."""
        value, self._lr = self._lr, None
        return value

    @property
    def lr_requested(self) -> bool:
        return self._lr is not None

    def obey(self, request: str) -> None:
        """Do what `Run.take_request` gave: ``stop``, ``pause``, ``resume`` or ``lr 0.001``."""
        action, _, value = request.partition(" ")
        if action == "lr":
            self.change_lr(float(value))
        else:
            {"stop": self.stop, "pause": self.pause, "resume": self.resume}[action]()

    @property
    def stop_requested(self) -> bool:
        return self._stop.is_set()

    @property
    def paused(self) -> bool:
        return not self._go.is_set()

    def wait_while_paused(self, poll: Callable[[], None], seconds: float = 0.1) -> None:
        """Return when no longer paused; calls `poll` every `seconds` meanwhile."""
        while not self._go.wait(seconds):
            poll()


@dataclass
class TrainState:
    """Everything a callback may look at.

    Attributes:
        run: To read; what the training says of itself goes through `writer`.
        epoch: Index of the epoch in progress, from 0.
        epochs: How many epochs the run shall have.
        batch: Batches of this epoch already used.
        step: Optimizer steps done since the run began.
        steps_per_epoch: Optimizer steps an epoch; None where the loader has no length.
        metrics: The latest value of every metric, by name. What a callback puts into it is kept in the
            history, and may be what is monitored.
        items_per_second: Training throughput over the last moments; 0 until known.
        best_value: The best value of the monitored metric so far.
        samples: What the model answered at the last validation, a line an item, where its task shows any.
    """

    run: Run
    writer: RunWriter
    model: nn.Module
    optimizer: torch.optim.Optimizer
    config: Any
    device: torch.device
    device_reason: str
    data_name: str
    epochs: int
    steps_per_epoch: int | None
    monitor: str
    mode: Literal["min", "max"]
    control: Control = field(default_factory=Control)
    epoch: int = 0
    batch: int = 0
    step: int = 0
    phase: Phase = "starting"
    metrics: Metrics = field(default_factory=Metrics)
    items_per_second: float = 0.0
    best_value: float | None = None
    best_loss: float = math.inf
    best_epoch: int | None = None
    stop_reason: str = ""
    samples: list[str] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)
    started_step: int = 0

    @property
    def total_steps(self) -> int | None:
        return None if self.steps_per_epoch is None else self.steps_per_epoch * self.epochs

    @property
    def elapsed(self) -> float:
        """Seconds since this process began to train the run."""
        return time.monotonic() - self.started

    @property
    def eta(self) -> float | None:
        """Seconds left at the speed so far, validation included; None until there is a speed."""
        done = self.step - self.started_step
        if self.total_steps is None or done <= 0:
            return None
        return self.elapsed / done * (self.total_steps - self.step)

    @property
    def lr(self) -> float:
        """Learning rate of the first parameter group."""
        return float(self.optimizer.param_groups[0]["lr"])

    @property
    def memory_bytes(self) -> int:
        """Peak memory of the accelerator, or this process's resident memory on CPU."""
        import torch

        if self.device.type == "cuda":
            return int(torch.cuda.max_memory_allocated(self.device))
        import psutil

        return int(psutil.Process().memory_info().rss)

    def note_best(self) -> None:
        """Remember the latest metrics where they are the best so far.

        Of two epochs with the same monitored value, the one with the lower validation loss is better: on a
        small validation split an accuracy takes few values, and the first of them is seldom the best. NaN
        never is.
        """
        value, loss = self.metrics.get(self.monitor, math.nan), self.metrics.get("val_loss", math.inf)
        if math.isnan(value):
            return
        sign = 1.0 if self.mode == "min" else -1.0
        if self.best_value is not None and (sign * value, loss) >= (sign * self.best_value, self.best_loss):
            return
        self.best_value, self.best_loss, self.best_epoch = value, loss, self.epoch
