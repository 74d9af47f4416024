"""Cross-validation: as many runs as there are folds, each measured on the fold that it has not seen."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from torch import nn

from lepton_nb.data import DataBundle
from lepton_nb.errors import ArgumentError
from lepton_nb.evaluation import EvaluationResult, evaluate
from lepton_nb.runs import Run
from lepton_nb.training.api import train
from lepton_nb.training.preparing import as_bundle

_T95 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145)
"""97.5 % quantiles of Student's t with 1, 2 … degrees of freedom."""
_FAR = 2.0  # of more of them


@dataclass
class Folds:
    """The runs of a cross-validation, and what each measured on its own fold.

    Attributes:
        runs: One a fold.
        results: What `evaluate` found of each on its test split, the fold.
    """

    runs: list[Run]
    results: list[EvaluationResult]

    def frame(self) -> pd.DataFrame:
        """Each metric over the folds: ``mean``, ``low`` and ``high`` of its 95 % interval, and every fold's.

        The interval is Student's t of K values, which are taken as independent though folds share training
        items: it is rather too narrow (Bengio and Grandvalet, 2004).
        """
        values = pd.DataFrame([result.metrics for result in self.results]).T
        count = len(self.results)
        t = _T95[count - 2] if count - 2 < len(_T95) else _FAR
        half = t * values.std(axis=1, ddof=1) / np.sqrt(count)
        mean = values.mean(axis=1)
        folds = values.set_axis([f"fold {i + 1}" for i in range(count)], axis=1)
        spread = pd.DataFrame({"mean": mean, "low": mean - half, "high": mean + half})
        return pd.concat([spread, folds], axis=1).rename_axis("metric")

    def __str__(self) -> str:
        labels, frame = self.results[0].labels, self.frame()
        width = max(len(labels[str(name)]) for name in frame.index)
        lines = [
            f"  {labels[str(name)]:<{width}}  {row['mean']:.4f}  ({row['low']:.4f} to {row['high']:.4f})"
            for name, row in frame.iterrows()
        ]
        names = f"{self.runs[0].ref} … {self.runs[-1].ref}"
        title = f"{len(self.runs)} folds · {names} · mean and 95% interval of the folds"
        return "\n".join([title, *lines])

    __repr__ = __str__


def cross_validate(
    model: Any = None,
    data: Any = None,
    *,
    folds: int = 5,
    name: str | None = None,
    callbacks: Sequence[Any] | Callable[[], Sequence[Any]] = (),
    **settings: Any,
) -> Folds:
    """Train and evaluate a model once a fold, each time from the beginning.

    Args:
        model: As for `lepton_nb.train`; of a module a copy of it is trained, so that it stays as it is.
        data: A `DataBundle` that was read here, or anything `lepton_nb.data.load` takes. It is divided into
            folds anew, whatever splits it has; items of a group stay together.
        folds: How many.
        name: The runs are called ``NAME-fold1`` and so on.
        callbacks: As for `lepton_nb.train`, or a function that gives those of each fold.
        settings: As for `lepton_nb.train`.

    Raises:
        ArgumentError: If there are fewer than two folds, or the data cannot be divided anew.
    """
    if isinstance(folds, bool) or not isinstance(folds, int) or folds < 2:
        raise ArgumentError(f"folds is {folds!r}; it is a whole number of at least 2.", "Try 5.")
    own = settings.get("optimizer")
    if settings.get("train") is not None or not isinstance(own, str | None):
        raise ArgumentError(
            "Folds need data that are divided here, and an optimizer for each.",
            "Give a Dataset or data as --data, and the optimizer by name.",
        )
    bundle = as_bundle(data)
    runs, results = [], []
    for number in range(folds):
        fold = _fold_of(bundle, number, folds)
        fresh = copy.deepcopy(model) if isinstance(model, nn.Module) else model
        given = callbacks() if callable(callbacks) else callbacks
        called = f"{name or bundle.name}-fold{number + 1}"
        runs.append(train(fresh, fold, name=called, callbacks=given, **settings))
        results.append(evaluate(runs[-1], split="test"))
    return Folds(runs, results)


def _fold_of(bundle: DataBundle, number: int, folds: int) -> DataBundle:
    try:
        if bundle.reread is not None:
            return bundle.reread(fold=(number, folds))
    except ArgumentError:
        pass
    raise ArgumentError(
        f"Data {bundle.name!r} ({bundle.report.source}) cannot be divided into folds here.",
        "Give it as a Dataset, arrays, a DataFrame, a file or a folder: %lepton data reads them.",
    )
