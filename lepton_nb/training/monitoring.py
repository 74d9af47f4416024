"""Which metric says which epoch was best: the one asked for, the user's own loss, or the task's.

A metric that `evaluate` gives and the epochs do not is measured in every epoch where it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Self, cast

import torch
from torch import Tensor

from lepton_nb.batch import Tree
from lepton_nb.data import DataBundle
from lepton_nb.errors import ArgumentError, TrainingError, did_you_mean
from lepton_nb.models.calling import scores_of
from lepton_nb.signature import Signature
from lepton_nb.tasks import Task
from lepton_nb.tasks.meters import Gathered, Meter

Mode = Literal["min", "max"]
_LESS_IS_BETTER = ("loss", "error", "rmse", "mae", "mse", "mape", "perplexity")
_AVERAGES = ("", "_macro")


@dataclass(frozen=True)
class Monitor:
    """What is watched.

    Attributes:
        name: As `History` calls it, such as ``val_accuracy``.
        mode: Whether less or more of it is better.
    """

    name: str
    mode: Mode


def find_monitor(asked: str | None, bundle: DataBundle, *, own_loss: bool) -> Monitor:
    """The metric to watch.

    Args:
        asked: ``NAME`` or ``NAME:min`` or ``NAME:max``, with or without ``val_``; None chooses.
        own_loss: Whether the loss is the user's, whose values then say which epoch was best.

    Raises:
        ArgumentError: If nothing gives such a metric; says what there is.
    """
    if "val" not in bundle.splits:
        if asked is not None and _split(asked)[0] != "train_loss":
            raise ArgumentError(
                f"--monitor is {asked!r}, but there is no validation split.", "Give --val, or leave it out."
            )
        return Monitor("train_loss", "min")
    if asked is None:
        return Monitor("val_loss", "min") if own_loss else Monitor(bundle.task.monitor, bundle.task.mode)
    name, mode = _split(asked)
    if name == "train_loss":
        return Monitor(name, "min")
    short = name.removeprefix("val_")
    mode = mode or ("min" if short.endswith(_LESS_IS_BETTER) else "max")
    known = {"loss", bundle.task.monitor.removeprefix("val_"), *_measured(bundle)}
    found = next((short + average for average in _AVERAGES if short + average in known), None)
    if found is None:
        title = bundle.task.title.lower()
        raise ArgumentError(
            f"There is no metric {name!r} to monitor for {title}.", did_you_mean(short, sorted(known))
        )
    return Monitor(f"val_{found}", mode)


def meter_of(task: Task, signature: Signature, monitor: str) -> Callable[[], Meter]:
    """Makes the meter of an epoch, which gives the monitored metric, too."""
    if monitor in ("train_loss", "val_loss", task.monitor):
        return lambda: task.meter(signature)
    return lambda: _Measuring(task, signature, monitor.removeprefix("val_"))


class _Measuring:
    """The task's meter, beside one metric of the task's whole evaluation."""

    def __init__(self, task: Task, signature: Signature, name: str) -> None:
        self.meter = task.meter(signature)
        self.all = Gathered(lambda preds, target: self._one(task, signature, name, preds, target))

    def update(self, outputs: Tree, target: Tree) -> None:
        self.meter.update(outputs, target)
        self.all.update(scores_of(outputs), target)

    def merge(self, other: Self) -> None:
        self.meter.merge(other.meter)
        self.all.merge(other.all)

    def compute(self) -> dict[str, float]:
        return {**self.meter.compute(), **self.all.compute()}

    @staticmethod
    def _one(task: Task, signature: Signature, name: str, preds: Tensor, target: Tensor) -> dict[str, float]:
        found = task.measure(preds, target, signature).scalars
        if name not in found:
            raise TrainingError(
                f"The validation split does not tell {name}: {', '.join(found)} are known.",
                f"Monitor another: --monitor {next(iter(found), 'val_loss')}",
            )
        return {name: found[name]}


def _split(asked: str) -> tuple[str, Mode | None]:
    name, _, mode = asked.partition(":")
    if mode not in ("", "min", "max"):
        raise ArgumentError(
            f"--monitor is {asked!r}; after the colon comes min or max.", f"--monitor {name}:max"
        )
    return name, cast(Mode, mode) if mode else None


def _measured(bundle: DataBundle) -> list[str]:
    """The metrics of an evaluation of the validation split, by measuring outputs drawn at random."""
    split = bundle.split("val")
    target = split.targets if split.targets is not None else bundle.example(64, "val").target
    if not isinstance(target, Tensor) or any(size is None for size in bundle.signature.output.shape):
        return []
    shape = [size or 1 for size in bundle.signature.output.shape]
    preds = torch.randn(len(target), *shape, generator=torch.Generator().manual_seed(0))
    return list(bundle.task.measure(preds, target, bundle.signature).scalars)
