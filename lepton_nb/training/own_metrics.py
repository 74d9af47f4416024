"""Metrics of the user's own, measured over the validation split in every epoch.

An object of torchmetrics (anything with ``update`` and ``compute``) sees batch after batch. A function is
called once, with the outputs and targets of the whole split. Both get the ``logits`` of a model that names
them, else what it returned.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Self

from torch import Tensor

from lepton_nb.batch import Tree, leaves, mapped
from lepton_nb.errors import ArgumentError
from lepton_nb.models.calling import as_tree, scores_of
from lepton_nb.models.losses import own_name
from lepton_nb.tasks.meters import Gathered, Meter

Better = Literal["min", "max"] | None
_EXPECTED = "a metric of torchmetrics, or a function of outputs and target that gives a number"


def as_metrics(given: Any) -> dict[str, Any]:
    """Metrics by name, from what the user gave: one, several, or several by name.

    Raises:
        ArgumentError: If one is no metric, or two have one name.
    """
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        values = list(given) if isinstance(given, Sequence) else [given]
        given = {own_name(value): value for value in values}
        if len(given) < len(values):
            raise ArgumentError("Two metrics have one name.", 'Name them: metrics={"top1": a, "top5": b}')
    return {str(name).removeprefix("val_"): _as_metric(name, value) for name, value in given.items()}


def _as_metric(name: str, value: Any) -> Any:
    made = value
    try:
        made = value() if isinstance(value, type) else value
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"The metric {name!r} cannot be made: {error}.", "Give it made.") from error
    if not callable(made):
        raise ArgumentError(f"The metric {name!r} is a {type(made).__name__}; expected {_EXPECTED}.")
    return made


def try_metrics(
    metrics: Mapping[str, Any], outputs: Any, target: Tree
) -> dict[str, Literal["min", "max"] | None]:
    """Measure one batch: the names of all that is measured, and what is better of each, where it tells.

    Raises:
        ArgumentError: If a metric does not take what the model gives, or gives no number; says which.
    """
    found: dict[str, Better] = {}
    for name, metric in metrics.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            meter = _Measured(name, metric)
            meter.update(outputs, target)
            for key in meter.compute():
                better = getattr(_part(metric, key), "higher_is_better", None)
                found[key] = None if better is None else "max" if better else "min"
    return found


def _part(metric: Any, key: str) -> Any:
    """What gives one number of a collection; else the metric itself."""
    return metric[key] if isinstance(metric, Mapping) and key in metric else metric


class OwnMeter:
    """A task's meter, and the user's metrics beside it."""

    def __init__(self, meter: Meter, metrics: Mapping[str, Any]) -> None:
        self.meter = meter
        self.metrics = [_Measured(name, metric) for name, metric in metrics.items()]

    def update(self, outputs: Tree, target: Tree) -> None:
        self.meter.update(outputs, target)
        for metric in self.metrics:
            metric.update(outputs, target)

    def merge(self, other: Self) -> None:
        self.meter.merge(other.meter)
        for metric, another in zip(self.metrics, other.metrics, strict=True):
            metric.merge(another)

    def compute(self) -> dict[str, float]:
        found = self.meter.compute()
        for metric in self.metrics:
            found |= metric.compute()
        return found


class _Measured:
    """One of the user's metrics over one pass, as a copy: theirs stays as it is."""

    def __init__(self, name: str, metric: Any) -> None:
        self.name = name
        self._whole = not (hasattr(metric, "update") and hasattr(metric, "compute"))
        self._metric: Any = Gathered(metric) if self._whole else _fresh(metric)

    def update(self, outputs: Any, target: Tree) -> None:
        outputs = as_tree(scores_of(outputs))
        try:
            if not self._whole and hasattr(self._metric, "to"):
                self._metric.to(next(leaves(outputs)).device)
            self._metric.update(mapped(Tensor.detach, outputs), target)
        except Exception as error:
            raise self._unfit(outputs, target, error) from error

    def merge(self, other: Self) -> None:
        if self._whole:
            self._metric.merge(other._metric)
        else:
            self._metric.merge_state(other._metric)

    def compute(self) -> dict[str, float]:
        try:
            value = self._metric.compute()
        except Exception as error:
            raise ArgumentError(f"The metric {self.name!r} fails: {_first(error)}.") from error
        values = value if isinstance(value, Mapping) else {self.name: value}
        return {str(key): self._number(part) for key, part in values.items()}

    def _number(self, value: Any) -> float:
        try:
            return float(value)
        except (TypeError, ValueError, RuntimeError):
            raise ArgumentError(
                f"The metric {self.name!r} gives {_shown(value)}, not one number.",
                "Average it: of torchmetrics with average='macro', of a tensor by .mean().",
            ) from None

    def _unfit(self, outputs: Tree, target: Tree, error: Exception) -> ArgumentError:
        return ArgumentError(
            f"The metric {self.name!r} cannot compare the output {_shown(outputs)} with the target "
            f"{_shown(target)}: {_first(error)}.",
            f"Write a function: def {self.name}(outputs, target): return …",
        )


def _fresh(metric: Any) -> Any:
    made = copy.deepcopy(metric)
    if hasattr(made, "reset"):
        made.reset()
    return made


def _shown(tree: Any) -> str:
    return ", ".join(
        f"{tuple(part.shape)} {str(part.dtype).removeprefix('torch.')}"
        if isinstance(part, Tensor)
        else f"{part!r}"[:60]
        for part in leaves(tree)
    )


def _first(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")


def measured_beside(meter: Callable[[], Meter], metrics: Mapping[str, Any]) -> Callable[[], Meter]:
    """Makes the meter of an epoch with the user's metrics in it."""
    return (lambda: OwnMeter(meter(), metrics)) if metrics else meter
