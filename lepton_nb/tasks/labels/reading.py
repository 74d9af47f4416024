"""From what a model gives to probabilities, and from those to decisions: numpy only, for the service."""

from __future__ import annotations

import numpy as np

from lepton_nb.signature import Signature
from lepton_nb.tasks.thresholds import thresholds_of

PROBABILITIES = "probabilities"
"""In ``Signature.target["outputs"]``: the model gives these, not logits."""
USUAL = 0.5


def probabilities(output: np.ndarray, signature: Signature) -> np.ndarray:
    """Outputs ``(N,)`` or ``(N, L)`` as probabilities ``(N, L)``, float64."""
    values = output.reshape(len(output), -1).astype(np.float64)
    if signature.target.get("outputs") == PROBABILITIES:
        return values
    exponentials = np.exp(-np.abs(values))  # never overflows
    found: np.ndarray = np.where(values >= 0, 1.0, exponentials) / (1.0 + exponentials)
    return found


def thresholds(signature: Signature) -> np.ndarray:
    """The least probability of each label ``(L,)`` that counts as yes."""
    return thresholds_of(signature, USUAL)


def decisions(output: np.ndarray, signature: Signature) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities ``(N, L)``, and which labels they are enough for, bool ``(N, L)``."""
    found = probabilities(output, signature)
    return found, found >= thresholds(signature)
