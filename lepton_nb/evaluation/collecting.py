"""Predictions and targets of a whole split, leaving the model and the random numbers as they were."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from lepton_nb.data import DataBundle
from lepton_nb.errors import DataError, ModelError
from lepton_nb.models import Inputs, call_model
from lepton_nb.models.preserve import evaluating, without_gradients
from lepton_nb.signature import Signature

Batches = Iterator[tuple[Inputs, Tensor]]


def predict_split(
    model: nn.Module, bundle: DataBundle, split: str, *, batch_size: int, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Outputs and targets of every item, in order, on the CPU."""
    loader = bundle.loader(split, batch_size=batch_size, device=device, shuffle=False)
    return predict_batches(model, loader.batches(0), batch_size)


def predict_batches(model: nn.Module, batches: Batches, batch_size: int) -> tuple[Tensor, Tensor]:
    """Outputs ``(N, ...)`` as float32 and targets ``(N, ...)`` of all batches, on the CPU.

    Raises:
        ModelError: If the model does not take the data, gives something else than one tensor, or the batch
            does not fit into memory.
        DataError: If there are no items.
    """
    preds, targets = [], []
    with evaluating(model), torch.random.fork_rng(devices=[]), without_gradients(model):
        for inputs, target in batches:
            preds.append(_forward(model, inputs, len(target), batch_size).detach().float().cpu())
            targets.append(target.cpu())
    if not preds:
        raise DataError("The split is empty: there is nothing to measure on.")
    return torch.cat(preds), torch.cat(targets)


def check_outputs(preds: Tensor, target: Tensor, signature: Signature, name: str) -> None:
    """Refuse outputs that are not of the task, before a metric makes something up from them.

    Raises:
        ModelError: If they have the wrong shape or are not finite.
        DataError: If a target is no class of the model.
    """
    count = signature.num_outputs
    if preds.reshape(len(preds), -1).shape[1] != count or (signature.class_names and preds.ndim != 2):
        expected = f"({len(preds)}, {count})"
        raise ModelError(
            f"{name} gives outputs of the shape {tuple(preds.shape)}, expected {expected}.",
            f"Its last layer needs {count} outputs: nn.Linear(..., {count}).",
        )
    bad = int((~preds.reshape(len(preds), -1).isfinite()).any(dim=1).sum())
    if bad:
        raise ModelError(
            f"{name} gives NaN or infinite outputs for {bad:,} of {len(preds):,} items.",
            "Its weights have diverged: train again with a lower --lr, or --clip 1.0.",
        )
    if signature.class_names and (target.min() < 0 or target.max() >= count):
        wrong = int(target.max()) if target.max() >= count else int(target.min())
        raise DataError(f"The target {wrong} is no class of {name}, which has 0 to {count - 1}.")


def _forward(model: nn.Module, inputs: Inputs, items: int, batch_size: int) -> Tensor:
    name = type(model).__name__
    try:
        output = call_model(model, inputs)
    except torch.OutOfMemoryError as error:
        raise ModelError(
            f"{name} ran out of memory on a batch of {items} items.",
            f"Try a smaller batch: batch_size={max(batch_size // 4, 1)}.",
        ) from error
    except (RuntimeError, TypeError, ValueError, IndexError) as error:
        shapes = [tuple(t.shape) for t in (inputs if isinstance(inputs, tuple) else (inputs,))]
        seen = ", ".join(map(str, shapes))
        raise ModelError(
            f"{name} does not take this data (a batch of {seen}): {str(error).splitlines()[0]}",
            "Is it the data the model was made for?",
        ) from error
    if not isinstance(output, Tensor):
        raise ModelError(
            f"{name} gives a {type(output).__name__}, expected one tensor.",
            "Let forward return the logits only.",
        )
    return output
