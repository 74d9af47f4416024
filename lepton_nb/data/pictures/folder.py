"""Pictures in one folder per class."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from lepton_nb.data.bundle import DataBundle
from lepton_nb.data.class_folders import IMAGE_SUFFIXES, ClassFiles, existing_folder, find_class_files
from lepton_nb.data.contents import file_keys
from lepton_nb.data.pictures.augment import check_augment
from lepton_nb.data.pictures.bundle import image_bundle
from lepton_nb.data.pictures.decoding import PictureForm, Progress, check_size
from lepton_nb.data.pictures.pixel_cache import cache_key
from lepton_nb.data.pictures.reading import read_pictures
from lepton_nb.data.specs import describe
from lepton_nb.data.splitting import Splitting, plan_parts


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


def folder(
    path: str | os.PathLike[str],
    *,
    name: str | None = None,
    image_size: int | str | tuple[int, int] | None = None,
    val_fraction: float = 0.1,
    test_fraction: float = 0.2,
    seed: int = 0,
    augment: str = "none",
    limit: int | None = None,
    cache: bool = True,
    stream: bool = False,
    progress: Progress | None = None,
) -> DataBundle:
    """Pictures in one folder per class, with ``train/``, ``test/`` and ``val/`` above them or without.

    Args:
        path: The folder.
        name: What to call the data; the folder's name where it is not given.
        image_size: Side, or ``(height, width)``, the model gets. Without it pictures that all have one size
            of at most 256 keep it, others become squares of at most 224.
        val_fraction: Share of the training pictures for validation, where there is no ``val/``.
        test_fraction: Share for the test, where there is neither ``test/`` nor ``val/``.
        seed: Equal seeds give equal splits.
        augment: ``none``, ``standard`` or ``strong``.
        limit: Largest number of pictures of each split, for a quick trial.
        cache: Whether decoded pixels are kept under ``$LEPTON_HOME/cache`` for the next time.
        stream: Train at once: the pictures of ``train`` are decoded while the first epoch runs, and kept for
            the others. Unreadable ones are then left out of their batches, and those that are also in
            another split are named, not removed.
        progress: Called with the number of pictures decoded and their total.

    Raises:
        DataError: If there is nothing to learn from, or an option is wrong.
    """
    preset, size = check_augment(augment), check_size(image_size)
    splitting = Splitting(val_fraction, test_fraction, seed, limit)
    root = existing_folder(path)
    files = find_class_files(root, IMAGE_SUFFIXES, "pictures")
    source = PictureFiles(files)
    parts, split = plan_parts(files.given, source.contents, files.labels, files.class_names, splitting)
    pool, parts, findings = read_pictures(source, parts, size, cache=cache, progress=progress, stream=stream)
    bundle = image_bundle(
        pool,
        parts,
        files.class_names,
        name=name or root.name,
        source=f"folder {root}",
        augment=preset,
        findings=[*files.findings, *split, *findings],
    )
    options = {
        "image_size": size,
        "augment": preset,
        **splitting.to_dict(),
        "cache": cache,
        "stream": stream,
    }
    return describe(bundle, "folder", str(root), options)
