"""Pictures in one folder per class."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from lepton_nb.data.bundle import DataBundle
from lepton_nb.data.class_folders import IMAGE_SUFFIXES, ClassFiles, existing_folder, find_class_files
from lepton_nb.data.contents import file_keys
from lepton_nb.data.grouping import name_groups
from lepton_nb.data.pictures.bundle import image_bundle
from lepton_nb.data.pictures.decoding import PictureForm
from lepton_nb.data.pictures.pixel_cache import cache_key
from lepton_nb.data.pictures.reading import read_pictures
from lepton_nb.data.pictures.source import FolderOptions
from lepton_nb.data.sources import Progress
from lepton_nb.data.splitting import plan_parts


class PictureFiles:
    """Pictures as files below a folder: a `PictureSource`."""

    def __init__(self, files: ClassFiles) -> None:
        self._root, self._files = files.root, files.files
        self.labels = files.labels
        self.contents = file_keys([self.read(i) for i in range(len(files.files))])

    def read(self, i: int) -> Path:
        return self._root / self._files[i]

    def raw(self, i: int) -> Image.Image:
        with Image.open(self.read(i)) as picture:
            picture.load()
            return ImageOps.exif_transpose(picture)

    def name_of(self, i: int) -> str:
        return self._files[i]

    def cache_key(self, rows: np.ndarray, form: PictureForm) -> str:
        return cache_key(self._root, [self._files[i] for i in rows], form)


def read_folder(
    path: str | os.PathLike[str], options: FolderOptions, *, name: str | None, progress: Progress | None
) -> DataBundle:
    """The pictures below a folder as a bundle.

    Raises:
        DataError: If there is nothing to learn from.
    """
    root = existing_folder(path)
    files = find_class_files(root, IMAGE_SUFFIXES, "pictures")
    source = PictureFiles(files)
    groups = name_groups(files.files, options.group)
    keys = source.contents if groups is None else groups
    parts, split = plan_parts(
        files.given, keys, files.labels, files.class_names, options, group=options.group
    )
    pool, parts, findings = read_pictures(
        source,
        parts,
        options.size,
        cache=options.cache,
        progress=progress,
        stream=options.stream,
        resize=options.resize,
    )
    return image_bundle(
        pool,
        parts,
        files.class_names,
        name=name or root.name,
        source=f"folder {root}",
        augment=options.augment,
        findings=[*files.findings, *split, *findings],
    )
