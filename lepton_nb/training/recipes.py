"""Named settings that are known to work well, with what they reach and where they come from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from lepton_nb.errors import ArgumentError, did_you_mean


@dataclass(frozen=True)
class Recipe:
    """A model, an augmentation and settings that belong together.

    Attributes:
        model: Name of the starter model.
        settings: Fields of `TrainConfig`.
    """

    summary: str
    model: str
    augment: Literal["none", "standard", "strong"] = "none"
    settings: dict[str, Any] = field(default_factory=dict)


RECIPES: dict[str, Recipe] = {}


def get_recipe(name: str) -> Recipe:
    """The recipe called `name`.

    Raises:
        ArgumentError: If there is none.
    """
    if name not in RECIPES:
        raise ArgumentError(f"There is no recipe {name!r}.", did_you_mean(name, RECIPES))
    return RECIPES[name]
