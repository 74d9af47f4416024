"""Whether a packaged model still gives the answers of the model in the notebook."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from lepton_nb.signature import TensorSpec
from lepton_nb.tasks.base import Arrays, Graph
from lepton_nb.tasks.padding import padded

Align = Callable[[Arrays, Arrays], Arrays]

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


_SAME, _OTHER = Parity(0.0, 0.0), Parity(float("inf"), float("inf"))


@dataclass(frozen=True)
class Reference:
    """Real inputs, and what the notebook's model answers to them.

    Attributes:
        inputs: Two items or more.
        outputs: The answers to each of them by itself.
        specs: Of the outputs.
        batchable: Whether they stay the same when items share a batch.
        align: Puts other answers into the order of the expected ones, see `Codec.aligned`.
    """

    inputs: Arrays
    outputs: Arrays
    specs: tuple[TensorSpec, ...]
    batchable: bool
    align: Align

    def check(self, graph: Graph) -> Parity:
        """The worst parity over a batch of one item and, where items may share one, of all items."""
        worst = self._compare(slice(1), graph(tuple(array[:1] for array in self.inputs)))
        if self.batchable:
            worst = _worse(worst, self._compare(slice(None), graph(self.inputs)))
        return worst

    def _compare(self, items: slice, answered: Arrays) -> Parity:
        expected = tuple(output[items] for output in self.outputs)
        return compare_outputs(expected, answered, self.specs, self.align)


def compare_outputs(expected: Arrays, answered: Arrays, specs: Sequence[TensorSpec], align: Align) -> Parity:
    """The worst parity of several outputs; what is filled up may end elsewhere."""
    if len(expected) != len(answered):
        return _OTHER
    worst = _SAME
    for one, other, spec in zip(expected, align(expected, answered), specs, strict=True):
        worst = _worse(worst, measure_parity(*_alike(one, other, spec.pad)))
    return worst


def measure_parity(expected: np.ndarray, answered: np.ndarray) -> Parity:
    """Compare two outputs of a batch; infinitely far apart where shapes, NaNs or whole numbers differ."""
    if expected.shape != answered.shape:
        return _OTHER
    if expected.dtype.kind in "biu":
        return _SAME if np.array_equal(expected, answered) else _OTHER
    finite = np.isfinite(expected)
    if not finite.all():  # a graph within may mask by infinities
        if not np.array_equal(expected[~finite], answered[~finite]):
            return _OTHER
        expected, answered = expected[finite], answered[finite]
    if not np.isfinite(answered).all():
        return _OTHER
    wide = expected.astype(np.float64)
    absolute = float(np.abs(wide - answered).max(initial=0.0))
    return Parity(absolute, absolute / max(1.0, float(np.abs(wide).max(initial=0.0))))


def _alike(one: np.ndarray, other: np.ndarray, pad: float | None) -> tuple[np.ndarray, np.ndarray]:
    if pad is None or one.ndim != other.ndim or one.shape == other.shape:
        return one, other
    shape = tuple(map(max, one.shape[1:], other.shape[1:]))
    return padded(one, shape, pad), padded(other, shape, pad)


def _worse(one: Parity, other: Parity) -> Parity:
    return max(one, other, key=lambda parity: parity.relative)
