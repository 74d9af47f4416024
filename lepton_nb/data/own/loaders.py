"""The user's own DataLoaders and Datasets, as they are."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset

from lepton_nb.batch import Batch, leaves
from lepton_nb.data.assemble import class_counts, class_findings
from lepton_nb.data.bundle import DataBundle
from lepton_nb.data.contents import dataset_keys
from lepton_nb.data.label_bundle import label_counts
from lepton_nb.data.label_values import are_labels
from lepton_nb.data.options import Named
from lepton_nb.data.own.batches import describe
from lepton_nb.data.own.dataset_views import dataset_classes
from lepton_nb.data.own.signature import infer_signature
from lepton_nb.data.own.source import DatasetOptions
from lepton_nb.data.own.splits import AnySplit, DatasetSplit, LoaderSplit, first_batches
from lepton_nb.data.pictures.stats import to_picture
from lepton_nb.data.previews import PicturePreview
from lepton_nb.data.report import DataReport, Finding
from lepton_nb.data.splitting import numbered, plan_parts
from lepton_nb.errors import DataError
from lepton_nb.signature import Signature, TensorSpec
from lepton_nb.tasks.generic import Generic
from lepton_nb.tasks.names import LABEL_TASKS

UserData = DataLoader[Any] | Dataset[Any]
_EXPECTED = "Give a torch.utils.data.DataLoader, or a Dataset with __getitem__ and __len__."


def read_loaders(
    train: UserData, val: UserData | None = None, test: UserData | None = None, *, options: Named, name: str
) -> DataBundle:
    """A bundle around DataLoaders or Datasets.

    Raises:
        DataError: If one is no DataLoader or Dataset, fails, or yields something else.
    """
    given = {"train": train, "val": val, "test": test}
    splits = {part: _as_split(part, source) for part, source in given.items() if source is not None}
    return _bundle(splits, name=name, task=options.task, class_names=options.class_names)


def read_whole(train: UserData, val: UserData | None, *, name: str) -> DataBundle:
    """A bundle around DataLoaders or Datasets that yield whatever they like, for a step of the user's.

    Raises:
        DataError: If one is no DataLoader or Dataset, or fails.
    """
    given = {"train": train, "val": val}
    splits = {part: _as_split(part, source) for part, source in given.items() if source is not None}
    splits = {part: split.as_whole() for part, split in splits.items()}
    first_batches(splits, None)
    target = {"name": "target", "reason": "Only your own step knows what these batches are."}
    spec = TensorSpec("inputs", "float32", ())
    signature = Signature(Generic.name, (spec,), TensorSpec("outputs", "float32", ()), target=target)
    counts = {part: {"": len(split)} for part, split in splits.items()}
    report = DataReport(name, "batches of your own", counts, signature, [], None)
    return DataBundle(name, signature, dict(splits), report, "")


def read_dataset(source: Dataset[Any], options: DatasetOptions, *, name: str) -> DataBundle:
    """A Dataset, split here, as a bundle.

    Raises:
        DataError: If it is no such Dataset, fails, or yields something else.
    """
    whole = _as_split("train", source)
    labels = _mix(whole.targets)
    count = 0 if labels is None or labels.ndim == 2 else int(labels.max()) + 1
    names = dataset_classes(source) or tuple(map(str, range(count)))
    keys = dataset_keys(source)
    if keys is None:
        keys = numbered(len(whole))
    parts, split = plan_parts({"train": np.arange(len(whole))}, keys, labels, names, options)
    splits: dict[str, AnySplit] = {
        part: DatasetSplit(part, source, rows.tolist()) for part, rows in parts.items()
    }
    return _bundle(splits, name=name, task=options.task, class_names=options.class_names, findings=split)


def _mix(targets: Tensor | None) -> np.ndarray | None:
    """What every split is to have some of: classes, or labels; None for what is neither."""
    if targets is not None and targets.ndim == 2 and targets.shape[1] > 1:
        return targets.numpy() > 0 if are_labels(targets) else None
    if targets is None or targets.is_floating_point() or targets.ndim != 1 or targets.min() < 0:
        return None
    return targets.numpy()


def _as_split(name: str, source: Any) -> AnySplit:
    """The split over one DataLoader or Dataset.

    Raises:
        DataError: If it is neither, or has no length.
    """
    if isinstance(source, DataLoader):
        return LoaderSplit(name, source)
    if isinstance(source, IterableDataset):
        raise DataError(
            f"{name} is an IterableDataset, which has no items by number.", "Give a DataLoader over it."
        )
    if not isinstance(source, Dataset):
        raise DataError(f"{name} is {describe(source)}; expected a DataLoader or a Dataset.", _EXPECTED)
    try:
        count = len(source)  # type: ignore[arg-type]
    except (TypeError, NotImplementedError):
        raise DataError(f"The Dataset of {name} has no length.", "Give it def __len__(self).") from None
    if not count:
        raise DataError(f"The Dataset of {name} has no items.", "Check its __len__ and its files.")
    return DatasetSplit(name, source, range(count))


def _bundle(
    splits: dict[str, AnySplit],
    *,
    name: str,
    task: str | None,
    class_names: Sequence[str] | None,
    findings: Sequence[Finding] = (),
) -> DataBundle:
    batches = first_batches(splits, class_names)
    signature, said = infer_signature(splits, batches, task, class_names)
    findings = [*findings, *said]
    findings += [Finding(note) for split in splits.values() for note in split.notes]
    counts, about = _counts(splits, signature)
    findings = about + findings
    kinds = " and ".join(
        sorted({"DataLoaders" if isinstance(s, LoaderSplit) else "Datasets" for s in splits.values()})
    )
    return DataBundle(
        name=name,
        signature=signature,
        splits=dict(splits),
        report=DataReport(
            name, f"your own {kinds}", counts, signature, findings, _preview(splits["train"], signature)
        ),
        fingerprint=_fingerprint(splits, batches, signature),
        contents=_contents(splits),
    )


def _contents(splits: dict[str, AnySplit]) -> dict[str, np.ndarray]:
    """By what the items are known again in other data, of the splits where that costs little."""
    found = {}
    for part, split in splits.items():
        keys = None if split.order is None else dataset_keys(split.dataset)
        if keys is not None:
            found[part] = keys[np.asarray(list(split.order or ()), dtype=np.int64)]
    return found


def _counts(
    splits: dict[str, AnySplit], signature: Signature
) -> tuple[dict[str, dict[str, int]], list[Finding]]:
    """Items by class where every split knows its targets, else by split; and what is to be said of them."""
    known = {part: split.targets for part, split in splits.items()}
    labels = {part: targets.numpy() for part, targets in known.items() if targets is not None}
    if not signature.class_names or len(labels) < len(splits):
        return {part: {"": len(split)} for part, split in splits.items()}, []
    if signature.task in LABEL_TASKS:
        truths = {part: values.reshape(len(values), -1) == 1 for part, values in labels.items()}
        return label_counts(truths, signature.task, signature.class_names)
    if any(values.ndim != 1 or values.dtype.kind == "f" for values in labels.values()):
        return {part: {"": len(split)} for part, split in splits.items()}, []
    counts = class_counts(labels, signature.class_names)
    return counts, class_findings(counts)


def _preview(train: AnySplit, signature: Signature) -> PicturePreview | None:
    """A grid of pictures where the training items are pictures that can be read by number."""
    spec = signature.inputs[0]
    is_picture = len(signature.inputs) == 1 and len(spec.shape) == 3 and spec.shape[0] in (1, 3)
    if train.targets is None or not is_picture or not signature.class_names or train.targets.ndim != 1:
        return None
    labels = train.targets.numpy().astype(np.int64)
    return PicturePreview.draw(
        np.arange(len(train)), labels, signature.class_names, lambda i: _as_picture(train.raw(i))
    )


def _as_picture(raw: Any) -> Image.Image:
    """A picture to look at; of an array, the range of its values becomes black to white."""
    if isinstance(raw, Image.Image):
        return raw
    array = np.asarray(raw, dtype=np.float32)
    span = float(array.max() - array.min()) or 1.0
    pixels = ((array - array.min()) * (255 / span)).astype(np.uint8)
    return to_picture(pixels)


def _fingerprint(splits: dict[str, AnySplit], batches: dict[str, Batch], signature: Signature) -> str:
    """sha256 over the signature and, of each split, its size, its targets where known, and one batch."""
    hasher = hashlib.sha256(signature.digest().encode())
    for part, split in splits.items():
        hasher.update(f"{part}:{len(split)}".encode())
        tensors = list(leaves(tuple(batches[part])))
        tensors += [] if split.targets is None else [split.targets]
        for tensor in tensors:
            hasher.update(np.ascontiguousarray(tensor.cpu().float().numpy()).data)
    return hasher.hexdigest()
