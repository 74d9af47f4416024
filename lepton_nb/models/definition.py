"""`model()`: from what a user has in a cell to a definition that is checked and can be built again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from lepton_nb.models.calling import Inputs
from lepton_nb.models.check import CheckReport
from lepton_nb.models.spec import ModelSpec
from lepton_nb.models.summary import Summary
from lepton_nb.signature import Signature

Starter = Callable[[Signature], nn.Module]


@dataclass
class Definition:
    """A model that can be built: a class, a factory, a name, or an instance of the user's.

    Attributes:
        name: What users call it.
        spec: How to build it again elsewhere.
        factory: Builds a new module; None where the user gave an instance.
        instance: The user's own module.
        report: What one real batch showed; None where none was given.
        summary: Layers and costs; None where no batch was given.
        notes: What was adapted or filled in, one sentence each.
    """

    name: str
    spec: ModelSpec
    factory: Callable[[], nn.Module] | None = None
    instance: nn.Module | None = None
    report: CheckReport | None = None
    summary: Summary | None = None
    notes: list[str] = field(default_factory=list)

    def build(self) -> nn.Module:
        """A new module, or the user's own instance."""
        if self.instance is not None:
            return self.instance
        assert self.factory is not None
        return self.factory()


def model(
    target: Any,
    *,
    name: str | None = None,
    signature: Signature | None = None,
    batch: tuple[Inputs, Tensor] | None = None,
    loss: Callable[[Tensor, Tensor], Tensor] | None = None,
    namespace: dict[str, Any] | None = None,
    cells: Sequence[str] = (),
    starters: Mapping[str, Starter] | None = None,
    weights: str | None = None,
) -> Definition:
    if isinstance(target, nn.Module):
        return Definition(type(target).__name__, ModelSpec("live", type(target).__name__), instance=target)
    return Definition(target.__name__, ModelSpec("live", target.__name__), factory=target)
