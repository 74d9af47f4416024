"""Several optimizers seen as one, for all that looks at groups, state and gradients."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

import torch


class Optimizers(torch.optim.Optimizer):
    """Optimizers by name, whose groups are one after another.

    Args:
        parts: The optimizers.
        given: What a step is handed: the parts in the form in which the user gave them.
    """

    def __init__(self, parts: Mapping[str, torch.optim.Optimizer], given: Any = None) -> None:
        self.parts = dict(parts)
        self.given = self.parts if given is None else given
        self.defaults: dict[str, Any] = {}

    @property
    def param_groups(self) -> list[dict[str, Any]]:  # type: ignore[override]
        return [group for part in self.parts.values() for group in part.param_groups]

    @property
    def state(self) -> defaultdict[torch.Tensor, Any]:  # type: ignore[override]
        found: defaultdict[torch.Tensor, Any] = defaultdict(dict)
        for part in self.parts.values():
            found.update(part.state)
        return found

    def zero_grad(self, set_to_none: bool = True) -> None:
        for part in self.parts.values():
            part.zero_grad(set_to_none)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        found = closure() if closure is not None else None
        for part in self.parts.values():
            part.step()
        return found

    def state_dict(self) -> dict[str, Any]:
        return {name: part.state_dict() for name, part in self.parts.items()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        for name, part in self.parts.items():
            part.load_state_dict(state_dict[name])

    def __reduce__(self) -> Any:
        return Optimizers, (self.parts, self.given)

    def __repr__(self) -> str:
        return f"Optimizers({', '.join(self.parts)})"


def as_one(given: Any) -> Any:
    """What the user gave, several optimizers of a dict, list or tuple as one."""
    if isinstance(given, Mapping):
        return Optimizers({str(name): part for name, part in given.items()}, given)
    if isinstance(given, list | tuple):
        return Optimizers({str(number): part for number, part in enumerate(given)}, given)
    return given


def handed(optimizer: torch.optim.Optimizer) -> Any:
    """What a step gets of an optimizer: of several, what the user gave."""
    return optimizer.given if isinstance(optimizer, Optimizers) else optimizer


def kinds_of(optimizer: torch.optim.Optimizer) -> str:
    """What an optimizer is: its class, or those of several."""
    parts = optimizer.parts.values() if isinstance(optimizer, Optimizers) else [optimizer]
    return " and ".join(type(part).__name__ for part in parts)
