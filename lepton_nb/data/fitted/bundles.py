"""What fitted data of every kind have in common: which items, their targets, the bundle."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import torch

from lepton_nb.data.assemble import class_counts, fingerprint
from lepton_nb.data.bundle import DataBundle, Split
from lepton_nb.data.label_columns import as_label_sets, merge_columns, multi_hot
from lepton_nb.data.label_values import check_labels
from lepton_nb.data.report import DataReport, Finding
from lepton_nb.data.splitting import Parts
from lepton_nb.data.targets import strip_labels
from lepton_nb.errors import DataError, did_you_mean
from lepton_nb.show.words import plural
from lepton_nb.signature import Signature
from lepton_nb.tasks.names import SEVERAL
from lepton_nb.tasks.tables import category_text


def held_out(given: Parts, split: str | None) -> tuple[str, np.ndarray]:
    """Which items are measured, and the name of their split: all are the test where there are no splits.

    Raises:
        DataError: If the source has splits, but not that one.
    """
    if list(given) == ["train"] and split in (None, "test"):
        return "test", given["train"]
    name = split or ("test" if "test" in given else "val")
    if name not in given:
        there = ", ".join(map(repr, given))
        raise DataError(f"The data has no split {name!r}; it has {there}.", "Leave split out.")
    return name, given[name]


def present(answers: pd.Series, what: str) -> tuple[pd.Series, np.ndarray, list[Finding]]:
    """The answers that are there, with spaces stripped, and which of all they are: bool ``(N,)``.

    Raises:
        DataError: If there are none.
    """
    answers, _ = strip_labels(answers)
    there = answers.notna().to_numpy()
    if not there.any():
        raise DataError(f"No {what} has a value in {answers.name!r}: there is nothing to measure against.")
    left_out = int((~there).sum())
    text = f"{plural(left_out, what)} without a value in {answers.name!r} left out."
    return answers[there], there, [Finding(text, warning=True)] if left_out else []


def fit_targets(answers: pd.Series, signature: Signature) -> np.ndarray:
    """Targets as the model learned them: int64 class numbers ``(N,)``, scaled float32 ``(N, 1)``, or labels.

    Raises:
        DataError: If one is no class of the model, or no number.
    """
    if signature.task == SEVERAL:
        return multi_hot(label_sets(answers, signature), signature.class_names)
    return _class_numbers(answers, signature) if signature.class_names else _scaled(answers, signature)


def label_column(table: pd.DataFrame, signature: Signature) -> pd.DataFrame:
    """The table with the labels of each row as a tuple, where the model predicts several.

    Raises:
        DataError: If they stand in columns of their own, of which one is not there.
    """
    name, labels = target_name(signature), signature.class_names
    if signature.task != SEVERAL:
        return table
    if name in table.columns:
        return table.assign(**{name: label_sets(table[name], signature)})
    absent = [label for label in labels if label not in table.columns]
    if len(absent) == len(labels):
        return table
    if absent:
        hint = did_you_mean(absent[0], table.columns) or "Write 0 and 1 into a column of that name."
        raise DataError(f"The table has no column {absent[0]!r}, which the model predicts.", hint)
    return merge_columns(table, labels)[0].rename(columns={", ".join(labels): name})


def label_sets(answers: pd.Series, signature: Signature) -> pd.Series:
    """Answers as tuples of labels, where the model gives several; else as they are."""
    found = as_label_sets(answers, SEVERAL) if signature.task == SEVERAL else None
    return answers if found is None else found[0]


def label_rows(matrix: np.ndarray, signature: Signature) -> list[tuple[str, ...]]:
    """Zeros and ones ``(N, L)`` as tuples of labels.

    Raises:
        DataError: If there are others, or not one for each label.
    """
    names = signature.class_names
    if matrix.shape[1] != len(names):
        raise DataError(f"The targets have {matrix.shape[1]} values an item; the model gives {len(names)}.")
    check_labels(matrix, "The target", names, hint="Repair or leave out these items.")
    return [tuple(names[i] for i in np.flatnonzero(row)) for row in matrix]


def _class_numbers(answers: pd.Series, signature: Signature) -> np.ndarray:
    names = list(signature.class_names)
    codes, distinct = pd.factorize(answers)
    texts = [text if (text := str(value)) in names else str(category_text(value)) for value in distinct]
    unknown = [text for text in texts if text not in names]
    if unknown and not any(map(str.isdecimal, names)):
        numbers = list(map(str, range(len(names))))
        if all(text in numbers for text in texts):  # the model's own numbers of its classes
            names, unknown = numbers, []
    if unknown:
        shown = ", ".join(map(repr, unknown[:5])) + (" …" if len(unknown) > 5 else "")
        known = ", ".join(names[:10]) + (" …" if len(names) > 10 else "")
        raise DataError(
            f"{answers.name!r} has classes that the model does not know: {shown}.",
            did_you_mean(unknown[0], names) or f"It knows {known}. Leave the other items out.",
        )
    return np.array([names.index(text) for text in texts], dtype=np.int64)[codes]


def _scaled(answers: pd.Series, signature: Signature) -> np.ndarray:
    numbers = pd.to_numeric(answers, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    wrong = ~np.isfinite(numbers)
    if wrong.any():
        raise DataError(
            f"{answers.name!r} is to hold numbers but holds {answers[wrong].iloc[0]!r} "
            f"({int(wrong.sum()):,} such items).",
            "Repair or leave out these items.",
        )
    return scale(numbers.reshape(-1, 1), signature)


def scale(numbers: np.ndarray, signature: Signature) -> np.ndarray:
    """Quantities ``(N, T)`` as the float32 values the model learned.

    Raises:
        DataError: If the model gives another number of values.
    """
    if numbers.shape[1] != signature.num_outputs:
        raise DataError(
            f"The targets have {numbers.shape[1]} values an item; the model gives {signature.num_outputs}."
        )
    mean, std = signature.target.get("mean", 0.0), signature.target.get("std", 1.0)
    scaled: np.ndarray = ((numbers - np.asarray(mean)) / np.asarray(std)).astype(np.float32)
    return scaled


def target_name(signature: Signature) -> str:
    """The column that the model predicts."""
    return str(signature.target.get("name", "y"))


def fitted_bundle(
    split: Split,
    signature: Signature,
    contents: np.ndarray,
    *,
    name: str,
    source: str,
    findings: list[Finding],
) -> DataBundle:
    """The bundle of one split.

    Args:
        contents: What stands for the content of the split's items, uint64 ``(N,)``.
        findings: What was left out or is read otherwise.
    """
    assert split.targets is not None
    answers: Any = split.targets.numpy()
    if signature.task == SEVERAL:
        counts = {split.name: {"": len(answers)}}
    else:
        counts = class_counts({split.name: answers}, signature.class_names)
    return DataBundle(
        name=name,
        signature=signature,
        splits={split.name: split},
        report=DataReport(name, source, counts, signature, findings),
        fingerprint=fingerprint({split.name: (contents, answers)}),
        contents={split.name: contents},
    )


def as_tensor(values: np.ndarray) -> torch.Tensor:
    """An array as a tensor that torch may write to."""
    return torch.from_numpy(np.ascontiguousarray(values))
