"""Which metric says which epoch was best: the one asked for, the user's own loss, or the task's.

A metric that `evaluate` gives and the epochs do not is measured in every epoch where it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import CodeType
from typing import Literal, Self, cast

import torch
from torch import Tensor

from lepton_nb.batch import Tree
from lepton_nb.callbacks import Callback, TrainState
from lepton_nb.callbacks.user import EpochFunction
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


LOSS = Monitor("val_loss", "min")


def find_monitor(
    asked: str | None,
    bundle: DataBundle,
    *,
    own_loss: bool,
    own: Mapping[str, Mode | None] | None = None,
    put: Collection[str] | None = None,
) -> Monitor:
    """The metric to watch.

    Args:
        asked: ``NAME`` or ``NAME:min`` or ``NAME:max``, with or without ``val_``; None chooses.
        own_loss: Whether the loss is the user's, whose values then say which epoch was best, unless there is
            a metric of theirs.
        own: The user's own metrics, and what is better of each, where they tell.
        put: Words of the user's callbacks, among them the names of what they measure; None without callbacks.

    Raises:
        ArgumentError: If nothing gives such a metric; says what there is.
    """
    own = own or {}
    if asked is not None:
        return _asked(*_split(asked), asked, bundle, own, put)
    if "val" not in bundle.splits:
        return Monitor("train_loss", "min")
    if own_loss:
        first = next(iter(own), "loss")
        return Monitor(f"val_{first}", own.get(first) or _usual_mode(first))
    return Monitor(bundle.task.monitor, bundle.task.mode)


def _asked(
    name: str,
    mode: Mode | None,
    asked: str,
    bundle: DataBundle,
    own: Mapping[str, Mode | None],
    put: Collection[str] | None,
) -> Monitor:
    short = name.removeprefix("val_")
    if name == "train_loss":
        return Monitor(name, "min")
    if short in own:
        return Monitor(f"val_{short}", mode or own[short] or _usual_mode(short))
    for exactly in (f"val_{short}", name):
        if exactly in (put or ()):
            return Monitor(exactly, mode or _usual_mode(short))
    if "val" not in bundle.splits and put is None:
        raise ArgumentError(
            f"--monitor is {asked!r}, but there is no validation split.", "Give --val, or leave it out."
        )
    known = {"loss", bundle.task.monitor.removeprefix("val_"), *_measured(bundle)}
    found = next((short + average for average in _AVERAGES if short + average in known), None)
    if found is None and put is None:
        title = bundle.task.title.lower()
        raise ArgumentError(
            f"There is no metric {name!r} to monitor for {title}.",
            did_you_mean(short, sorted(known | own.keys())),
        )
    return Monitor(name if found is None else f"val_{found}", mode or _usual_mode(short))


def _usual_mode(name: str) -> Mode:
    return "min" if name.endswith(_LESS_IS_BETTER) else "max"


def words_of(callbacks: Sequence[Callback]) -> set[str] | None:
    """The words in the code of the user's callbacks; None where there are none of theirs."""
    own = [callback for callback in callbacks if callback.measures or isinstance(callback, EpochFunction)]
    functions = [
        value
        for callback in own
        for value in (*vars(type(callback)).values(), getattr(callback, "function", None))
        if hasattr(value, "__code__")
    ]
    return {word for function in functions for word in _words(function.__code__)} if own else None


def _words(code: CodeType) -> Iterator[str]:
    for constant in code.co_consts:
        if isinstance(constant, str):
            yield constant
        elif isinstance(constant, CodeType):
            yield from _words(constant)


def check_monitored(state: TrainState) -> None:
    """Say after an epoch that nothing measures what the best epoch is picked by.

    Raises:
        TrainingError: If nothing does.
    """
    if state.monitor not in state.metrics and state.monitor != "val_loss" and not state.epoch:
        known = [name for name in state.metrics if name.startswith("val_")] or ["train_loss"]
        raise TrainingError(
            f"Nothing has measured {state.monitor!r}, which says which epoch is best.",
            f"Put it into state.metrics in on_validation_end, or monitor another: --monitor {known[0]}",
        )


def meter_of(data: DataBundle, monitor: str, own: Collection[str]) -> Callable[[], Meter]:
    """Makes the meter of an epoch, which gives the monitored metric, too, where the task has it.

    Args:
        own: Names of metrics of the user's.
    """
    task, signature, name = data.task, data.signature, monitor.removeprefix("val_")
    usual = monitor in ("train_loss", "val_loss", task.monitor) or name in own
    if usual or "val" not in data.splits or name not in _measured(data):
        return lambda: task.meter(signature)
    return lambda: _Measuring(task, signature, name)


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
