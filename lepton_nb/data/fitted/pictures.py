"""Pictures as a trained model takes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
import torch
from PIL import Image

from lepton_nb.data.bundle import DataBundle
from lepton_nb.data.class_folders import IMAGE_SUFFIXES, find_class_files
from lepton_nb.data.contents import array_keys, file_keys
from lepton_nb.data.duplicates import digest
from lepton_nb.data.fitted.bundles import fit_targets, fitted_bundle, held_out, target_name
from lepton_nb.data.fitted.tensors import array_targets, numbers
from lepton_nb.data.pictures.arrays import as_pictures
from lepton_nb.data.pictures.decoding import PictureForm, Read, content, decode, skipped
from lepton_nb.data.pictures.folder import PictureFiles
from lepton_nb.data.pictures.listed import Rows, read_listed
from lepton_nb.data.pictures.parting import picture_split
from lepton_nb.data.pictures.picture_table import find_tables, is_picture_table, picture_files
from lepton_nb.data.pictures.pool import ImagePool
from lepton_nb.data.pictures.stats import PixelStats, to_picture
from lepton_nb.data.report import Finding
from lepton_nb.data.tables.files import read_table
from lepton_nb.errors import DataError
from lepton_nb.signature import Signature
from lepton_nb.tasks.images import load_image
from lepton_nb.tasks.names import SEVERAL


class _Pictures(Protocol):
    """Pictures by number, as `lepton_nb.data.pictures.reading.PictureSource` has them."""

    def read(self, i: int) -> Path | Image.Image: ...

    def raw(self, i: int) -> Image.Image: ...

    def name_of(self, i: int) -> str: ...


@dataclass
class _Items:
    """Pictures in a list: PIL's, or paths of files."""

    items: Sequence[Any]

    def read(self, i: int) -> Path | Image.Image:
        item = self.items[i]
        return item if isinstance(item, Image.Image) else Path(item)

    def raw(self, i: int) -> Image.Image:
        found = self.read(i)
        return found if isinstance(found, Image.Image) else Image.open(found)

    def name_of(self, i: int) -> str:
        return f"item {i}" if isinstance(self.items[i], Image.Image) else str(self.items[i])


def from_path(path: Path, signature: Signature, split: str | None) -> DataBundle | None:
    if is_picture_table(path):
        return _from_table(path, signature, split)
    if not path.is_dir():
        return None
    found = find_class_files(path, IMAGE_SUFFIXES, "pictures", least=1)
    files = PictureFiles(found)
    part, rows = held_out(found.given, split)
    folders = pd.Series([found.class_names[label] for label in found.labels[rows]], name="the folder")
    targets = fit_targets(folders, signature)
    return _bundle(
        files,
        rows,
        targets,
        files.contents[rows],
        signature,
        name=path.name,
        source=f"folder {path}",
        part=part,
        findings=found.findings,
    )


def _from_table(path: Path, signature: Signature, split: str | None) -> DataBundle:
    """The pictures that a table names, with the labels that stand where they stood in training."""
    images = path if path.is_dir() else path.parent
    tables = find_tables(path, images)
    columns = set(read_table(tables["train"])[0].columns)
    places = ((target_name(signature),), signature.class_names if signature.task == SEVERAL else ())
    target = next((names for names in places if names and columns.issuperset(names)), None)
    listed = read_listed(Rows.of_files(tables, target), images, target, signature.task)
    files = picture_files(listed, images, np.arange(len(listed.files)))
    part, rows = held_out(listed.given, split)
    return _bundle(
        files,
        rows,
        fit_targets(listed.answers.iloc[rows], signature),
        files.contents[rows],
        signature,
        name=path.stem,
        source=f"{'folder' if path.is_dir() else 'file'} {path}",
        part=part,
        findings=listed.findings,
    )


def from_frame(table: pd.DataFrame, signature: Signature) -> None:
    """A table of numbers holds no pictures."""


def from_pair(x: Any, y: Any, signature: Signature) -> DataBundle | None:
    answers = numbers(y)
    if answers is None:
        return None
    pictures: _Pictures
    if isinstance(x, list | tuple) and x and all(isinstance(item, Image.Image | str | Path) for item in x):
        pictures, contents, source = _Items(x), _list_keys(x), f"{len(x):,} pictures"
    else:
        array = numbers(x)
        pixels = None if array is None else as_pictures(array)[0]
        if array is None or pixels is None:
            return None
        pictures = _Items(list(map(to_picture, pixels)))
        contents, source = array_keys(pixels), f"arrays {array.shape} {array.dtype}"
    targets = array_targets(answers, len(contents), signature)
    return _bundle(
        pictures, np.arange(len(contents)), targets, contents, signature, name="arrays", source=source
    )


def _list_keys(items: Sequence[Any]) -> np.ndarray:
    """Of files by their bytes, of pictures by their pixels, as of those of an array."""
    keys = np.zeros(len(items), dtype=np.uint64)
    files = [i for i, item in enumerate(items) if not isinstance(item, Image.Image)]
    keys[files] = file_keys([Path(items[i]) for i in files])
    for i in set(range(len(items))) - set(files):
        pixels = np.asarray(items[i])
        keys[i] = digest((pixels if pixels.ndim == 2 else pixels.transpose(2, 0, 1)).tobytes())
    return keys


def _bundle(
    pictures: _Pictures,
    rows: np.ndarray,
    targets: np.ndarray,
    contents: np.ndarray,
    signature: Signature,
    *,
    name: str,
    source: str,
    part: str = "test",
    findings: Sequence[Finding] = (),
) -> DataBundle:
    """The bundle of some of the pictures, without those that cannot be read.

    Args:
        rows: Their numbers ``(N,)``; targets and contents are of these.

    Raises:
        DataError: If none of them can be read.
    """
    settings = signature.preprocessing
    form = PictureForm.of(settings)
    read = _reader(pictures, rows, settings)
    decoded = decode(read, len(rows), form)
    good = np.setdiff1d(np.arange(len(rows)), list(decoded.bad))
    said = [skipped(decoded.bad, lambda i: pictures.name_of(int(rows[i])))] if decoded.bad else []
    if not len(good):
        raise DataError(f"None of the {len(rows):,} pictures can be read: {said[0].examples[0]}.")
    pool = ImagePool(
        labels=targets,
        digests=decoded.digests,
        contents=contents,
        sums=decoded.sums,
        pixels=None if decoded.pixels is None else torch.from_numpy(decoded.pixels),
        form=form,
        read=read,
        name_of=lambda i: pictures.name_of(int(rows[i])),
        raw=lambda i: pictures.raw(int(rows[i])),
    )
    return fitted_bundle(
        picture_split(part, pool, good, PixelStats(tuple(settings["mean"]), tuple(settings["std"]))),
        signature,
        contents[good],
        name=name,
        source=source,
        findings=[*findings, *said],
    )


def _reader(pictures: _Pictures, rows: np.ndarray, settings: dict[str, Any]) -> Read:
    """Gives pictures to the decoder; cut from the middle first, where the model's transform does so."""
    short_side = settings.get("short_side")
    if short_side is None:
        return lambda i: pictures.read(int(rows[i]))

    def cut(i: int) -> Image.Image:
        picture = content(pictures.read(int(rows[i])))
        pixels = load_image(
            picture, settings["mode"], settings["size"], short_side, value_range=settings.get("range")
        )
        return to_picture(pixels)

    return cut
