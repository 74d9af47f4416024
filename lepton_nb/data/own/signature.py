"""The signature of data that only a user's loader knows: from one batch, the dataset and its transform."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from lepton_nb.batch import Batch, Tree, leaves
from lepton_nb.data.bundle import Inputs
from lepton_nb.data.label_bundle import label_output
from lepton_nb.data.own.batches import describe
from lepton_nb.data.own.dataset_views import base_transform, dataset_classes
from lepton_nb.data.own.labels import Labels, find_labels, read_targets
from lepton_nb.data.own.splits import DatasetSplit, LoaderSplit
from lepton_nb.data.own.transforms import Recipe, is_confirmed, preprocessing_of, read_transform
from lepton_nb.data.report import Finding
from lepton_nb.data.targets import Kind, is_of_another_package, kind_of_task
from lepton_nb.errors import DataError
from lepton_nb.signature import Signature, TensorSpec
from lepton_nb.tasks import task_names
from lepton_nb.tasks.generic import Generic
from lepton_nb.tasks.names import SEVERAL

AnySplit = LoaderSplit | DatasetSplit


def infer_signature(
    splits: Mapping[str, AnySplit],
    batches: Mapping[str, Batch],
    task: str | None,
    class_names: Sequence[str] | None,
) -> tuple[Signature, list[Finding]]:
    """The signature, and what was decided on the way.

    Args:
        splits: At least ``train``.
        batches: The first batch of each split.
        task: As for `lepton_nb.data.loaders`.
        class_names: Names the user gave.

    Raises:
        DataError: If the splits do not fit each other, or the targets fit no task.
    """
    inputs, target = batches["train"]
    specs, by_name = _input_specs(batches), isinstance(inputs, Mapping)
    try:
        labels = find_labels(splits, batches, task, class_names)
        if labels is not None:
            return _of_labels(splits, inputs, specs, labels, by_name=by_name)
        kind = kind_of_task(task) or _kind_of(target)
        _check_targets(target, kind)
        names, findings = _class_names(splits, batches, class_names) if kind == "classification" else ((), [])
    except DataError as error:
        if is_of_another_package(task):
            signature, _ = _generic(specs, splits["train"].target_name, error, by_name=by_name)
            return replace(signature, task=str(task)), []
        if task is not None or class_names is not None:
            raise
        return _generic(specs, splits["train"].target_name, error, by_name=by_name)
    for split in splits.values():
        split.set_kind(kind)
    name = task if task in task_names() else _task_of(inputs, kind)
    if kind == "regression":
        output = TensorSpec("values", "float32", (target.shape[1] if target.ndim > 1 else 1,))
        signature = Signature(
            name, specs, output, target={"name": "target", "mean": 0.0, "std": 1.0}, by_name=by_name
        )
        return signature, [Finding("Targets are decimal numbers: taken as quantities, as they are.")]
    preprocessing: dict[str, Any] = {"kind": "tensor"}
    if name == "image-classification":
        preprocessing, said = _picture_preprocessing(splits, inputs)
        findings += said
    output = TensorSpec("logits", "float32", (len(names),))
    label = splits["train"].target_name or "label"
    return Signature(name, specs, output, names, preprocessing, {"name": label}, by_name), findings


def _kind_of(target: Tree) -> Kind:
    """Whole numbers are classes, decimals quantities.

    Raises:
        DataError: If there are several targets an item.
    """
    if not isinstance(target, Tensor):
        raise DataError(f"The targets of train are {describe(target)}: no kind of problem known here.")
    return "regression" if target.is_floating_point() else "classification"


def _generic(
    specs: tuple[TensorSpec, ...], name: str | None, error: DataError, *, by_name: bool
) -> tuple[Signature, list[Finding]]:
    """The signature of data of no kind that is known here, with the reason for whoever brings no loss."""
    target = {"name": name or "target", "reason": error.message, "hint": error.hint}
    text = f"{error.message} Taken as they are, for a loss of your own (--loss)."
    output = TensorSpec("outputs", "float32", ())
    return Signature(Generic.name, specs, output, target=target, by_name=by_name), [
        Finding(text, warning=True)
    ]


def _check_targets(target: Tensor, kind: Kind) -> None:
    if kind == "classification" and (target.ndim != 1 or not _are_whole(target)):
        labels = f' or task="{SEVERAL}" where each says yes or no,' if target.ndim == 2 else ""
        raise DataError(
            f"The targets of train are {str(target.dtype).removeprefix('torch.')} {tuple(target.shape)}; "
            "classification takes one class number an item, int64 (N,).",
            f'Turn them into class numbers, or pass{labels} task="regression" where they are quantities.',
        )
    if kind == "regression" and target.ndim > 2:
        raise DataError(
            f"The targets of train are {tuple(target.shape)}; regression takes (N,) or (N, values)."
        )


def _are_whole(target: Tensor) -> bool:
    return not target.is_floating_point() or bool((target % 1 == 0).all())


def _task_of(inputs: Inputs, kind: Kind) -> str:
    """The task by the shape of the inputs."""
    if kind == "regression":
        return "tabular-regression"
    if isinstance(inputs, Tensor) and inputs.ndim == 4:
        return "image-classification"
    first = next(leaves(inputs))
    return (
        "text-classification"
        if first.ndim == 2 and not first.is_floating_point()
        else "tabular-classification"
    )


def _input_specs(batches: Mapping[str, Batch]) -> tuple[TensorSpec, ...]:
    """One spec an input; a dimension that differs between batches of tokens is of any length."""
    by_split = {split: tuple(leaves(inputs)) for split, (inputs, _) in batches.items()}
    train, given = by_split["train"], batches["train"].inputs
    specs = []
    for i, tensor in enumerate(train):
        shape: list[int | None] = list(tensor.shape[1:])
        for split, tensors in by_split.items():
            other = tensors[i] if len(tensors) == len(train) else None
            if other is None or other.ndim != tensor.ndim or other.dtype != tensor.dtype:
                raise DataError(
                    f"{split} yields {_shapes(tensors)}, train {_shapes(train)}.",
                    "Give both the same transform.",
                )
            differs = [a != b for a, b in zip(other.shape[1:], tensor.shape[1:], strict=True)]
            if any(differs) and tensor.is_floating_point():
                raise DataError(
                    f"{split} yields {_shapes(tensors)}, train {_shapes(train)}.",
                    "Give both the same transform.",
                )
            shape = [None if unequal else size for unequal, size in zip(differs, shape, strict=True)]
        if isinstance(given, Mapping):
            name = list(given)[i]
        else:
            name = _input_name(tensor) if len(train) == 1 else f"input_{i}"
        specs.append(TensorSpec(name, str(tensor.dtype).removeprefix("torch."), tuple(shape)))
    return tuple(specs)


def _input_name(tensor: Tensor) -> str:
    if tensor.ndim == 4:
        return "image"
    if tensor.ndim == 2:
        return "features" if tensor.is_floating_point() else "input_ids"
    return "inputs"


def _shapes(tensors: Sequence[Tensor]) -> str:
    return ", ".join(
        f"{str(t.dtype).removeprefix('torch.')} {('N', *t.shape[1:])}".replace("'", "") for t in tensors
    )


def _class_names(
    splits: Mapping[str, AnySplit], batches: Mapping[str, Batch], given: Sequence[str] | None
) -> tuple[tuple[str, ...], list[Finding]]:
    """Names from the user, the dataset, or the largest class number there is."""
    findings: list[Finding] = []
    train = splits["train"]
    names = tuple(map(str, given)) if given is not None else dataset_classes(train.dataset)
    known = [split.targets for split in splits.values() if split.targets is not None]
    seen = [target for _, target in batches.values()]
    if not names and train.targets is None:
        seen.append(_count_classes(train, findings))
    everything = torch.cat([values.reshape(-1).to(torch.int64) for values in [*known, *seen]])
    low, high = int(everything.min()), int(everything.max())
    if low < 0:
        raise DataError(
            f"There is a class number {low}; they are to start at 0.", "target_transform=lambda y: y + 1"
        )
    if names and high >= len(names):
        raise DataError(
            f"There is a class number {high}, but {len(names)} class names; expected 0..{len(names) - 1}.",
            "Where they start at 1, use target_transform=lambda y: y - 1.",
        )
    names = names or tuple(map(str, range(high + 1)))
    if len(names) < 2:
        raise DataError("There is one class only; classification needs at least two.", "Check the targets.")
    return names, findings


def _count_classes(split: AnySplit, findings: list[Finding]) -> Tensor:
    read = read_targets(split)
    text = f"The number of classes is that of the first {len(read):,} items read (class_names=[…] says it)."
    findings.append(Finding(text, warning=len(read) < len(split)))
    return read


def _of_labels(
    splits: Mapping[str, AnySplit],
    inputs: Inputs,
    specs: tuple[TensorSpec, ...],
    labels: Labels,
    *,
    by_name: bool,
) -> tuple[Signature, list[Finding]]:
    """The signature of zeros and ones, which reach the model's loss as they are."""
    preprocessing: dict[str, Any] = {"kind": "tensor"}
    said = list(labels.findings)
    if isinstance(inputs, Tensor) and inputs.ndim == 4:
        preprocessing, more = _picture_preprocessing(splits, inputs)
        said += more
    target = {"name": splits["train"].target_name or "label"}
    output = label_output(labels.task, labels.names)
    return Signature(labels.task, specs, output, labels.names, preprocessing, target, by_name), said


