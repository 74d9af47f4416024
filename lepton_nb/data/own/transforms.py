"""Reading a torchvision transform as `Signature.preprocessing`, and checking it on real items."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from lepton_nb.tasks import InputError
from lepton_nb.tasks.images import load_image, normalise

TOLERANCE = 2.5 / 255  # of a pixel of 0..1: resizing tensors and pictures rounds differently
_RANDOM = ("Random", "ColorJitter", "AutoAugment", "RandAugment", "TrivialAugment", "AugMix", "GaussianBlur")
_TENSOR_STEPS = {"ToTensor", "PILToTensor", "ToImage", "ToPureTensor", "Identity"}


@dataclass(frozen=True)
class Recipe:
    """What a chain of transforms does to a picture.

    Attributes:
        size: ``(height, width)`` of the result, where the chain fixes it.
        short_side: Length the shorter side is resized to before the crop to `size`.
        mode: ``L`` where the chain makes pictures grey.
        mean: Subtracted from pixels of 0..1, one number a channel.
        std: Divided by afterwards.
        random: Whether the chain also augments.
        scaled: Whether pixels end as floats of 0..1 before mean and std.
    """

    size: tuple[int, int] | None = None
    short_side: int | None = None
    mode: str | None = None
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    random: bool = False
    scaled: bool = False


def read_transform(transform: Any) -> Recipe | None:
    """The recipe of a v1 or v2 transform; None where it has a step that is not known here."""
    recipe = Recipe()
    for step in _flatten(transform):
        changed = _apply(step, recipe)
        if changed is None:
            return None
        recipe = changed
    return recipe if recipe.scaled else None


def preprocessing_of(recipe: Recipe, picture: Image.Image, shape: Sequence[int]) -> dict[str, Any] | None:
    """The signature's preprocessing, given one real picture and the shape ``(C, H, W)`` it turns into."""
    mode = recipe.mode or picture.mode
    channels, height, width = shape
    if mode not in ("L", "RGB") or channels != (1 if mode == "L" else 3):
        return None
    if recipe.size not in (None, (height, width)):
        return None
    settings: dict[str, Any] = {
        "kind": "image",
        "mode": mode,
        "size": [height, width],
        "mean": list(recipe.mean or (0.0,) * channels),
        "std": list(recipe.std or (1.0,) * channels),
    }
    if len(settings["mean"]) != channels or len(settings["std"]) != channels:
        return None
    if recipe.short_side is None:
        return settings
    return settings | {"short_side": recipe.short_side} if recipe.short_side >= max(height, width) else None


def is_confirmed(settings: dict[str, Any], picture: Image.Image, item: Tensor) -> bool:
    """Whether the service's reading of a real picture gives what the dataset made of it, ``(C, H, W)``."""
    try:
        pixels = load_image(picture, settings["mode"], settings["size"], settings.get("short_side"))
    except InputError:
        return False
    ours = normalise(pixels[None], settings["mean"], settings["std"])[0]
    if tuple(item.shape) != ours.shape:
        return False
    difference = np.abs(ours - item.numpy()) * np.asarray(settings["std"])[:, None, None]
    return bool((difference <= TOLERANCE).all())


def _flatten(transform: Any) -> list[Any]:
    if type(transform).__name__ == "Compose":
        return [step for part in transform.transforms for step in _flatten(part)]
    return [] if transform is None else [transform]


def _apply(step: Any, recipe: Recipe) -> Recipe | None:
    """The recipe after one more step, or None where the step is not known."""
    name = type(step).__name__
    if not type(step).__module__.startswith("torchvision.transforms"):
        return None
    if name in _TENSOR_STEPS:
        return replace(recipe, scaled=recipe.scaled or name == "ToTensor")
    if name in ("ToDtype", "ConvertImageDtype"):
        scales = name == "ConvertImageDtype" or getattr(step, "scale", False)
        return replace(recipe, scaled=True) if scales and step.dtype == torch.float32 else None
    if name == "Normalize":
        return _normalised(step, recipe)
    if name == "Grayscale":
        return replace(recipe, mode="L") if step.num_output_channels == 1 else None
    if name == "Resize":
        return _resized(step, recipe)
    if name == "CenterCrop":
        return replace(recipe, size=_pair(step.size))
    if name == "RandomResizedCrop":
        return replace(recipe, size=_pair(step.size), random=True)
    if name == "RandomCrop":
        return replace(recipe, random=True)
    return replace(recipe, random=True) if name.startswith(_RANDOM) else None


def _normalised(step: Any, recipe: Recipe) -> Recipe | None:
    if recipe.mean or not recipe.scaled:
        return None
    return replace(recipe, mean=tuple(map(float, step.mean)), std=tuple(map(float, step.std)))


def _resized(step: Any, recipe: Recipe) -> Recipe | None:
    how = getattr(step.interpolation, "value", step.interpolation)
    if how != "bilinear" or getattr(step, "max_size", None) or step.size is None:
        return None
    sides = [step.size] if isinstance(step.size, int) else list(step.size)
    if len(sides) == 2:
        return replace(recipe, size=(int(sides[0]), int(sides[1])), short_side=None)
    return replace(recipe, size=None, short_side=int(sides[0]))


def _pair(size: Any) -> tuple[int, int]:
    sides = [size] if isinstance(size, int) else list(size)
    return int(sides[0]), int(sides[-1])
