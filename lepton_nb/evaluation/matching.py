"""Data that a model was not trained on, seen as its training data were: same preprocessing, same classes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from lepton_nb.batch import Batch
from lepton_nb.data import DataBundle
from lepton_nb.data.own.splits import UserSplit
from lepton_nb.errors import DataError
from lepton_nb.evaluation.collecting import Batches
from lepton_nb.evaluation.subject import Subject
from lepton_nb.signature import Signature
from lepton_nb.tasks import InputError, get_task
from lepton_nb.tasks.names import LABEL_TASKS

TargetMap = Callable[[Tensor], Tensor]


def needs_matching(subject: Subject) -> bool:
    """Whether the data prepare their inputs or number their targets otherwise than the training data did."""
    own, trained = subject.bundle.signature, subject.signature
    # What only the trained signature knows of the target, such as thresholds, prepares nothing.
    return _key(replace(own, target={**trained.target, **own.target})) != _key(trained)


def matched_batches(subject: Subject, split: str, batch_size: int, device: torch.device) -> Batches:
    """The split's batches with the inputs and targets that the model learned from.

    Inputs are prepared from the real items by the codec that the service uses, so that a picture is scaled by
    the mean of the training data, not of these; classes are matched by name.

    Raises:
        DataError: If the data cannot be this model's.
    """
    own, trained = subject.bundle.signature, subject.signature
    if own.task != trained.task:
        raise _mismatch(subject, f"is for {own.task}, the model for {trained.task}")
    remap = _target_map(subject)
    kinds = own.preprocessing["kind"], trained.preprocessing["kind"]
    transformed = isinstance(subject.bundle.split(split), UserSplit)
    if transformed and "tensor" not in kinds and own.preprocessing != trained.preprocessing:
        subject.notes.append("These data come with transforms of their own, not those of the training data.")
    if transformed or "tensor" in kinds or own.preprocessing == trained.preprocessing:
        _check_shapes(subject)
        loader = subject.bundle.loader(split, batch_size=batch_size, device=device, shuffle=False)
        return (Batch(inputs, remap(target)) for inputs, target in loader.batches(0))
    if kinds[0] != kinds[1]:
        raise _mismatch(subject, f"holds {kinds[0]} inputs, the model takes {kinds[1]} inputs")
    return _prepared(subject.bundle, split, trained, remap, batch_size, device)


def _prepared(
    bundle: DataBundle,
    split: str,
    trained: Signature,
    remap: TargetMap,
    batch_size: int,
    device: torch.device,
) -> Batches:
    part = bundle.split(split)
    codec = get_task(trained.task).codec(trained)
    if part.targets is None:
        raise DataError(
            f"The targets of {bundle.name!r} were prepared otherwise than the model's.",
            "Give the file itself as the data: it is then read as the training data were.",
        )
    for start in range(0, len(part), batch_size):
        stop = min(start + batch_size, len(part))
        try:
            arrays = codec.prepare([part.raw(index) for index in range(start, stop)])
        except InputError as error:
            item = start + (error.index or 0)
            raise DataError(f"Item {item} of {bundle.name!r} ({split}) cannot be used: {error}") from error
        tensors = tuple(torch.from_numpy(array).to(device) for array in arrays)
        target = remap(part.targets[start:stop]).to(device)
        yield Batch(tensors[0] if len(tensors) == 1 else tensors, target)


def _target_map(subject: Subject) -> TargetMap:
    """A function from the data's targets to the model's."""
    own, trained = subject.bundle.signature, subject.signature
    if not trained.class_names:
        own_mean, own_std = _scale(own)
        mean, std = _scale(trained)
        factor, offset = own_std / std, (own_mean - mean) / std
        return lambda target: target * factor.to(target) + offset.to(target)
    if own.preprocessing["kind"] == "tensor" and own.class_names == _numbers(len(own.class_names)):
        return lambda target: target  # nobody named these classes: they are the model's own numbers
    unknown = [name for name in own.class_names if name not in trained.class_names]
    if unknown:
        shown = ", ".join(map(repr, unknown[:5])) + (" …" if len(unknown) > 5 else "")
        raise _mismatch(subject, f"has classes the model does not know: {shown}")
    if trained.task in LABEL_TASKS:
        return _label_map(subject)
    index = torch.tensor([trained.class_names.index(name) for name in own.class_names])
    return lambda target: index.to(target.device)[target]


def _label_map(subject: Subject) -> TargetMap:
    """Of one label, whether the classes stand the other way round; of several, their columns in order."""
    own, trained = subject.bundle.signature, subject.signature
    if trained.num_outputs == 1:
        return (
            (lambda target: target) if own.class_names == trained.class_names else lambda target: 1 - target
        )
    absent = [name for name in trained.class_names if name not in own.class_names]
    if absent:
        raise _mismatch(subject, f"does not say which items have {absent[0]!r}")
    order = torch.tensor([own.class_names.index(name) for name in trained.class_names])
    return lambda target: target[:, order.to(target.device)]


def _scale(signature: Signature) -> tuple[Tensor, Tensor]:
    """Mean and spread by which the targets of a regression are standardised."""
    mean, std = signature.target.get("mean", 0.0), signature.target.get("std", 1.0)
    return torch.as_tensor(mean, dtype=torch.float64), torch.as_tensor(std, dtype=torch.float64)


def _numbers(count: int) -> tuple[str, ...]:
    return tuple(map(str, range(count)))


def _check_shapes(subject: Subject) -> None:
    own, trained = subject.bundle.signature.inputs, subject.signature.inputs
    if [(spec.dtype, spec.shape) for spec in own] != [(spec.dtype, spec.shape) for spec in trained]:
        seen, expected = (", ".join(map(str, specs)) for specs in (own, trained))
        raise _mismatch(subject, f"gives {seen}, the model takes {expected}")


def _mismatch(subject: Subject, what: str) -> DataError:
    return DataError(
        f"Data {subject.bundle.name!r} does not fit {subject.name}: it {what}.",
        f"Pass data like those it was trained on{f' ({subject.run.data})' if subject.run else ''}.",
    )


def _key(signature: Signature) -> str:
    return json.dumps(signature.to_dict(), sort_keys=True, default=str)
