"""Files in one folder per class, with or without ``train/``, ``val/`` and ``test/`` above them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from lepton_nb.data.report import Finding
from lepton_nb.data.splitting import Parts
from lepton_nb.errors import DataError, did_you_mean
from lepton_nb.show.words import plural

SPLIT_FOLDERS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
    "testing": "test",
}
IMAGE_SUFFIXES = (
    *(".jpg", ".jpeg", ".jfif", ".jpe", ".png", ".bmp", ".gif", ".ppm", ".pgm", ".pbm", ".tif", ".tiff"),
    *(".webp", ".avif", ".dcm", ".dicom"),
)
TEXT_SUFFIXES = (".txt",)


@dataclass
class ClassFiles:
    """The files of a data set and what their folders say.

    Attributes:
        root: The folder asked for.
        files: Paths relative to `root`, in a stable order.
        labels: Class indices ``(N,)``.
        class_names: Folder names in sorted order, as torchvision's ImageFolder numbers them.
        given: Rows by split; all rows are ``train`` where the folder has no splits.
        findings: What was left out.
    """

    root: Path
    files: list[str]
    labels: np.ndarray
    class_names: tuple[str, ...]
    given: Parts
    findings: list[Finding] = field(default_factory=list)


def existing_folder(path: str | os.PathLike[str]) -> Path:
    """The folder as an absolute path.

    Raises:
        DataError: If it is not there or is no folder; the nearest name beside it is suggested.
    """
    root = Path(path).expanduser().absolute()
    if root.is_dir():
        return root
    if root.exists():
        raise DataError(f"{str(path)!r} is a file, not a folder.", f"Use its folder {str(root.parent)!r}.")
    raise DataError(f"There is no file or folder {str(path)!r}.", suggest_path(root))


def suggest_path(missing: Path) -> str | None:
    """A hint with the nearest name in the deepest folder of `missing` that exists."""
    parent = missing
    while not parent.is_dir():
        missing, parent = parent, parent.parent
    names = sorted(entry for entry in os.listdir(parent) if not entry.startswith("."))
    hint = did_you_mean(missing.name, names)
    return f"In {str(parent)!r}: {hint}" if hint else f"{str(parent)!r} is empty."


def find_class_files(root: Path, suffixes: tuple[str, ...], noun: str, *, least: int = 2) -> ClassFiles:
    """The labelled files under `root`.

    Args:
        suffixes: File endings that count, in lower case.
        noun: What such a file is called, in the plural.
        least: Classes that are needed: training needs two.

    Raises:
        DataError: If there are no class folders, no such files, or one class only.
    """
    folders = _visible_folders(root)
    by_split: dict[str, list[Path]] = {}
    for folder in folders:
        if folder.name.lower() in SPLIT_FOLDERS:
            by_split.setdefault(SPLIT_FOLDERS[folder.name.lower()], []).append(folder)
    if "train" not in by_split:
        by_split = {"train": [root]}
    tops = {split: by_split[split] for split in ("train", "val", "test") if split in by_split}
    found = _Found(root, suffixes, noun)
    for split, parents in tops.items():
        for parent in parents:
            found.add(split, parent)
    return found.finish(least)


def is_class_folder_tree(root: Path, suffixes: tuple[str, ...]) -> bool:
    """Whether some sub-folder of `root` holds a file with one of these endings."""
    return any(True for folder in _visible_folders(root) for _ in _files_below(folder, suffixes, []))


def has_classes(root: Path, suffixes: tuple[str, ...]) -> bool:
    """Whether `root`, or the part for training in it, holds several folders of files with these endings."""
    folders = _visible_folders(root)
    train = next((folder for folder in folders if SPLIT_FOLDERS.get(folder.name.lower()) == "train"), None)
    classes = folders if train is None else _visible_folders(train)
    return sum(next(_files_below(folder, suffixes, []), None) is not None for folder in classes) > 1


class _Found:
    """Collects the files of one data set."""

    def __init__(self, root: Path, suffixes: tuple[str, ...], noun: str) -> None:
        self.root, self.suffixes, self.noun = root, suffixes, noun
        self.entries: list[tuple[str, str, str]] = []  # split, class name, relative path
        self.folders: set[str] = set()
        self.strangers: list[str] = []
        self.findings: list[Finding] = []

    def add(self, split: str, parent: Path) -> None:
        before = len(self.entries)
        start = len(os.path.join(self.root, ""))
        for folder in _visible_folders(parent):
            self.folders.add(folder.name)
            for file in _files_below(folder, self.suffixes, self.strangers):
                self.entries.append((split, folder.name, file[start:].replace(os.sep, "/")))
        if len(self.entries) == before:
            self._explain_nothing(split, parent)

    def _explain_nothing(self, split: str, parent: Path) -> None:
        """Say why `parent` gave nothing; only an unlabelled val or test can be done without."""
        loose = [f.name for f in parent.iterdir() if f.suffix.lower() in self.suffixes]
        if split != "train":
            reason = f"{len(loose):,} {self.noun} but no class folders" if loose else f"no {self.noun}"
            self.findings.append(Finding(f"{parent.name}/ has {reason}: left out.", warning=True))
            return
        if loose:
            raise DataError(
                f"{str(parent)!r} has {len(loose):,} {self.noun} but no class folders.",
                f"Put the {self.noun} of each class in a folder of its own: "
                f"{parent.name}/cat/{loose[0]}, {parent.name}/dog/…",
            )
        if not any(parent.iterdir()):
            raise DataError(
                f"The folder {str(parent)!r} is empty.", f"It needs one folder of {self.noun} per class."
            )
        raise DataError(
            f"There are no {self.noun} under {str(parent)!r}.",
            f"It needs one folder per class with files that end in {', '.join(self.suffixes)}.",
        )

    def finish(self, least: int) -> ClassFiles:
        trained = sorted({name for split, name, _ in self.entries if split == "train"})
        for split in ("val", "test"):
            unknown = sorted({name for s, name, _ in self.entries if s == split} - set(trained))
            if unknown:
                raise DataError(
                    f"{split} has classes that train has not: {', '.join(unknown[:5])}.",
                    did_you_mean(unknown[0], trained),
                )
        if len(trained) < least:
            raise DataError(
                f"{str(self.root)!r} has one class only ({trained[0]!r}); classification needs at least two.",
                self._hint_for_one_class(trained[0]),
            )
        self._report_leftovers(trained)
        number = {name: i for i, name in enumerate(trained)}
        splits = np.array([split for split, _, _ in self.entries])
        return ClassFiles(
            root=self.root,
            files=[file for _, _, file in self.entries],
            labels=np.array([number[name] for _, name, _ in self.entries], dtype=np.int64),
            class_names=tuple(trained),
            given={str(split): np.flatnonzero(splits == split) for split in dict.fromkeys(splits.tolist())},
            findings=self.findings,
        )

    def _hint_for_one_class(self, only: str) -> str:
        inner = self.root / only
        if inner.is_dir() and len(_visible_folders(inner)) > 1:
            return f"The class folders seem to be one level down: use {str(inner)!r}."
        return "Add a folder for each other class beside it."

    def _report_leftovers(self, trained: list[str]) -> None:
        empty = sorted(self.folders - set(trained))
        if empty:
            self.findings.append(
                Finding(
                    f"{plural(len(empty), 'class folder')} without {self.noun}: left out of the classes.",
                    tuple(empty[:5]),
                    warning=True,
                )
            )
        if self.strangers:
            names = tuple(os.path.relpath(path, self.root) for path in self.strangers[:5])
            self.findings.append(
                Finding(
                    f"{plural(len(self.strangers), 'other file')} in the class folders left alone.", names
                )
            )


def _visible_folders(parent: Path) -> list[Path]:
    with os.scandir(parent) as entries:
        names = [e.name for e in entries if e.is_dir() and not e.name.startswith((".", "__"))]
    return [parent / name for name in sorted(names)]


def _files_below(folder: Path, suffixes: tuple[str, ...], strangers: list[str]) -> Iterator[str]:
    for here, folders, files in os.walk(folder, followlinks=True):
        folders.sort()
        folders[:] = [name for name in folders if not name.startswith(".")]
        for file in sorted(files):
            if file.startswith(".") or file == "Thumbs.db":
                continue
            if file.lower().endswith(suffixes):
                yield os.path.join(here, file)
            else:
                strangers.append(os.path.join(here, file))
