"""What may be asked of pictures: their size, and how those of the training split are varied."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

from lepton_nb.data.options import Splitting, option
from lepton_nb.errors import DataError, did_you_mean

Size = tuple[int, int]
Augmentation = Literal["none", "standard", "strong"]
AUGMENTATIONS: tuple[str, ...] = get_args(Augmentation)


@dataclass(frozen=True, kw_only=True)
class Augmenting(Splitting):
    """Pictures that come as they are."""

    title = "pictures"
    augment: Literal["none", "standard", "strong"] = option("none", "random changes to training pictures")

    def __post_init__(self) -> None:
        super().__post_init__()
        check_augment(self.augment)


@dataclass(frozen=True, kw_only=True)
class PictureOptions(Augmenting):
    """Pictures that are brought to one size.

    Attributes:
        image_size: ``(height, width)``, given as it, as a side, or as text. Without it pictures that all have
            one size of at most 256 keep it, others become squares of at most 224.
    """

    title = "pictures"
    image_size: str | int | tuple[int, int] | None = option(
        None, "side in pixels that they get, or HEIGHTxWIDTH", "SIZE"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "image_size", check_size(self.image_size))

    @property
    def size(self) -> Size | None:
        """``(height, width)``; None to choose by the pictures."""
        return cast("Size | None", self.image_size)


def check_augment(augment: str) -> Augmentation:
    """The preset, if there is one of that name.

    Raises:
        DataError: If there is none.
    """
    if augment not in AUGMENTATIONS:
        raise DataError(
            f"augment is {augment!r}; it is one of {', '.join(AUGMENTATIONS)}.",
            did_you_mean(str(augment), AUGMENTATIONS),
        )
    return cast(Augmentation, augment)


def check_size(size: Any) -> Size | None:
    """``(height, width)`` from a side, a pair, ``"32"`` or ``"32x48"``.

    Raises:
        DataError: If it is none of these.
    """
    if size is None:
        return None
    sides = size.lower().split("x") if isinstance(size, str) else size
    sides = [sides] if isinstance(sides, int) else list(sides)
    try:
        numbers = [int(side) for side in sides]
    except (TypeError, ValueError):
        numbers = []
    if len(numbers) not in (1, 2) or not all(1 <= side <= 4096 for side in numbers):
        raise DataError(f"image_size is {size!r}; it is a side from 1 to 4096, or height x width.", "Try 32.")
    return numbers[0], numbers[-1]
