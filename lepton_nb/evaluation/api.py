"""`evaluate`: what `%lepton evaluate` calls."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lepton_nb.batch import Batch, mapped, moved
from lepton_nb.errors import ArgumentError, DataError, StoreError
from lepton_nb.evaluation.collecting import Collected, check_outputs, collect
from lepton_nb.evaluation.history import epoch_series
from lepton_nb.evaluation.importance import column_importance
from lepton_nb.evaluation.matching import matched_batches, needs_matching
from lepton_nb.evaluation.result import EvaluationResult
from lepton_nb.evaluation.subject import Subject, choose_split, find_subject
from lepton_nb.models.calling import home_of
from lepton_nb.models.preserve import evaluating, without_gradients
from lepton_nb.runs import Run
from lepton_nb.runs.trained import trained_items
from lepton_nb.tasks import Task, get_task
from lepton_nb.tasks.generic import Generic

FILE = "evaluation.json"
"""In the run's folder: the newest numbers of each split, by the split's name."""

_LOOKED_AT = 4  # items that the figures may show of the model itself
_SPLIT_ANEW = (
    "{split} may hold items that {run} was trained on: the data are split another way since. "
    "Without data of your own it is measured on the split it had."
)


def evaluate(
    run: Run | str | nn.Module | tuple[nn.Module, Any],
    data: Any = None,
    *,
    split: str | None = None,
    batch_size: int = 256,
    device: str | torch.device | None = None,
    importance: bool = False,
) -> EvaluationResult:
    """Measure a model on data it has not learned from.

    Args:
        run: A run or its name, whose best checkpoint is measured; or a model and its data, ``(model, data)``.
        data: What to measure on; what the run was trained on where None. Prepared as the training data were.
            Of a DataFrame, a table file, ``(inputs, targets)`` or a folder without splits all items.
        split: ``train``, ``val`` or ``test``; where None the test split, else the validation split.
        batch_size: Items in one forward pass.
        device: Where to compute; an accelerator if there is one, and where it is for a model of one's own.
        importance: Also measure how much each column of a table counts: ``result.importance``.

    Returns:
        The numbers, figures and worst mistakes. The numbers of a run are also in its folder.

    Raises:
        NotFoundError: If there is no such run.
        DataError: If the data has no such split, or does not fit the model.
        ModelError: If there are no weights, or the model does not fit the data.
    """
    if batch_size < 1:
        raise ArgumentError(f"batch_size is {batch_size}, expected 1 or more.")
    subject = find_subject(run, data, split)
    chosen = choose_split(subject, split)
    started = time.perf_counter()
    found = _collect(subject, chosen, batch_size, device)
    seconds = time.perf_counter() - started
    preds, target, signature = found.preds, found.target, subject.signature
    task = get_task(signature.task)
    check_outputs(preds, target, signature, subject.name)
    measures = task.measure(preds, target, signature)
    measures.arrays.update(found.insight)
    if found.loss is not None:
        measures.scalars = {"loss": found.loss, **measures.scalars}
    result = EvaluationResult(
        name=subject.name,
        data_name=subject.bundle.name,
        split=chosen,
        task=task,
        signature=signature,
        measures=measures,
        preds=mapped(Tensor.numpy, preds),
        target=mapped(Tensor.numpy, target),
        errors=task.item_errors(preds, target, signature).numpy(),
        raw=_raw_reader(subject, chosen),
        origin=getattr(subject.bundle.split(chosen), "origin", None),
        series=epoch_series(subject.run) if subject.run is not None else {},
        checkpoint=subject.checkpoint,
        seconds=seconds,
    )
    result.measures.notes.extend([*_trained_on(subject, chosen), *subject.notes])
    if importance:
        result.importance = column_importance(subject, chosen, _place(subject, device))
    if subject.run is not None:
        _record(subject, result)
    return result


def _place(subject: Subject, device: str | torch.device | None) -> torch.device:
    """Where the model is to compute."""
    if device is not None:
        return torch.device(device)
    return _best_device() if subject.own_model else home_of(subject.model)


def _collect(subject: Subject, split: str, batch_size: int, device: str | torch.device | None) -> Collected:
    """Outputs, targets and loss, with the model back where it was afterwards."""
    model = subject.model
    home, place = home_of(model), _place(subject, device)
    if place != home:
        model.to(place)
    if isinstance(subject.loss, nn.Module):
        subject.loss = copy.deepcopy(subject.loss).to(place)
    signature = subject.signature
    task = get_task(signature.task)
    objective = subject.step
    if subject.loss is not None:
        objective = task.objective(signature, subject.loss)
    try:
        if needs_matching(subject):
            batches = matched_batches(subject, split, batch_size, place)
        else:
            loader = subject.bundle.loader(split, batch_size=batch_size, device=place, shuffle=False)
            batches = loader.batches(0)
        kept = None if signature.task == Generic.name else partial(task.kept, signature=signature)
        answer = None if type(task).answer is Task.answer else partial(task.answer, signature=signature)
        found = collect(model, batches, batch_size, objective, answer, kept)
        found.insight = _insight(subject, split, place)
        return found
    finally:
        if place != home:
            model.to(home)


def _insight(subject: Subject, split: str, place: torch.device) -> dict[str, np.ndarray]:
    """What the figures show of the model itself, on the first items; nothing where these are other data."""
    task = get_task(subject.signature.task)
    if type(task).insight is Task.insight or needs_matching(subject):
        return {}
    inputs, target = subject.bundle.example(_LOOKED_AT, split)
    batch = Batch(moved(inputs, place), moved(target, place))
    with evaluating(subject.model), without_gradients(subject.model):
        return task.insight(subject.model, batch, subject.signature)


def _trained_on(subject: Subject, split: str) -> list[str]:
    """How many of the items the run has learned from, where it is measured on other data than its own."""
    keys = subject.bundle.contents.get(split)
    if subject.run is None or subject.own_data or keys is None:
        return []
    known = trained_items(subject.run)
    if known is None:
        return [_SPLIT_ANEW.format(split=split, run=subject.run.ref)] if _is_split_anew(subject) else []
    seen = int(np.isin(keys, known).sum())
    return [f"{seen:,} of {len(keys):,} items of {split} were trained on by {subject.run.ref}."] * (seen > 0)


def _is_split_anew(subject: Subject) -> bool:
    """Whether the data are the run's own, which was trained when they were split another way."""
    assert subject.run is not None
    before, now = subject.run.read_json("data.json"), subject.bundle.spec
    return bool(before and now and before["where"] == now["where"] and before.get("split") != now["split"])


def _raw_reader(subject: Subject, split: str) -> Callable[[int], Any] | None:
    read = subject.bundle.split(split).raw
    try:
        read(0)
    except DataError as error:
        subject.notes.append(f"The worst mistakes cannot be shown: {error.message}")
        return None
    return read


def _best_device() -> torch.device:
    # On a CUDA build without a GPU, current_accelerator() alone still says cuda.
    return torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")


def _record(subject: Subject, result: EvaluationResult) -> None:
    """Keep the numbers in the run's folder; where that fails, say so and keep the result."""
    assert subject.run is not None
    key = result.split if subject.own_data else f"{subject.bundle.name}/{result.split}"
    try:
        known = subject.run.read_json(FILE, default={})
        subject.run.write_json(FILE, {**known, key: result.to_dict()})
    except (StoreError, OSError) as error:
        result.measures.notes.append(f"These numbers are not in the run's folder: {error}")
