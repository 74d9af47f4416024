"""From a column of answers to targets: classes or numbers, decided by what the values are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd

from lepton_nb.data.report import Finding
from lepton_nb.data.tables.cells import marks
from lepton_nb.data.tables.texts import Texts, is_text
from lepton_nb.errors import DataError, did_you_mean
from lepton_nb.show.words import plural
from lepton_nb.tasks import task_names
from lepton_nb.tasks.names import LABEL_TASKS

MAX_CLASSES_OF_NUMBERS = 20  # more different whole numbers than this are a quantity, not classes
MAX_CLASS_SHARE = 0.5  # of the rows that may each have a class of their own
Kind = Literal["classification", "regression", "labels"]


@dataclass
class Targets:
    """Targets of all items, before they are split.

    Attributes:
        kind: Whether they are classes, numbers or labels.
        values: int64 class indices ``(N,)``, float64 numbers ``(N, T)``, or float32 0 and 1 ``(N, L)``.
        class_names: Names of the classes; empty for numbers.
        findings: What was decided and why.
    """

    kind: Kind
    values: np.ndarray
    class_names: tuple[str, ...] = ()
    findings: list[Finding] = field(default_factory=list)

    @property
    def labels(self) -> np.ndarray | None:
        """The class indices, of one label 0 and 1; None for anything else."""
        if self.kind == "labels":
            return self.values[:, 0].astype(np.int64) if self.values.shape[1] == 1 else None
        return self.values if self.kind == "classification" else None

    @property
    def strata(self) -> tuple[str, ...]:
        """Names of the classes that every split is to have some of; empty where an item may be of several."""
        return () if self.labels is None else self.class_names

    @property
    def mix(self) -> np.ndarray | None:
        """What every split is to have some of: class indices ``(N,)``, or labels, bool ``(N, L)``."""
        return self.values > 0 if self.kind == "labels" and self.labels is None else self.labels

    def has(self, label: int) -> np.ndarray:
        """Which items are of a class, or have a label: bool ``(N,)``."""
        held: np.ndarray = self.values[:, label] > 0 if self.labels is None else self.labels == label
        return held

    def shown(self, i: int) -> Any:
        """The answer to item `i` as a person reads it."""
        if self.labels is not None:
            return self.class_names[self.labels[i]]
        if self.kind == "labels":
            return ", ".join(self.class_names[j] for j in np.flatnonzero(self.values[i]))
        return float(self.values[i][0])


@dataclass(frozen=True)
class Scale:
    """Mean and standard deviation of each target value over the training split."""

    mean: np.ndarray
    std: np.ndarray

    @classmethod
    def measure(cls, values: np.ndarray, name: str) -> Scale:
        """The scale of numbers ``(N, T)``.

        Raises:
            DataError: If a target is the same in every row.
        """
        mean, std = values.mean(axis=0), values.std(axis=0)
        if (std == 0).any():
            raise DataError(
                f"The target {name!r} is {mean[std == 0][0]:g} in every training row: nothing to learn."
            )
        return cls(mean, std)

    def apply(self, values: np.ndarray) -> np.ndarray:
        """Numbers ``(N, T)`` as the float32 values a model learns."""
        scaled: np.ndarray = ((values - self.mean) / self.std).astype(np.float32)
        return scaled

    def to_dict(self) -> dict[str, Any]:
        """``mean`` and ``std`` for `Signature.target`: one number each, or a list where T is not 1."""
        one = len(self.mean) == 1
        return {
            "mean": float(self.mean[0]) if one else self.mean.tolist(),
            "std": float(self.std[0]) if one else self.std.tolist(),
        }


def kind_of_task(task: str | None) -> Kind | None:
    """Whether a task's name asks for classes, numbers or labels; None where the targets are to decide.

    Raises:
        DataError: If there is no such task.
    """
    if task is None:
        return None
    if task in LABEL_TASKS:
        return "labels"
    kinds: tuple[Kind, ...] = ("classification", "regression")
    for kind in kinds:
        if task == kind or task.endswith(f"-{kind}"):
            return kind
    if task in task_names():  # of another package, which takes the targets as they are
        return None
    hint = did_you_mean(task, task_names()) or did_you_mean(task.rpartition("-")[2], kinds)
    raise DataError(f"task is {task!r}; it is classification, regression or the name of a task.", hint)


def is_of_another_package(task: str | None) -> bool:
    """Whether a task that exists is none of ours, and alone knows what its targets are."""
    return task is not None and task in task_names() and kind_of_task(task) is None


def task_of(asked: str | None, of_input: str, targets: Targets) -> str:
    """The name of the task.

    Args:
        asked: What the user asked for, if anything.
        of_input: What its name begins with, such as ``tabular``.
    """
    if is_of_another_package(asked):
        return str(asked)
    if targets.kind == "labels":
        return LABEL_TASKS[targets.values.shape[1] > 1]
    return f"{of_input}-{targets.kind}"


def find_column(table: pd.DataFrame, name: str, option: str) -> str:
    """`name`, if the table has such a column.

    Raises:
        DataError: If it has none; the nearest is suggested.
    """
    if name in table.columns:
        return name
    raise DataError(
        f"{option} is {name!r}, but there is no such column.", did_you_mean(name, map(str, table.columns))
    )


def strip_labels(values: pd.Series) -> tuple[pd.Series, list[Finding]]:
    """Labels without spaces around them; blank ones count as missing, marks such as NA are labels."""
    column = Texts.of(values) if is_text(values) else None
    if column is None:
        return values, []
    stripped = column.cells(column.values, object).set_axis(values.index)
    stripped.name = values.name
    findings = marks(column)
    merged = sum(1 for value in values.dropna().unique() if str(value).strip()) - len(column.values)
    changed = values[(values != stripped) & stripped.notna()]
    if len(changed) and merged > 0:
        text = f"{plural(merged, 'label')} of {values.name!r} differed only by spaces around: merged."
        findings.append(Finding(text, tuple(repr(value) for value in changed.unique()[:5])))
    return stripped, [*findings, *_alike([str(value) for value in column.values])]


def _alike(labels: list[str]) -> list[Finding]:
    """A warning about labels that one may have meant to be equal."""
    by_folded: dict[str, list[str]] = {}
    for label in labels:
        by_folded.setdefault(label.casefold(), []).append(label)
    alike = [" and ".join(map(repr, labels)) for labels in by_folded.values() if len(labels) > 1]
    if not alike or len(alike) >= 10:
        return []
    text = "Labels that differ only in upper and lower case are classes apart."
    return [Finding(text, tuple(alike), warning=True)]


def read_targets(values: pd.Series, *, kind: Kind | None = None) -> Targets:
    """Targets from a column without missing values.

    Text, categories and truth values are classes, numbers with decimals are quantities, and whole numbers
    are classes where there are at most `MAX_CLASSES_OF_NUMBERS` different ones.

    Raises:
        DataError: If there is one class only, nearly every item has a class of its own, or the values are
            not numbers where numbers are asked for.
    """
    numeric = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    findings = []
    if kind is None:
        whole = numeric and bool((values % 1 == 0).all())
        distinct = int(values.nunique())
        kind = (
            "regression" if numeric and (not whole or distinct > MAX_CLASSES_OF_NUMBERS) else "classification"
        )
        if whole:
            taken, other = (
                ("classes", "regression") if kind == "classification" else ("a quantity", "classification")
            )
            findings.append(
                Finding(
                    f"{values.name!r} has {distinct:,} different whole numbers: taken as {taken} "
                    f'(task="{other}" overrules).'
                )
            )
    targets = _as_numbers(values, numeric) if kind == "regression" else _as_classes(values)
    targets.findings = findings
    return targets


def _as_numbers(values: pd.Series, numeric: bool) -> Targets:
    numbers = values if numeric else pd.to_numeric(values, errors="coerce")
    wrong = ~np.isfinite(numbers.to_numpy(dtype=np.float64, na_value=np.nan))
    if wrong.any():
        raise DataError(
            f"The target {values.name!r} is to be a number but holds {_shown(values[wrong].iloc[0])} "
            f"({plural(int(wrong.sum()), 'such row')}).",
            'Leave these rows out, as with df[np.isfinite(df[target])], or pass task="classification" '
            "where the values are classes.",
        )
    return Targets("regression", numbers.to_numpy(dtype=np.float64).reshape(-1, 1))


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, int | float | np.number) else repr(value)


def _order_of(values: pd.Series) -> Callable[[Any], Any] | None:
    """The order that the user gave categories; None where values have none but their own."""
    if isinstance(values.dtype, pd.CategoricalDtype) and values.dtype.ordered:
        return list(values.dtype.categories).index
    return None


def _as_classes(values: pd.Series) -> Targets:
    if pd.api.types.is_float_dtype(values) and bool((values % 1 == 0).all()):
        values = values.astype("int64")  # 3.0 read from a column that once had a gap is class 3
    found = list(values.unique())
    try:
        found.sort(key=_order_of(values))
    except TypeError:  # texts and numbers in one column
        values = values.map(str)
        found = sorted(values.unique())
    if len(found) < 2:
        raise DataError(
            f"{values.name!r} has one class only ({str(found[0])!r}); classification needs at least two.",
            "Check the target column and the rows.",
        )
    if len(found) > max(MAX_CLASSES_OF_NUMBERS, MAX_CLASS_SHARE * len(values)):
        raise DataError(
            f"{values.name!r} has {len(found):,} different values in {len(values):,} items: no classes.",
            'Name another column with target=…, or pass task="regression" where they are numbers.',
        )
    codes = pd.Categorical(values.astype(object), categories=found).codes.astype(np.int64)
    return Targets("classification", codes, tuple(str(value) for value in found))
