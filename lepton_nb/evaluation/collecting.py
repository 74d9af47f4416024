"""Outputs, targets and loss of a whole split, leaving the model and the random numbers as they were."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lepton_nb.batch import Batch, Tree, concatenated, leaves, mapped
from lepton_nb.errors import DataError, ModelError
from lepton_nb.models.calling import call_model
from lepton_nb.models.objectives import Objective
from lepton_nb.models.preserve import evaluating, without_gradients
from lepton_nb.signature import Signature
from lepton_nb.tasks import get_task
from lepton_nb.tasks.generic import Generic

Batches = Iterator[Batch]
Answer = Callable[[nn.Module, Batch], Tree]

NO_CLASS = -100
"""What torch's losses leave out: the target of a place that has none."""


@dataclass
class Collected:
    """What a pass over a split gave.

    Attributes:
        preds: What was kept of the outputs ``(N, ...)`` on the CPU, floats as float32; empty ``(N, 0)`` where
            only the loss counts.
        target: Targets ``(N, ...)`` on the CPU; empty ``(N, 0)`` likewise.
        loss: The mean loss over the items; None where no loss was asked for.
        insight: What the task's figures show of the model itself.
    """

    preds: Tree
    target: Tree
    loss: float | None = None
    insight: dict[str, np.ndarray] = field(default_factory=dict)


def collect(
    model: nn.Module,
    batches: Batches,
    batch_size: int,
    objective: Objective | None,
    answer: Answer | None,
    kept: Callable[[Tree], Tree] | None,
) -> Collected:
    """One pass over all batches, in order.

    Args:
        objective: Gives the loss of a batch with its outputs; None where only the outputs are wanted.
        answer: Gives what is looked at, where the model's own outputs are not.
        kept: Gives what is wanted of it; None where not even the targets are.

    Raises:
        ModelError: If the model does not take the data, gives something else than one tensor, or the batch
            does not fit into memory.
        DataError: If there are no items.
    """
    preds: list[Tree] = []
    targets: list[Tree] = []
    total, items = 0.0, 0
    with evaluating(model), torch.random.fork_rng(devices=[]), without_gradients(model, objective):
        for batch in batches:
            loss, outputs = _forward(model, batch, batch_size, objective, answer)
            items += batch.items
            total += 0.0 if loss is None else float(loss) * batch.items
            if kept is not None:
                preds.append(mapped(_settled, _checked(kept(outputs), model)))
                targets.append(mapped(lambda tensor: tensor.cpu(), batch.target))
    if not items:
        raise DataError("The split is empty: there is nothing to measure on.")
    mean = None if objective is None else total / items
    if kept is None:
        return Collected(torch.empty(items, 0), torch.empty(items, 0), mean)
    return Collected(concatenated(preds), concatenated(targets), mean)


def check_outputs(preds: Tree, target: Tree, signature: Signature, name: str) -> None:
    """Refuse outputs that are not of the task, before a metric makes something up from them.

    What a task writes step by step is of its own shape.

    Raises:
        ModelError: If they have the wrong shape or are not finite.
        DataError: If a target is no class of the model.
    """
    for tensor in leaves(preds):
        _check_finite(tensor, name)
    if signature.task == Generic.name or not isinstance(preds, Tensor) or not preds.is_floating_point():
        return
    count, places = signature.num_outputs, len(signature.output.shape) > 1
    of_classes = bool(signature.class_names) and get_task(signature.task).target_dtype == "int64"
    given = preds.shape[-1] if places else preds.reshape(len(preds), -1).shape[1]
    if given != count or (of_classes and preds.ndim != len(signature.output.shape) + 1):
        expected = f"({len(preds)}, {'places, ' * places}{count})"
        raise ModelError(
            f"{name} gives outputs of the shape {tuple(preds.shape)}, expected {expected}.",
            f"Its last layer needs {count} outputs: nn.Linear(..., {count}).",
        )
    known = target[target != NO_CLASS] if places else target
    if of_classes and (known.min() < 0 or known.max() >= count):
        wrong = int(known.max()) if known.max() >= count else int(known.min())
        raise DataError(f"The target {wrong} is no class of {name}, which has 0 to {count - 1}.")


def _check_finite(preds: Tensor, name: str) -> None:
    bad = int((~preds.reshape(len(preds), -1).isfinite()).any(dim=1).sum())
    if bad:
        raise ModelError(
            f"{name} gives NaN or infinite outputs for {bad:,} of {len(preds):,} items.",
            "Its weights have diverged: train again with a lower --lr, or --clip 1.0.",
        )


def _forward(
    model: nn.Module, batch: Batch, batch_size: int, objective: Objective | None, answer: Answer | None
) -> tuple[Tensor | None, Any]:
    name = type(model).__name__
    try:
        loss, outputs = objective(model, batch) if objective is not None else (None, None)
        if answer is not None:
            return loss, answer(model, batch)
        return loss, outputs if objective is not None else call_model(model, batch.inputs)
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


def _checked(kept: Tree, model: nn.Module) -> Tree:
    if all(isinstance(leaf, Tensor) for leaf in leaves(kept)) and not isinstance(kept, list | tuple):
        return kept
    raise ModelError(
        f"{type(model).__name__} gives a {type(kept).__name__}, expected one tensor.",
        "Let forward return the logits only, or under the name 'logits'.",
    )


def _settled(tensor: Tensor) -> Tensor:
    tensor = tensor.detach().cpu()
    return tensor.float() if tensor.is_floating_point() else tensor
