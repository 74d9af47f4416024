"""Several models that are trained together, such as a generator and a discriminator, as one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from lepton_nb.errors import ModelError


class Models(nn.ModuleDict):
    """Modules by name. Called, it is the first of them: the one that is evaluated and deployed.

    Args:
        parts: Modules, or classes and functions that make them.

    Raises:
        ModelError: If a part is no module, or a name cannot be one.
    """

    def __init__(self, parts: Mapping[str, Any]) -> None:
        super().__init__()
        if not parts:
            raise ModelError("The dict of models is empty.", 'For example {"generator": G, "critic": C}')
        for name, part in parts.items():
            made = part if isinstance(part, nn.Module) or not callable(part) else part()
            if not isinstance(made, nn.Module):
                raise ModelError(f"{name!r} is a {type(made).__name__}, no nn.Module.", "Make it one.")
            try:
                self[str(name)] = made
            except (KeyError, TypeError) as error:
                raise ModelError(
                    f"A model cannot be called {name!r}: {error.args[0]}.", "Give it another name."
                ) from None

    @property
    def first(self) -> nn.Module:
        """The one that is evaluated and deployed."""
        return next(iter(self.values()))

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.first(*args, **kwargs)


def first_of(model: nn.Module) -> nn.Module:
    """The model itself, or of several the one that is evaluated and deployed."""
    return model.first if isinstance(model, Models) else model
