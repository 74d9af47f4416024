"""From a column of answers to targets: classes or numbers, decided by what the values are."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd

from lepton_nb.data.report import Finding
from lepton_nb.errors import DataError

MAX_CLASSES_OF_NUMBERS = 20  # more different whole numbers than this are a quantity, not classes
Kind = Literal["classification", "regression"]


@dataclass
class Targets:
    """Targets of all items, before they are split.

    Attributes:
        kind: Whether they are classes or numbers.
        values: int64 class indices ``(N,)`` or float64 numbers ``(N, T)``.
        class_names: Names of the classes; empty for numbers.
        findings: What was decided and why.
    """

    kind: Kind
    values: np.ndarray
    class_names: tuple[str, ...] = ()
    findings: list[Finding] = field(default_factory=list)


def kind_of_task(task: str | None) -> Kind | None:
    """Whether a task's name asks for classes or for numbers; None for no task.

    Raises:
        DataError: If the name says neither.
    """
    if task is None:
        return None
    kinds: tuple[Kind, ...] = ("classification", "regression")
    for kind in kinds:
        if task == kind or task.endswith(f"-{kind}"):
            return kind
    raise DataError(
        f"task is {task!r}; it says neither classification nor regression.", 'Try task="classification".'
    )


def read_targets(values: pd.Series, *, kind: Kind | None = None) -> Targets:
    """Targets from a column without missing values.

    Text, categories and truth values are classes, numbers with decimals are quantities, and whole numbers
    are classes where there are at most `MAX_CLASSES_OF_NUMBERS` different ones.

    Raises:
        DataError: If there is one class only, or the values are not numbers where numbers are asked for.
    """
    numeric = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    findings = []
    if kind is None:
        whole = numeric and bool((values % 1 == 0).all())
        distinct = values.nunique()
        if whole and distinct > MAX_CLASSES_OF_NUMBERS:
            findings.append(
                Finding(
                    f"{values.name!r} has {distinct:,} different whole numbers: taken as a quantity "
                    '(task="classification" makes them classes).'
                )
            )
        kind = (
            "regression" if numeric and (not whole or distinct > MAX_CLASSES_OF_NUMBERS) else "classification"
        )
    targets = _as_numbers(values, numeric) if kind == "regression" else _as_classes(values)
    targets.findings = findings
    return targets


def _as_numbers(values: pd.Series, numeric: bool) -> Targets:
    numbers = values if numeric else pd.to_numeric(values, errors="coerce")
    if numbers.isna().any():
        bad = values[numbers.isna()].iloc[0]
        raise DataError(
            f"Column {values.name!r} is to be a number but holds {bad!r}.",
            'Clean the column, or pass task="classification".',
        )
    return Targets("regression", numbers.to_numpy(dtype=np.float64).reshape(-1, 1))


def _as_classes(values: pd.Series) -> Targets:
    if pd.api.types.is_float_dtype(values) and bool((values % 1 == 0).all()):
        values = values.astype("int64")  # 3.0 read from a column that once had a gap is class 3
    found = sorted(values.unique())
    if len(found) < 2:
        raise DataError(
            f"{values.name!r} has one class only ({found[0]!r}); classification needs at least two."
            if found
            else f"{values.name!r} is empty.",
            "Check the target column.",
        )
    codes = pd.Categorical(values, categories=found).codes.astype(np.int64)
    return Targets("classification", codes, tuple(str(value) for value in found))
