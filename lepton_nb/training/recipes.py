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
        source: Where it comes from.
    """

    summary: str
    model: str
    augment: Literal["none", "standard", "strong"] = "none"
    settings: dict[str, Any] = field(default_factory=dict)
    source: str = ""


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
        source="the network and the schedule of cifar10-94, made narrow",
    ),
    "cifar10-94": Recipe(
        summary="CIFAR-10 to 94 % on a GPU: ResNet-9, SGD, 24 epochs, rising for five and then falling",
        model="ResNet9",
        augment="standard",
        settings={
            "epochs": 24,
            "batch_size": 512,
            "optimizer": "sgd",
            "lr": 0.4,
            "schedule": "linear",
            "warmup": 0.2,
            "weight_decay": 5e-4,
            "label_smoothing": 0.2,
            "channels_last": True,
        },
        source="David Page, How to Train Your ResNet (Myrtle.ai, 2019): 94 % in 24 epochs, 79 s on a V100",
    ),
    "detection": Recipe(
        summary="boxes around things in pictures, on a CPU: a small detector without anchors",
        model="SmallDetector",
        augment="standard",
        settings={
            "epochs": 60,
            "batch_size": 16,
            "lr": 2e-3,
            "weight_decay": 1e-4,
            "clip": 10.0,
            "channels_last": True,
        },
        source="Zhou et al., Objects as Points (2019), made small",
    ),
    "translation": Recipe(
        summary="pairs of sentences on a CPU: a small transformer, warmed up, its labels smoothed",
        model="Transformer",
        settings={
            "epochs": 25,
            "batch_size": 64,
            "lr": 2e-3,
            "schedule": "linear",
            "warmup": 0.06,
            "weight_decay": 0.01,
            "label_smoothing": 0.1,
            "clip": 1.0,
        },
        source="Vaswani et al., Attention Is All You Need (2017), made small",
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
