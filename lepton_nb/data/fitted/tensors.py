"""Arrays that reach a trained model as they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from lepton_nb.data.bundle import DataBundle
from lepton_nb.data.contents import array_keys
from lepton_nb.data.fitted.bundles import (
    as_tensor,
    fit_targets,
    fitted_bundle,
    label_rows,
    scale,
    target_name,
)
from lepton_nb.data.memory import MemorySplit
from lepton_nb.errors import DataError
from lepton_nb.signature import Signature
from lepton_nb.tasks.names import SEVERAL


def from_path(path: Path, signature: Signature, split: str | None) -> None:
    """Files have to be prepared, and how is not known of such a model."""


def from_frame(table: pd.DataFrame, signature: Signature) -> None:
    """As for files."""


def from_pair(x: Any, y: Any, signature: Signature) -> DataBundle | None:
    arrays = [numbers(value) for value in (x, y)]
    inputs, answers = arrays
    if inputs is None or answers is None or len(signature.inputs) != 1:
        return None
    spec = signature.inputs[0]
    fits = inputs.ndim == len(spec.shape) + 1 and all(
        size in (None, seen) for size, seen in zip(spec.shape, inputs.shape[1:], strict=True)
    )
    if not fits:
        raise DataError(
            f"The inputs have the shape {inputs.shape}; the model takes {spec}.",
            "Give items of the shape that it was trained on.",
        )
    inputs = inputs.astype(spec.dtype)
    return fitted_bundle(
        MemorySplit(
            "test",
            as_tensor(inputs),
            as_tensor(array_targets(answers, len(inputs), signature)),
            inputs.__getitem__,
        ),
        signature,
        array_keys(inputs),
        name="arrays",
        source=f"arrays {inputs.shape}",
        findings=[],
    )


def array_targets(answers: np.ndarray, count: int, signature: Signature) -> np.ndarray:
    """The targets of an array ``(N,)``, ``(N, T)`` or, of classes, one-hot ``(N, C)``.

    Raises:
        DataError: If it has another length, or does not fit the model.
    """
    if answers.ndim == 0 or len(answers) != count:
        raise DataError(f"There are {count:,} items, the targets have the shape {answers.shape}.")
    if answers.ndim == 2 and answers.shape[1] == 1:
        answers = answers[:, 0]
    if answers.ndim == 2 and signature.task == SEVERAL:
        rows = pd.Series(label_rows(answers, signature), name=target_name(signature))
        return fit_targets(rows, signature)
    if answers.ndim == 2 and not signature.class_names:
        return scale(answers.astype(np.float64), signature)
    if answers.ndim == 2 and answers.shape[1] == len(signature.class_names):
        return np.asarray(answers.argmax(axis=1), dtype=np.int64)
    if answers.ndim != 1:
        raise DataError(f"The targets have the shape {answers.shape}; expected one an item.")
    return fit_targets(pd.Series(answers, name=target_name(signature)), signature)


def numbers(value: Any) -> np.ndarray | None:
    """An array or tensor, or a list of numbers, as an array; None for anything else."""
    if isinstance(value, Tensor):
        value = value.detach().cpu()
        value = value.float() if value.dtype in (torch.bfloat16, torch.float16) else value
        return np.asarray(value)
    try:
        array = np.asarray(value)
    except ValueError:
        return None
    return array if array.dtype.kind in "iufbUO" and array.ndim else None
