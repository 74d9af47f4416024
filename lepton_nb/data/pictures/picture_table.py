"""A table of pictures and their labels as a bundle."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from lepton_nb.data.bundle import DataBundle
from lepton_nb.data.class_folders import (
    IMAGE_SUFFIXES,
    ClassFiles,
    existing_folder,
    has_classes,
    suggest_path,
)
from lepton_nb.data.label_columns import is_label_sets
from lepton_nb.data.label_targets import read_answers
from lepton_nb.data.pictures.bundle import image_bundle
from lepton_nb.data.pictures.folder import PictureFiles
from lepton_nb.data.pictures.listed import Listed, Rows, names_pictures, read_listed
from lepton_nb.data.pictures.reading import read_pictures
from lepton_nb.data.pictures.source import PictureTableOptions
from lepton_nb.data.sources import Progress
from lepton_nb.data.splitting import plan_parts
from lepton_nb.data.tables.files import is_table_file
from lepton_nb.data.tables.reading import table_folder_files
from lepton_nb.data.targets import Targets, task_of
from lepton_nb.errors import DataError


def read_picture_table(
    given: Any, options: PictureTableOptions, *, name: str | None, progress: Progress | None
) -> DataBundle:
    """The pictures that a table names as a bundle.

    Raises:
        DataError: If there is nothing to learn from.
    """
    rows, images, source_name, title = _rows(given, options)
    listed = read_listed(rows, images, options.target, options.task, options.group)
    targets = _targets(listed, options.task)
    source = picture_files(listed, images, targets.values, targets.class_names)
    keys = source.contents if listed.groups is None else listed.groups
    parts, split = plan_parts(listed.given, keys, targets.mix, targets.strata, options, group=options.group)
    pool, parts, findings = read_pictures(
        source, parts, options.size, cache=options.cache, progress=progress, stream=options.stream
    )
    return image_bundle(
        pool,
        parts,
        targets.class_names,
        name=name or title,
        source=source_name,
        augment=options.augment,
        findings=[*listed.findings, *targets.findings, *split, *findings],
        task=task_of(options.task, "image", targets),
        target_name=str(listed.answers.name),
    )


def _rows(given: Any, options: PictureTableOptions) -> tuple[Rows, Path, str, str]:
    """The rows, the folder that they name pictures from, what they stand in, and what to call it."""
    asked = existing_folder(options.images) if options.images else None
    if not isinstance(given, str | os.PathLike):
        rows = Rows.of_variable(given, options.target)
        said = f"DataFrame, {len(rows.table):,} rows × {rows.table.shape[1]} columns"
        return rows, asked or Path.cwd(), said, "frame"
    path = Path(given).expanduser().absolute()
    images = asked or (path if path.is_dir() else path.parent)
    rows = Rows.of_files(find_tables(path, images), options.target)
    return rows, images, f"{'folder' if path.is_dir() else 'file'} {path}", path.stem


def find_tables(path: Path, images: Path) -> dict[str, Path]:
    """The tables by split: the file itself, ``train.csv`` and ``test.csv``, or the one that names pictures.

    Raises:
        DataError: If there is none, or several.
    """
    if path.is_file():
        return {"train": path}
    if not path.is_dir():
        raise DataError(f"There is no file or folder {str(path)!r}.", suggest_path(path))
    tables = table_folder_files(path)
    if "train" in tables:
        return tables
    files = [file for file in sorted(path.iterdir()) if is_table_file(file)]
    naming = [file for file in files if names_pictures(file, images, bare=True)]
    if len(naming) != 1:
        seen = f"{', '.join(file.name for file in naming or files) or 'no CSV file'}"
        raise DataError(
            f"Which table of {str(path)!r} says what its pictures show is not known: there is {seen}.",
            "Name the file itself.",
        )
    return {"train": naming[0]}


def is_picture_table(path: Path) -> bool:
    """Whether a file is one, or a folder holds one and no folders of classes."""
    if path.is_file():
        return is_table_file(path)
    tables = (file for file in path.iterdir() if is_table_file(file))
    return any(names_pictures(file, path, bare=True) for file in tables) and not has_classes(
        path, IMAGE_SUFFIXES
    )


def picture_files(
    listed: Listed, images: Path, labels: np.ndarray, class_names: tuple[str, ...] = ()
) -> PictureFiles:
    names = [
        str(file.relative_to(images)) if file.is_relative_to(images) else str(file) for file in listed.files
    ]
    return PictureFiles(ClassFiles(images, names, labels, class_names, listed.given))


def _targets(listed: Listed, task: str | None) -> Targets:
    """Labels of pictures are classes also where they are numbers, unless they are several."""
    usual = None if is_label_sets(listed.answers) else "image-classification"
    targets = read_answers(listed.answers, task or usual, listed.label_names)
    if targets.kind == "regression":
        raise DataError("Pictures in a table have classes or labels, not quantities.", "Leave task out.")
    return targets
