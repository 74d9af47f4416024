"""What is evaluated: a model, the signature it was trained with, and the data to measure it on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from torch import nn
from torch.utils.data import DataLoader, Dataset

from lepton_nb.data import DataBundle, load, loaders
from lepton_nb.errors import ArgumentError, DataError, ModelError
from lepton_nb.packaging import load_data, load_loss, load_model
from lepton_nb.runs import Checkpoint, Run, RunStore
from lepton_nb.signature import Signature


@dataclass
class Subject:
    """A model beside the data to measure it on.

    Attributes:
        name: What reports call it.
        signature: What the model was trained with; the data's own where that is not known.
        run: The run the model comes from, if any.
        checkpoint: Whose weights the model has, if it comes from a run.
        own_model: Whether the model is a copy that may be moved to another device for good.
        own_data: Whether the data are those the run was trained on.
        loss: The user's own loss, if the run was trained with one.
        notes: What a reader of the numbers must know of the data.
    """

    name: str
    model: nn.Module
    bundle: DataBundle
    signature: Signature
    run: Run | None = None
    checkpoint: Checkpoint | None = None
    own_model: bool = False
    own_data: bool = True
    loss: Callable[..., Any] | None = None
    notes: list[str] = field(default_factory=list)


def find_subject(run: Run | str | nn.Module | tuple[Any, Any], data: Any) -> Subject:
    """The model and data behind what a user passed to `evaluate`.

    Raises:
        ArgumentError: If it is none of the forms `evaluate` takes.
        NotFoundError: If no run has that name.
        ModelError: If the run has no weights yet.
    """
    if isinstance(run, str):
        run = RunStore().get_run(run)
    if isinstance(run, Run):
        return _of_run(run, data)
    model, data = run if isinstance(run, tuple) and len(run) == 2 else (run, data)
    if not isinstance(model, nn.Module):
        raise ArgumentError(
            f"evaluate takes a run, a run's name, or (model, data), not a {type(model).__name__}.",
            'evaluate("cnn")',
        )
    if data is None:
        raise ArgumentError("A model alone has no data to be measured on.", "evaluate((model, data))")
    bundle = _as_bundle(data)
    return Subject(type(model).__name__, model, bundle, bundle.signature)


def choose_split(subject: Subject, split: str | None) -> str:
    """The split asked for; without one the test split, else the validation split.

    Raises:
        DataError: If the data has no such split, with those it has.
    """
    names = list(subject.bundle.splits)
    there = ", ".join(map(repr, names))
    if split is not None:
        if split not in names:
            raise DataError(
                f"Data {subject.bundle.name!r} has no split {split!r}; it has {there}.",
                f"Try split={names[-1]!r}.",
            )
        return split
    found = next((name for name in ("test", "val") if name in names), None)
    if found is None:
        raise DataError(
            f"Data {subject.bundle.name!r} holds nothing back to measure on; it has only {there}.",
            "Pass data with a test or val split, or split='train' to measure on what it was trained with.",
        )
    return found


def _of_run(run: Run, data: Any) -> Subject:
    checkpoints = run.checkpoints()
    if not checkpoints:
        waits = run.status in ("running", "paused")
        raise ModelError(
            f"Run {run.ref} has no checkpoint yet, so there are no weights to evaluate.",
            "Wait for the end of its first epoch." if waits else f"Train it first: resume({run.ref!r}).",
        )
    stored = run.read_json("signature.json")
    loss = load_loss(run)
    bundle = load_data(run) if data is None else _as_bundle(data)
    if loss is not None:
        bundle = bundle.as_given()
    if stored is not None:
        bundle = bundle.as_trained(Signature.from_dict(stored))
    return Subject(
        run.ref,
        load_model(run, "best"),
        bundle,
        bundle.signature if stored is None else Signature.from_dict(stored),
        run,
        next((checkpoint for checkpoint in checkpoints if checkpoint.best), checkpoints[0]),
        own_model=True,
        own_data=data is None,
        loss=loss,
    )


def _as_bundle(data: Any) -> DataBundle:
    """A bundle of anything that holds data; a DataLoader or Dataset is whole the test split."""
    if isinstance(data, DataBundle):
        return data
    if isinstance(data, DataLoader | Dataset):
        bundle = loaders(data)
        return replace(bundle, splits={"test": bundle.split("train")})
    return load(data)
