"""Outputs, targets and loss of a whole split, leaving the model and the random numbers as they were."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from lepton_nb.batch import Batch, leaves
from lepton_nb.errors import DataError, ModelError
from lepton_nb.models.calling import call_model, scores_of
from lepton_nb.models.objectives import Objective
from lepton_nb.models.preserve import evaluating, without_gradients
from lepton_nb.signature import Signature
from lepton_nb.tasks import get_task
from lepton_nb.tasks.generic import Generic

Batches = Iterator[Batch]


@dataclass
class Collected:
    """What a pass over a split gave.

    Attributes:
        preds: Outputs ``(N, ...)`` as float32 on the CPU; empty ``(N, 0)`` where only the loss counts.
        target: Targets ``(N, ...)`` on the CPU; empty ``(N, 0)`` likewise.
        loss: The mean loss over the items; None where no loss was asked for.
    """

    preds: Tensor
    target: Tensor
    loss: float | None = None


def collect(
    model: nn.Module, batches: Batches, batch_size: int, objective: Objective | None, *, keep: bool
) -> Collected:
    """One pass over all batches, in order.

    Args:
        objective: Gives the loss of a batch with its outputs; None where only the outputs are wanted.
        keep: Whether outputs and targets are wanted at all.

    Raises:
        ModelError: If the model does not take the data, gives something else than one tensor, or the batch
            does not fit into memory.
        DataError: If there are no items.
    """
    preds: list[Tensor] = []
    targets: list[Tensor] = []
    total, items = 0.0, 0
    with evaluating(model), torch.random.fork_rng(devices=[]), without_gradients(model):
        for batch in batches:
            loss, outputs = _forward(model, batch, batch_size, objective)
            items += batch.items
            total += 0.0 if loss is None else float(loss) * batch.items
            if keep:
                preds.append(_tensor(outputs, model).detach().float().cpu())
                targets.append(batch.target.cpu())
    if not items:
        raise DataError("The split is empty: there is nothing to measure on.")
    mean = None if objective is None else total / items
    if not keep:
        return Collected(torch.empty(items, 0), torch.empty(items, 0), mean)
    return Collected(torch.cat(preds), torch.cat(targets), mean)


def check_outputs(preds: Tensor, target: Tensor, signature: Signature, name: str) -> None:
    """Refuse outputs that are not of the task, before a metric makes something up from them.

    Raises:
        ModelError: If they have the wrong shape or are not finite.
        DataError: If a target is no class of the model.
    """
    _check_finite(preds, name)
    if signature.task == Generic.name:
        return
    count = signature.num_outputs
    of_classes = bool(signature.class_names) and get_task(signature.task).target_dtype == "int64"
    if preds.reshape(len(preds), -1).shape[1] != count or (of_classes and preds.ndim != 2):
        expected = f"({len(preds)}, {count})"
        raise ModelError(
            f"{name} gives outputs of the shape {tuple(preds.shape)}, expected {expected}.",
            f"Its last layer needs {count} outputs: nn.Linear(..., {count}).",
        )
    if of_classes and (target.min() < 0 or target.max() >= count):
        wrong = int(target.max()) if target.max() >= count else int(target.min())
        raise DataError(f"The target {wrong} is no class of {name}, which has 0 to {count - 1}.")


def _check_finite(preds: Tensor, name: str) -> None:
    bad = int((~preds.reshape(len(preds), -1).isfinite()).any(dim=1).sum())
    if bad:
        raise ModelError(
            f"{name} gives NaN or infinite outputs for {bad:,} of {len(preds):,} items.",
            "Its weights have diverged: train again with a lower --lr, or --clip 1.0.",
        )


def _forward(
    model: nn.Module, batch: Batch, batch_size: int, objective: Objective | None
) -> tuple[Tensor | None, Any]:
    name = type(model).__name__
    try:
        if objective is not None:
            return objective(model, batch)
        return None, call_model(model, batch.inputs)
    except torch.OutOfMemoryError as error:
        raise ModelError(
            f"{name} ran out of memory on a batch of {batch.items} items.",
            f"Try a smaller batch: batch_size={max(batch_size // 4, 1)}.",
        ) from error
    except (RuntimeError, TypeError, ValueError, IndexError) as error:
        seen = ", ".join(str(tuple(tensor.shape)) for tensor in leaves(batch.inputs))
        raise ModelError(
            f"{name} does not take this data (a batch of {seen}): {str(error).splitlines()[0]}",
            "Is it the data the model was made for?",
        ) from error


def _tensor(outputs: Any, model: nn.Module) -> Tensor:
    scores = scores_of(outputs)
    if isinstance(scores, Tensor):
        return scores
    raise ModelError(
        f"{type(model).__name__} gives a {type(outputs).__name__}, expected one tensor.",
        "Let forward return the logits only, or under the name 'logits'.",
    )
