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


RECIPES: dict[str, Recipe] = {
    "cifar10": Recipe(
        summary="small colour pictures on a CPU: a narrow residual network, SGD, one cycle",
        model="QuickResNet",
        augment="standard",
        settings={
            "epochs": 10,
            "batch_size": 128,
            "optimizer": "sgd",
            "lr": 0.2,
            "schedule": "one-cycle",
            "weight_decay": 5e-4,
            "label_smoothing": 0.1,
        },
    ),
}


def get_recipe(name: str) -> Recipe:
    """The recipe called `name`.

    Raises:
        ArgumentError: If there is none.
    """
    if name not in RECIPES:
        raise ArgumentError(f"There is no recipe {name!r}.", did_you_mean(name, RECIPES))
    return RECIPES[name]
