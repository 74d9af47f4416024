"""Data of labels: what their signature and report say, and the same data taken as something else."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from lepton_nb.data.bundle import DataBundle, Split
from lepton_nb.data.own.splits import UserSplit
from lepton_nb.data.report import Finding
from lepton_nb.show.words import plural
from lepton_nb.signature import Signature, TensorSpec
from lepton_nb.tasks.names import BINARY, LABEL_TASKS

SHOWN = 10  # labels of which the report says how many items have them
_BY_INPUT = {"image": "image-classification", "text": "text-classification"}


def label_output(task: str, class_names: Sequence[str]) -> TensorSpec:
    """One logit of two classes, one of each label."""
    return TensorSpec("logits", "float32", (1 if task == BINARY else len(class_names),))


def label_counts(
    truths: Mapping[str, np.ndarray], task: str, class_names: Sequence[str]
) -> tuple[dict[str, dict[str, int]], list[Finding]]:
    """For a report the items of each split, of one label by class, and what is to be said of them.

    Args:
        truths: bool ``(N, L)`` by split.
    """
    positives = {split: truth.sum(axis=0).tolist() for split, truth in truths.items()}
    missing = [
        Finding(f"No item of {split} has {_some(list(map(repr, absent)))}.", warning=True)
        for split, counts in positives.items()
        if (absent := [n for n, count in zip(class_names[-len(counts) :], counts, strict=True) if not count])
    ]
    if task == BINARY:
        counts = {
            split: {class_names[0]: len(truth) - positives[split][0], class_names[1]: positives[split][0]}
            for split, truth in truths.items()
        }
        return counts, missing
    train = truths["train"] if "train" in truths else next(iter(truths.values()))
    said = sorted(zip(train.sum(axis=0).tolist(), class_names, strict=True), reverse=True)
    bare = int((~train.any(axis=1)).sum())
    text = (
        f"{plural(len(class_names), 'label')}, {train.sum(axis=1).mean():.1f} an item of train, "
        f"{plural(bare, 'item')} without one. Items with each: "
        f"{_some([f'{name} {count:,}' for count, name in said])}."
    )
    return {split: {"": len(truth)} for split, truth in truths.items()}, [Finding(text), *missing]


def _some(texts: list[str]) -> str:
    """The first of them, and how many more there are."""
    more = f" and {len(texts) - SHOWN} more" if len(texts) > SHOWN else ""
    return ", ".join(texts[:SHOWN]) + more


def taken_as(bundle: DataBundle, signature: Signature) -> DataBundle:
    """The data as a run of that signature took them, where they can be taken as two kinds of problem."""
    own = bundle.signature
    if own.task == signature.task:
        return bundle
    if signature.task == BINARY and len(own.class_names) == 2:
        return replace(bundle, signature=replace(own, task=BINARY, output=signature.output))
    if own.task == BINARY and len(signature.class_names) == 2:
        return as_classes(bundle)
    if own.task in LABEL_TASKS and not signature.class_names:
        return as_quantities(bundle)
    return bundle


def as_classes(bundle: DataBundle) -> DataBundle:
    """Yes and no as two classes with a logit each."""
    splits = {name: _of_classes(split) for name, split in bundle.splits.items()}
    bundle, own = replace(bundle, splits=splits), bundle.signature
    task = _BY_INPUT.get(own.preprocessing["kind"], "tabular-classification")
    return _with(bundle, task=task, output=TensorSpec("logits", "float32", (2,)))


def _of_classes(split: Split) -> Split:
    if not isinstance(split, UserSplit):
        return split
    twin = copy.copy(split)
    twin.set_kind("classification")
    return twin


def as_quantities(bundle: DataBundle) -> DataBundle:
    """Zeros and ones as numbers to come close to."""
    target: dict[str, Any] = {"name": bundle.signature.target.get("name", "target"), "mean": 0.0, "std": 1.0}
    output = TensorSpec("values", "float32", (bundle.signature.num_outputs,))
    return _with(bundle, task="tabular-regression", output=output, class_names=(), target=target)


def _with(bundle: DataBundle, **changes: Any) -> DataBundle:
    return replace(bundle, signature=replace(bundle.signature, **changes))
