"""Meters: the numbers of an epoch, gathered batch by batch.

`update` takes in a batch, `merge` another meter of the same kind (another process's), `compute` gives the
numbers: the shape of torchmetrics' metrics, which fit here too. Nothing as large as all outputs is held,
except by `Gathered`, which says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, Self

if TYPE_CHECKING:
    from torch import Tensor

    from lepton_nb.batch import Tree


class Meter(Protocol):
    """The numbers of an epoch."""

    def update(self, outputs: Tree, target: Tree) -> None:
        """Take in a batch: what the model gave, and what was wanted."""

    def merge(self, other: Self) -> None:
        """Take in what another meter of this kind has seen."""

    def compute(self) -> dict[str, float]:
        """One number a metric; NaN where it is not defined."""


class Nothing:
    """The meter of a problem whose metrics nobody knows."""

    def update(self, outputs: Tree, target: Tree) -> None:
        pass

    def merge(self, other: Self) -> None:
        pass

    def compute(self) -> dict[str, float]:
        return {}


class Mean:
    """Sums over counts: means over items, tokens or pixels.

    Args:
        measure: Gives ``{name: (sum, count)}`` of a batch.
    """

    def __init__(self, measure: Callable[[Any, Any], Mapping[str, tuple[float, float]]]) -> None:
        self.measure = measure
        self.sums: dict[str, tuple[float, float]] = {}

    def update(self, outputs: Tree, target: Tree) -> None:
        self._add(self.measure(outputs, target))

    def merge(self, other: Self) -> None:
        self._add(other.sums)

    def compute(self) -> dict[str, float]:
        return {name: total / count if count else float("nan") for name, (total, count) in self.sums.items()}

    def _add(self, found: Mapping[str, tuple[float, float]]) -> None:
        for name, (total, count) in found.items():
            known_total, known_count = self.sums.get(name, (0.0, 0.0))
            self.sums[name] = (known_total + total, known_count + count)


class Gathered:
    """Keeps all outputs and targets on the CPU, for a metric that is not a mean over batches.

    Args:
        score: Gives the metrics of outputs ``(N, …)`` and targets ``(N, …)`` of all items, or trees of them.
    """

    def __init__(self, score: Callable[[Any, Any], Any]) -> None:
        self.score = score
        self.outputs: list[Tree] = []
        self.targets: list[Tree] = []

    def update(self, outputs: Tree, target: Tree) -> None:
        from lepton_nb.batch import mapped

        self.outputs.append(mapped(_settled, outputs))
        self.targets.append(mapped(lambda tensor: tensor.cpu(), target))

    def merge(self, other: Self) -> None:
        self.outputs += other.outputs
        self.targets += other.targets

    def compute(self) -> Any:
        from lepton_nb.batch import concatenated

        if not self.outputs:
            return {}
        return self.score(concatenated(self.outputs), concatenated(self.targets))


def _settled(tensor: Tensor) -> Tensor:
    tensor = tensor.detach().cpu()
    return tensor.float() if tensor.is_floating_point() else tensor
