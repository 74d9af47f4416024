"""The end of a training: what only the best weights tell, on data held back, becomes part of the run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from lepton_nb.callbacks import TrainState
from lepton_nb.data import DataBundle, Loader
from lepton_nb.evaluation.collecting import collect
from lepton_nb.runs import Run
from lepton_nb.tasks import Task


def settle(run: Run, model: nn.Module, data: DataBundle, loader: Loader, state: TrainState) -> None:
    """Ask the task what to add to the signature, and keep it with the run.

    Args:
        model: With the weights that training leaves in it.
        loader: Of the validation split.
    """
    task = data.task

    def held_out() -> tuple[Any, Any]:
        with _best_weights(run, model, state):
            answer = (
                None if type(task).answer is Task.answer else partial(task.answer, signature=data.signature)
            )
            kept = partial(task.kept, signature=data.signature)
            found = collect(model, loader.batches(0), loader.batch_size, None, answer, kept)
        return found.preds, found.target

    signature = task.settled(data.signature, held_out)
    known = data.signature.target
    new = {name: value for name, value in signature.target.items() if known.get(name) != value}
    if new:
        run.write_json("signature.json", signature.to_dict())
        for name, value in new.items():
            shown = _shown(value, signature.class_names)
            run.append_log(f"{name.replace('_', ' ')} chosen on the validation split: {shown}")


@contextmanager
def _best_weights(run: Run, model: nn.Module, state: TrainState) -> Iterator[None]:
    """The model with the weights that evaluate and deploy take, where training was to leave others in it."""
    if state.config.restore_best or state.best_epoch is None:
        yield
        return
    own = {name: tensor.clone() for name, tensor in model.state_dict().items() if isinstance(tensor, Tensor)}
    model.load_state_dict(run.load_checkpoint("best")[1]["model"])
    try:
        yield
    finally:
        with torch.no_grad():
            model.load_state_dict(own)


def _shown(value: object, names: tuple[str, ...]) -> str:
    if not isinstance(value, list):
        return str(value)
    names = names[-len(value) :]
    return ", ".join(f"{name} {part:.3g}" for name, part in zip(names, value, strict=True))
