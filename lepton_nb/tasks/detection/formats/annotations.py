"""Pictures with boxes, as the readers of all formats give them.

What cannot be used is left out by name, and counted: nothing here raises for one bad line.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lepton_nb.data.class_folders import IMAGE_SUFFIXES
from lepton_nb.data.class_folders import SPLIT_FOLDERS as SPLITS

Corners = tuple[float, float, float, float]


@dataclass
class Picture:
    """A picture with its objects.

    Attributes:
        split: The part of the data it is said to be in.
        labels: The class of each object.
        boxes: Left, top, right and bottom of each, in pixels; in shares of the picture where `relative`.
        places: File and line of each, for messages.
    """

    path: Path
    split: str | None = None
    labels: list[str] = field(default_factory=list)
    boxes: list[Corners] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    relative: bool = False

    def add(self, label: str, box: Corners, place: str) -> None:
        self.labels.append(label)
        self.boxes.append(box)
        self.places.append(place)


@dataclass
class Annotations:
    """What was read of a data set.

    Attributes:
        class_names: As the source lists them; empty where only its objects name them.
        problems: The places where something is wrong, by what that is and what was done about it.
    """

    pictures: list[Picture] = field(default_factory=list)
    class_names: tuple[str, ...] = ()
    problems: dict[str, list[str]] = field(default_factory=dict)

    def note(self, what: str, place: str) -> None:
        self.problems.setdefault(what, []).append(place)

    def left_out(self, what: str, place: str) -> None:
        self.note(f"{what}: left out", place)


def add(found: Annotations, picture: Picture, label: str | None, box: Corners | None, place: str) -> None:
    if box is None:
        found.left_out("boxes without four numbers", place)
    elif not (label or "").strip():
        found.left_out("boxes of a class without a name", place)
    else:
        picture.add(str(label).strip(), box, place)


def numbers(values: Any) -> Corners | None:
    try:
        a, b, c, d = (float(value) for value in values)
    except (TypeError, ValueError):
        return None
    return (a, b, c, d) if all(map(math.isfinite, (a, b, c, d))) else None


def from_corner(x: float, y: float, width: float, height: float) -> Corners:
    return (x, y, x + width, y + height)


def from_middle(x: float, y: float, width: float, height: float) -> Corners:
    return (x - width / 2, y - height / 2, x + width / 2, y + height / 2)


def pictures_in(root: Path) -> Iterator[Path]:
    return (
        path for path in sorted(root.rglob("*")) if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file()
    )


def split_of(path: Path, root: Path) -> str | None:
    """The part that a folder on the way, or a word of the file's own name, says."""
    words = [*path.relative_to(root).parts[:-1]]
    if path.suffix == ".json":
        words += re.split(r"[^a-z]+", path.stem.lower())
    return next((SPLITS[word.lower()] for word in words if word.lower() in SPLITS), None)
