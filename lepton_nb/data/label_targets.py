"""Targets that are labels, from a column of answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from lepton_nb.data.label_columns import as_label_sets, check_binary, is_label_sets, label_names_of, multi_hot
from lepton_nb.data.label_values import are_labels, are_meant_as_labels, check_labels, label_names
from lepton_nb.data.report import Finding
from lepton_nb.data.targets import Targets, kind_of_task, read_targets
from lepton_nb.errors import DataError
from lepton_nb.tasks.names import BINARY, SEVERAL

_ASKED = 'task="regression" takes quantities'


def read_answers(values: pd.Series, task: str | None, names: Sequence[str] = ()) -> Targets:
    """Targets of any kind from a column without missing values.

    Args:
        task: What was asked for, if anything.
        names: Every label there is, where the column holds tuples of some.

    Raises:
        DataError: If they fit no kind, or not the one that was asked for.
    """
    if is_label_sets(values):
        return read_label_sets(values, task, names)
    kind = kind_of_task(task)
    if kind != "labels":
        return read_targets(values, kind=kind)
    check_binary(values, task)
    found = as_label_sets(values, task) if task == SEVERAL else None
    if found is not None:
        targets = read_label_sets(found[0], task)
        return replace(targets, findings=found[1])
    return as_one_label(read_targets(values, kind="classification"), str(values.name))


def read_label_sets(values: pd.Series, task: str | None, names: Sequence[str] = ()) -> Targets:
    """Targets ``(N, L)`` of tuples of names."""
    if kind_of_task(task) not in (None, "labels") or task == BINARY:
        raise DataError(
            f"{values.name!r} holds several labels an item; {task} takes one answer.",
            f'Pass task="{SEVERAL}", or leave task out.',
        )
    known = tuple(names) or label_names_of(values)
    if len(known) < 2:
        raise DataError(f"{values.name!r} holds {len(known)} different labels; expected two or more.")
    return Targets("labels", multi_hot(values, known), known)


def as_one_label(targets: Targets, name: str) -> Targets:
    """Two classes as one label, which says whether it is the second.

    Raises:
        DataError: If there are more.
    """
    if len(targets.class_names) != 2:
        shown = ", ".join(map(repr, targets.class_names[:5]))
        raise DataError(
            f"{name!r} has {len(targets.class_names)} classes ({shown} …); binary classification takes two.",
            'Pass task="classification".',
        )
    values = targets.values.astype(np.float32).reshape(-1, 1)
    return Targets("labels", values, targets.class_names, findings=targets.findings)


def read_matrix(y: np.ndarray, task: str | None, class_names: Sequence[str] | None) -> Targets | None:
    """Targets of numbers ``(N, L)`` that are zeros and ones; None where they are something else.

    Raises:
        DataError: If labels are asked for, or meant, and a value is neither 0 nor 1.
    """
    asked = kind_of_task(task) == "labels"
    if not asked and task is not None:
        return None
    if y.dtype.kind not in "iufb":
        return None
    whole = y.dtype.kind != "f" or bool((y % 1 == 0).all())
    if asked or (whole and are_meant_as_labels(y)):
        check_labels(y, "y", tuple(class_names or ()))
    elif not are_labels(y):
        return None
    names = label_names(class_names, y.shape[1])
    text = f"Every target is 0 or 1, {y.shape[1]} an item: multi-label classification ({_ASKED})."
    return Targets("labels", y.astype(np.float32), names, findings=[] if asked else [Finding(text)])
