"""Labels in what a user's loader yields: one logit an item, or one for each label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lepton_nb.batch import Batch
from lepton_nb.data.label_values import are_labels, are_meant_as_labels, check_labels, label_names
from lepton_nb.data.own.dataset_views import dataset_classes
from lepton_nb.data.own.splits import AnySplit
from lepton_nb.data.report import Finding
from lepton_nb.data.targets import is_of_another_package
from lepton_nb.errors import DataError
from lepton_nb.tasks.names import BINARY, LABEL_TASKS, SEVERAL

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
    values = _by_split(splits, batches, findings)
    count = values["train"].shape[1]
    meant = count > 1 and not target.is_floating_point() and are_meant_as_labels(values["train"])
    if asked or meant:
        for name, numbers in values.items():
            check_labels(numbers, f"The target of {name}")
    if not asked and not are_labels(np.concatenate(list(values.values()))):
        return None
    kind = task if task is not None and other else _task_of(count, task)
    found = splits["train"].label_names or dataset_classes(splits["train"].dataset)
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


def _by_split(
    splits: Mapping[str, AnySplit], batches: Mapping[str, Batch], findings: list[Finding]
) -> dict[str, np.ndarray]:
    """Targets ``(N, L)``: all of a split that knows its own, of train by reading it, of others a batch."""
    found = {}
    for name, split in splits.items():
        known = split.targets
        if known is None:
            known = read_targets(split) if name == "train" else batches[name].target
        if name == "train" and len(known) < len(split):
            text = f"What the targets are is told by the first {len(known):,} items read (task=… says it)."
            findings.append(Finding(text, warning=True))
        found[name] = known.reshape(len(known), -1).cpu().double().numpy()
    return found


def read_targets(split: AnySplit) -> Tensor:
    """The targets of up to `READ_AT_MOST` items, by reading them."""
    read, count = [], 0
    for _, target in split.loader(batch_size=256).batches(0):
        read.append(target)
        count += len(target)
        if count >= READ_AT_MOST:
            break
    return torch.cat(read)