def _picture_preprocessing(
    splits: Mapping[str, AnySplit], inputs: Inputs
) -> tuple[dict[str, Any], list[Finding]]:
    """How a picture becomes the model's input: the splits' transforms, read and confirmed on real items."""
    unknown: dict[str, Any] = {"kind": "tensor"}
    reason = "the dataset's transform is not one of known torchvision steps on pictures"
    recipes = {name: _recipe(split) for name, split in splits.items()}
    if isinstance(inputs, Tensor) and all(recipes.values()):
        found = _agreed(splits, recipes, tuple(inputs.shape[1:]))
        if found is not None:
            return found, [
                Finding("The dataset's transform is read as preprocessing: a service takes pictures.")
            ]
        reason = "the transforms of the splits do not agree, or do more than their names say"
    return unknown, [Finding(f"A service of this data takes tensors, not pictures: {reason}.")]


def _recipe(split: AnySplit) -> Recipe | None:
    if split.read_picture is None or split.targets is None:
        return None
    return read_transform(base_transform(split.dataset))


def _agreed(
    splits: Mapping[str, AnySplit], recipes: Mapping[str, Recipe | None], shape: tuple[int, ...]
) -> dict[str, Any] | None:
    """The one preprocessing of all splits, confirmed on the splits that do not augment."""
    found: dict[str, Any] | None = None
    for name in sorted(splits, key=lambda name: (recipes[name] or Recipe()).random):  # steady ones decide
        split, recipe = splits[name], recipes[name]
        assert recipe is not None
        assert split.order is not None
        assert split.read_picture is not None
        settings = preprocessing_of(recipe, split.read_picture(int(split.order[0])), shape)
        if settings is None:
            return None
        if recipe.random:
            same = found is None or all(
                found[key] == settings[key] for key in ("mode", "size", "mean", "std")
            )
        else:
            same = found in (None, settings) and _is_confirmed(settings, split)
        if not same:
            return None
        found = found or settings
    return found


def _is_confirmed(settings: dict[str, Any], split: AnySplit) -> bool:
    """Whether the settings give what the dataset gives, on its first, middle and last item."""
    rows = sorted({0, len(split) // 2, len(split) - 1})
    pairs = ((split.raw(i), split.item(i)) for i in rows)
    return all(isinstance(item, Tensor) and is_confirmed(settings, picture, item) for picture, item in pairs)
