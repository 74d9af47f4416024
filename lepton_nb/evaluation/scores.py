"""The probability of each class or label, and what its column is called in a table."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

from lepton_nb.signature import Signature
from lepton_nb.tasks import InputError, Task


def class_scores(task: Task, signature: Signature, preds: Any) -> np.ndarray | None:
    """Probabilities ``(N, C)`` of outputs; None where the task has no classes, or several outputs."""
    if not signature.class_names or not isinstance(preds, np.ndarray):
        return None
    try:
        return task.codec(signature).scores(preds)
    except (InputError, NotImplementedError, AttributeError):
        return None


def class_columns(signature: Signature, taken: Collection[str]) -> list[str]:
    """The names of the classes; with a word before those that other columns have."""
    return [f"score {name}" if name in taken else name for name in signature.class_names]
