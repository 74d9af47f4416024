"""What the notebook's own model answers, to hold every packaged form of it against."""

from __future__ import annotations

import numpy as np

from lepton_nb.errors import PackageError
from lepton_nb.packaging.parity import Align, Reference, compare_outputs
from lepton_nb.signature import TensorSpec
from lepton_nb.tasks.base import Arrays, Graph
from lepton_nb.tasks.padding import joined


def answers_of(run: Graph, inputs: Arrays, specs: tuple[TensorSpec, ...], align: Align) -> Reference:
    """The answers of the notebook's model, or of a graph of it, to each of some real inputs.

    Raises:
        PackageError: If it answers no batch, or differently each time.
    """
    count = len(inputs[0])
    together, again = run(inputs), run(inputs)
    for output in together:
        if output.shape[:1] != (count,):
            raise PackageError(
                f"The model gives the shape {output.shape} for a batch of {count} items; "
                "the first dimension must be the batch."
            )
    if not compare_outputs(together, again, specs, align).ok and all(map(_is_finite, together)):
        raise PackageError(
            "The model answers the same input differently each time, so no copy of it can be checked.",
            "Draw random numbers in forward only where self.training: F.dropout(x, p, self.training).",
        )
    alone = joined([run(tuple(array[i : i + 1] for array in inputs)) for i in range(count)], specs)
    return Reference(inputs, alone, specs, compare_outputs(alone, together, specs, align).ok, align)


def check_finite(reference: Reference) -> None:
    """Refuse a model whose answers are none.

    Raises:
        PackageError: If one is not finite.
    """
    if not all(map(_is_finite, reference.outputs)):
        raise PackageError(
            "The model answers NaN or infinity to real inputs.",
            "Train it again with a lower --lr or --clip 1.0.",
        )


def _is_finite(array: np.ndarray) -> bool:
    return bool(np.isfinite(array).all())
