"""Items of different length in one batch: what is shorter is filled up at its end."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lepton_nb.signature import TensorSpec
from lepton_nb.tasks.base import Arrays


def padded(batch: np.ndarray, shape: Sequence[int], pad: float) -> np.ndarray:
    """A batch ``(N, ...)`` with every item of this shape, which is nowhere smaller than its own."""
    if batch.shape[1:] == tuple(shape):
        return batch
    widths = [(0, 0), *((0, size - own) for size, own in zip(shape, batch.shape[1:], strict=True))]
    return np.pad(batch, widths, constant_values=pad)


def joined(batches: Sequence[Arrays], specs: Sequence[TensorSpec]) -> Arrays:
    """Batches as one; tensors whose spec says with what are filled up to the longest."""
    if len(batches) == 1:
        return batches[0]
    return tuple(
        _joined(column, spec.pad) for column, spec in zip(zip(*batches, strict=True), specs, strict=True)
    )


def _joined(parts: Sequence[np.ndarray], pad: float | None) -> np.ndarray:
    if pad is not None:
        shape = tuple(map(max, *(part.shape[1:] for part in parts)))
        parts = [padded(part, shape, pad) for part in parts]
    return np.concatenate(parts)


def joining_shape(array: np.ndarray, spec: TensorSpec) -> tuple[int | None, ...]:
    """What must be equal of two batches for `joined` to take them."""
    if spec.pad is None:
        return array.shape[1:]
    return spec.shape
