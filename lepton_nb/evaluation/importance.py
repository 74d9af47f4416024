"""Permutation importance (Breiman, 2001): how much worse a model is where a column tells it nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lepton_nb.batch import Batch, moved
from lepton_nb.errors import ArgumentError
from lepton_nb.evaluation.subject import Subject
from lepton_nb.models.preserve import evaluating, without_gradients
from lepton_nb.plots.charts import Bars
from lepton_nb.tasks import get_task
from lepton_nb.tasks.tables import width

if TYPE_CHECKING:
    import pandas as pd

ITEMS = 10_000  # measured at most
REPEATS = 5
SHOWN = 20


def column_importance(subject: Subject, split: str, device: torch.device) -> pd.DataFrame:
    """By column how much the loss rises, ``rise`` and ``std`` over shuffles, the most important first.

    Columns that tell the same share their importance, or seem to have none: shuffled, one leaves the other.

    Raises:
        ArgumentError: If the model takes no table's rows.
    """
    import pandas as pd

    settings = subject.signature.preprocessing
    if settings["kind"] != "table":
        raise ArgumentError(
            f"Importance is of a table's columns; {subject.name} takes {settings['kind']} inputs.",
            "Leave importance out.",
        )
    part = subject.bundle.split(split)
    inputs, target = subject.bundle.example(min(len(part), ITEMS), split)
    assert isinstance(inputs, Tensor)
    usual, start, found = _loss(subject, inputs, target, device), 0, {}
    generator = torch.Generator().manual_seed(0)
    for column in settings["columns"]:
        place = slice(start, start := start + width(column))
        losses = [_loss(subject, _shuffled(inputs, place, generator), target, device) for _ in range(REPEATS)]
        rises = torch.tensor(losses) - usual
        found[column["name"]] = {"rise": float(rises.mean()), "std": float(rises.std())}
    frame = pd.DataFrame.from_dict(found, orient="index").rename_axis("column")
    return frame.sort_values("rise", ascending=False, kind="stable")


def importance_chart(frame: pd.DataFrame) -> Bars:
    """The most important columns."""
    top = frame.head(SHOWN)
    return Bars(
        name="importance",
        title="How much the loss rises where a column is shuffled",
        at=list(map(str, top.index)),
        heights=top["rise"].tolist(),
    )


def _shuffled(inputs: Tensor, place: slice, generator: torch.Generator) -> Tensor:
    order = torch.randperm(len(inputs), generator=generator)
    changed = inputs.clone()
    changed[:, place] = inputs[order, place]
    return changed


def _loss(subject: Subject, inputs: Tensor, target: Tensor, device: torch.device) -> float:
    task = get_task(subject.signature.task)
    loss = subject.loss or task.make_loss(subject.signature)
    objective = task.objective(subject.signature, loss)
    model = subject.model.to(device)
    with evaluating(model), without_gradients(model):
        value, _ = objective(model, Batch(moved(inputs, device), moved(target, device)))
    return float(value) if value is not None else 0.0
