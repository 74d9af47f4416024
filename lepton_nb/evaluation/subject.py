"""What is evaluated: a model, the signature it was trained with, and the data to measure it on."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from torch import nn
from torch.utils.data import DataLoader, Dataset

from lepton_nb.data import DataBundle, load, loaders
from lepton_nb.data.containers import is_container, opened
from lepton_nb.data.fitted import fitted
from lepton_nb.errors import ArgumentError, DataError, ModelError
from lepton_nb.models.objectives import Objective
from lepton_nb.packaging import load_data, load_loss, load_model
from lepton_nb.runs import Checkpoint, Run, RunStore
from lepton_nb.signature import Signature
from lepton_nb.tasks.names import SEVERAL


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
        step: The user's own step, if the run was trained by one that this process has.
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
    step: Objective | None = None
    notes: list[str] = field(default_factory=list)


def find_subject(
    run: Run | str | nn.Module | tuple[Any, Any], data: Any, split: str | None = None
) -> Subject:
    """The model and data behind what a user passed to `evaluate`.

    Raises:
        ArgumentError: If it is none of the forms `evaluate` takes.
        NotFoundError: If no run has that name.
        ModelError: If the run has no weights yet.
    """
    if isinstance(run, str):
        run = RunStore().get_run(run)
    if isinstance(run, Run):
        return _of_run(run, data, split)
    model, data = run if isinstance(run, tuple) and len(run) == 2 else (run, data)
    if not isinstance(model, nn.Module):
        raise ArgumentError(
            f"evaluate takes a run, a run's name, or (model, data), not a {type(model).__name__}.",
            'evaluate("cnn")',
        )
    if data is None:
        raise ArgumentError("A model alone has no data to be measured on.", "evaluate((model, data))")
    bundle = _as_bundle(data, None, split)
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


def _of_run(run: Run, data: Any, split: str | None) -> Subject:
    checkpoints = run.checkpoints()
    if not checkpoints:
        waits = run.status in ("running", "paused")
        raise ModelError(
            f"Run {run.ref} has no checkpoint yet, so there are no weights to evaluate.",
            "Wait for the end of its first epoch." if waits else f"Train it first: resume({run.ref!r}).",
        )
    stored = run.read_json("signature.json")
    signature = None if stored is None else Signature.from_dict(stored)
    loss = load_loss(run)
    bundle = load_data(run) if data is None else _as_bundle(data, signature, split)
    if "objective" in run.live:
        bundle = bundle.as_whole()
    given = bundle
    if loss is not None:
        bundle = bundle.as_given()
    if signature is not None:
        bundle = bundle.as_trained(signature)
    return Subject(
        run.ref,
        load_model(run, "best"),
        bundle,
        signature or bundle.signature,
        run,
        next((checkpoint for checkpoint in checkpoints if checkpoint.best), checkpoints[0]),
        own_model=True,
        own_data=data is None,
        loss=loss,
        step=run.live.get("objective"),
        notes=[*_of_step(run), *([] if data is None or data is given else _said(bundle))],
    )


def _of_step(run: Run) -> list[str]:
    """What to say where only another process has the step that tells the loss."""
    described = (run.read_json("own.json") or {}).get("step")
    if not described or "objective" in run.live:
        return []
    return [f"Without a loss: the step {described['class']} was in the kernel that trained {run.ref}."]


def _as_bundle(data: Any, signature: Signature | None, split: str | None) -> DataBundle:
    """A bundle of anything that holds data; what has no splits of its own is whole the test split.

    Args:
        signature: What the model was trained with, where that is known: the data are read by it.
    """
    if isinstance(data, DataBundle):
        return data
    if isinstance(data, DataLoader | Dataset):
        task = None if signature is None else signature.task
        names = signature.class_names if signature is not None and task == SEVERAL else None
        return _whole(loaders(data, task=task, class_names=names))
    if _is_two_pairs(data) or (is_container(data) and not isinstance(data, list | tuple)):
        data = opened(data)
        data = _part(data, split) if isinstance(data, dict) else data
    found = None if signature is None else fitted(data, signature, split)
    if found is not None:
        return found
    named = isinstance(data, str | os.PathLike) and not Path(data).expanduser().exists()
    if named or (isinstance(data, tuple | list) and all(isinstance(d, DataLoader | Dataset) for d in data)):
        return load(data)  # these have splits of their own
    return _whole(load(data, val_fraction=0, test_fraction=0))


def _is_two_pairs(data: Any) -> bool:
    return (
        isinstance(data, tuple | list)
        and len(data) == 2
        and all(isinstance(part, tuple) and len(part) == 2 for part in data)
    )


def _part(parts: dict[str, Any], split: str | None) -> Any:
    """One of the splits that a variable holds: the test where none is asked for, else the last."""
    if split is not None and split not in parts:
        raise DataError(f"The data has no split {split!r}; it has {', '.join(map(repr, parts))}.")
    return parts[split or ("test" if "test" in parts else list(parts)[-1])]


def _whole(bundle: DataBundle) -> DataBundle:
    """The bundle with all of its items as the test split, where it has no splits."""
    if list(bundle.splits) != ["train"]:
        return bundle
    contents = {"test": bundle.contents["train"]} if bundle.contents else {}
    return replace(bundle, splits={"test": bundle.split("train")}, contents=contents)


def _said(bundle: DataBundle) -> list[str]:
    """What reading the data found, for the notes."""
    return [
        " ".join([finding.text, *finding.examples]) for finding in bundle.report.findings if finding.warning
    ]
