"""Labels in what a user's loader yields: one logit an item, or one for each label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lepton_nb.batch import Batch
from lepton_nb.data.dataset_views import dataset_classes
from lepton_nb.data.label_bundle import BINARY, LABEL_TASKS, SEVERAL
from lepton_nb.data.label_values import are_labels, are_meant_as_labels, check_labels, label_names
from lepton_nb.data.report import Finding
from lepton_nb.data.targets import is_of_another_package
from lepton_nb.data.user_splits import DatasetSplit, LoaderSplit
from lepton_nb.errors import DataError

AnySplit = LoaderSplit | DatasetSplit
READ_AT_MOST = 50_000  # items read to learn what the targets are, where nothing else tells

_SAID = {
    BINARY: (
        "Every target is 0 or 1, one an item: binary classification, one logit an item "
        '(task="classification" takes two classes with a logit each, task="regression" quantities).'
    ),
    SEVERAL: (
        "Every target is 0 or 1, {count} an item: multi-label classification, one logit a label "
        '(task="regression" takes quantities).'
    ),
}


@dataclass(frozen=True)
class Labels:
    """What was found.

    Attributes:
        task: Binary or multi-label classification.
        names: Two class names, or one a label.
        findings: What to say.
    """

    task: str
    names: tuple[str, ...]
    findings: list[Finding]


def find_labels(
    splits: Mapping[str, AnySplit],
    batches: Mapping[str, Batch],
    task: str | None,
    class_names: Sequence[str] | None,
) -> Labels | None:
    """The labels that the targets are; None where they are none.

    Args:
        task: What was asked for, if anything.

    Raises:
        DataError: If labels are asked for, or meant, and a target is neither 0 nor 1.
    """
    target = batches["train"].target
    if not isinstance(target, Tensor) or target.ndim not in (1, 2):
        return None
    asked, other = task in LABEL_TASKS, is_of_another_package(task)
    if not asked and ((task is not None and not other) or not _may_be_labels(target)):
        return None
    findings: list[Finding] = []
    values = _everything(splits, batches, findings)
    count = values.shape[1]
    if asked:
        check_labels(values, "The target")
    elif not are_labels(values):
        if count > 1 and not target.is_floating_point() and are_meant_as_labels(values):
            check_labels(values, "The target")
        return None
    kind = task if task is not None and other else _task_of(count, task)
    found = dataset_classes(splits["train"].dataset)
    names = label_names(class_names, 2 if kind == BINARY else count, found)
    if not asked and not other:
        findings.insert(0, Finding(_SAID[kind].format(count=count)))
    return Labels(kind, names, findings)


def _may_be_labels(target: Tensor) -> bool:
    """By the first batch: whole numbers, one an item, are classes until a model says otherwise."""
    if target.ndim == 1 and not target.is_floating_point() and target.dtype != torch.bool:
        return False
    return not target.is_floating_point() or bool(((target == 0) | (target == 1)).all())


def _task_of(count: int, asked: str | None) -> str:
    if asked == BINARY and count > 1:
        raise DataError(
            f"The targets have {count} values an item; binary classification takes one.",
            f'Pass task="{SEVERAL}".',
        )
    return asked or (BINARY if count == 1 else SEVERAL)


def _everything(
    splits: Mapping[str, AnySplit], batches: Mapping[str, Batch], findings: list[Finding]
) -> np.ndarray:
    """Targets ``(N, L)`` of all splits that know theirs, of the first batches, and of train by reading it."""
    train = splits["train"]
    targets = [split.targets for split in splits.values() if split.targets is not None]
    targets += [batch.target for batch in batches.values()]
    if train.targets is None:
        read = read_targets(train)
        if len(read) < len(train):
            text = f"What the targets are is told by the first {len(read):,} items read (task=… says it)."
            findings.append(Finding(text, warning=True))
        targets.insert(0, read)
    width = targets[0].shape[1] if targets[0].ndim == 2 else 1
    return torch.cat([values.reshape(-1, width).cpu().double() for values in targets]).numpy()


def read_targets(split: AnySplit) -> Tensor:
    """The targets of up to `READ_AT_MOST` items, by reading them."""
    read, count = [], 0
    for _, target in split.loader(batch_size=256).batches(0):
        read.append(target)
        count += len(target)
        if count >= READ_AT_MOST:
            break
    return torch.cat(read)
