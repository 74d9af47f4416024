"""The files that the cells of a table mean: paths from a folder or one in it, with their ending or not."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lepton_nb.data.class_folders import IMAGE_SUFFIXES


class Finder:
    """Looks for pictures from a folder on, and knows of each folder that it looked into what is there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        inner = (entry.path for entry in os.scandir(folder) if entry.is_dir() and entry.name[0] not in "._")
        self._tops = [folder, *map(Path, sorted(inner))]
        self._there: dict[Path, dict[str, Path]] = {}

    def find(self, cell: Any) -> Path | None:
        """The picture that a cell names; None where there is none."""
        name = str(cell).strip()
        for top in self._tops:
            path = top / name
            if found := self._pictures(path.parent).get(path.name):
                return found
        return None

    def others(self, used: Iterable[Path]) -> list[Path]:
        """The pictures that lie beside those used, but are none of them."""
        known = set(used)
        beside = sorted({path.parent for path in known})
        return [path for folder in beside for path in sorted(set(self._there[folder].values()) - known)]

    def shown(self, path: Path) -> str:
        """Its path from the folder on."""
        return os.path.relpath(path, self.folder)

    def _pictures(self, folder: Path) -> dict[str, Path]:
        if folder not in self._there:
            names = sorted(os.listdir(folder)) if folder.is_dir() else []
            pictures = [folder / name for name in names if name.lower().endswith(IMAGE_SUFFIXES)]
            stems = {path.stem: path for path in pictures}
            self._there[folder] = stems | {path.name: path for path in pictures}
        return self._there[folder]
