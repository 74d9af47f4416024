"""Whether an exported model still gives the answers of the model in the notebook."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lepton_nb.packaging.runners import Runner

TOLERANCE = 1e-3
"""Largest difference allowed, relative to the largest output where that is above 1.

float32 kernels differ by about 1e-6 a layer; a wrong operator, layout or preprocessing by far more."""


@dataclass(frozen=True)
class Parity:
    """How far two sets of answers lie apart.

    Attributes:
        absolute: Largest difference of two outputs.
        relative: The same over the largest output (or 1 where all are smaller).
    """

    absolute: float
    relative: float

    @property
    def ok(self) -> bool:
        return self.relative <= TOLERANCE

    def to_dict(self) -> dict[str, float]:
        return {"absolute": self.absolute, "relative": self.relative, "tolerance": TOLERANCE}

    def __str__(self) -> str:
        return f"largest difference {self.absolute:.2g} ({self.relative:.2g} relative, allowed {TOLERANCE:g})"


def measure_parity(expected: np.ndarray, answered: np.ndarray) -> Parity:
    """Compare two outputs of the same batch; infinitely far apart where shapes or NaNs differ."""
    if expected.shape != answered.shape or not np.isfinite(answered).all():
        return Parity(float("inf"), float("inf"))
    wide = expected.astype(np.float64)
    absolute = float(np.abs(wide - answered).max(initial=0.0))
    return Parity(absolute, absolute / max(1.0, float(np.abs(wide).max(initial=0.0))))


def check_runner(
    runner: Runner, inputs: tuple[np.ndarray, ...], expected: np.ndarray, *, batchable: bool
) -> Parity:
    """The worst parity of a runner over batches of one item and, where items may share one, of all items.

    Args:
        inputs: Real inputs ``(N, *shape)`` with N of 2 or more.
        expected: The notebook model's answers to each of them, ``(N, ...)``.
    """
    worst = measure_parity(expected[:1], runner(tuple(array[:1] for array in inputs)))
    if batchable:
        together = measure_parity(expected, runner(inputs))
        worst = max(worst, together, key=lambda parity: parity.relative)
    return worst
