"""From annotations to a `DataBundle`: what cannot be used is left out by name, the rest becomes one size."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from lepton_nb.data.assemble import fingerprint, refuse_emptied
from lepton_nb.data.bundle import DataBundle
from lepton_nb.data.contents import file_keys
from lepton_nb.data.duplicates import EXAMPLES, find_leaks
from lepton_nb.data.pictures.decoding import Decoded, PictureForm, decode
from lepton_nb.data.pictures.options import Size
from lepton_nb.data.pictures.stats import PixelStats
from lepton_nb.data.report import DataReport, Finding
from lepton_nb.data.splitting import Parts, plan_parts
from lepton_nb.errors import DataError
from lepton_nb.show.words import plural
from lepton_nb.signature import Signature, TensorSpec
from lepton_nb.tasks.base import InputError
from lepton_nb.tasks.detection.boxes import areas, clipped
from lepton_nb.tasks.detection.formats.annotations import Annotations, Picture
from lepton_nb.tasks.detection.preview import BoxPreview
from lepton_nb.tasks.detection.source import BoxOptions
from lepton_nb.tasks.detection.split import BoxSplit, Pool
from lepton_nb.tasks.images import Fit, open_header, upright_size

SPLITS = ("train", "val", "test")
LONGEST = 256  # pixels of the longer side that the model gets, where no size is asked for
_STEP = 32  # sides are multiples of this, which every usual backbone takes
_SAME_SHAPE = 0.05  # pictures whose shapes differ by less are stretched, not padded


def bundle_of(read: Annotations, where: Path, options: BoxOptions, name: str | None) -> DataBundle:
    """The bundle of what was read.

    Raises:
        DataError: If there is nothing to learn from.
    """
    said = _plan(read, options, where)
    pool, class_names = _pool(read, options.size, where)
    names = np.array([picture.split for picture in read.pictures])
    parts = {name: np.flatnonzero(names == name) for name in SPLITS if name in names}
    parts, leaks = _without_leaks(parts, pool)
    keys = file_keys(pool.paths)
    stats = PixelStats.from_sums(pool.decoded.sums[parts["train"]], math.prod(pool.form.size))
    signature = _signature(class_names, stats, pool)
    report = DataReport(
        name or where.stem,
        f"{'file' if where.is_file() else 'folder'} {where}",
        {split: pool.counted(rows, class_names) for split, rows in parts.items()},
        signature,
        [*_findings(read), *said, *leaks],
        BoxPreview(parts["train"], pool, class_names),
        items={split: len(rows) for split, rows in parts.items()},
        noun="picture",
    )
    bundle = DataBundle(
        name=report.name,
        signature=signature,
        splits={split: BoxSplit(split, pool, rows, stats) for split, rows in parts.items()},
        report=report,
        fingerprint=fingerprint({part: pool.content(rows) for part, rows in parts.items()}),
        contents={part: keys[rows] for part, rows in parts.items()},
    )
    return bundle.with_augment(options.augment)


def _plan(read: Annotations, options: BoxOptions, where: Path) -> list[Finding]:
    """Say of each picture in which part it is; those beyond the limit leave the data unread."""
    if not read.pictures:
        raise DataError(f"There is no picture with boxes in {where}. {_told(read)}".rstrip())
    names = np.array([picture.split or "train" for picture in read.pictures])
    if not options.official:
        names[names == "val"] = "train"
    given = {name: np.flatnonzero(names == name) for name in SPLITS if name in names}
    if "train" not in given:
        raise DataError("No picture is in the part for training.", "Look at what the source calls its parts.")
    keys = file_keys([picture.path for picture in read.pictures])
    parts, said = plan_parts(given, keys, None, (), options)
    for name, rows in parts.items():
        for row in rows:
            read.pictures[row].split = name
    chosen = np.sort(np.concatenate(list(parts.values())))
    read.pictures = [read.pictures[row] for row in chosen]
    return said


def _pool(read: Annotations, asked: Size | None, where: Path) -> tuple[Pool, tuple[str, ...]]:
    """All pictures that can be read as the model sees them, with the boxes that can be used."""
    form, decoded, sizes = _decoded(read, asked)
    if not read.pictures:
        raise DataError(f"No picture of {where} can be read. {_told(read)}".rstrip())
    objects = [_usable(picture, own, read) for picture, own in zip(read.pictures, sizes, strict=True)]
    used = sorted({label for _, labels in objects for label in labels})
    if not used:
        raise DataError(f"No picture of {where} has a box that can be used. {_told(read)}".rstrip())
    class_names = (*read.class_names, *(label for label in used if label not in read.class_names))
    numbered = [(boxes, [class_names.index(label) for label in labels]) for boxes, labels in objects]
    paths = [picture.path for picture in read.pictures]
    return Pool.of(paths, form, decoded, sizes, numbered), class_names


def _decoded(read: Annotations, asked: Size | None) -> tuple[PictureForm, Decoded, list[Size]]:
    """What the model gets of each picture that can be read, and the size of each; the others are left out."""
    sizes: list[Size] = []
    for picture in list(read.pictures):
        try:
            sizes.append(upright_size(open_header(picture.path)))
        except InputError as error:
            _drop(picture, str(error), read)
    size, fit = _shape(sizes, asked) if sizes else ((1, 1), "pad")
    form = PictureForm("RGB", size, fit=fit)
    paths = [picture.path for picture in read.pictures]
    decoded = decode(paths.__getitem__, len(paths), form)
    for i in sorted(decoded.bad, reverse=True):
        _drop(read.pictures[i], decoded.bad[i], read)
        del sizes[i]
    return form, decoded.without(decoded.bad), sizes


def _drop(picture: Picture, reason: str, read: Annotations) -> None:
    read.pictures.remove(picture)
    read.left_out("pictures that cannot be read", f"{picture.path.name}: {reason}")


def _shape(sizes: list[Size], asked: Size | None) -> tuple[Size, Fit]:
    """Height and width that the model gets, and whether pictures are stretched to it or padded."""
    shapes = np.array([width / height for height, width in sizes])
    middle, longest = float(np.median(shapes)), min(LONGEST, max(map(max, sizes)))
    if asked is not None:
        height, width = asked
    elif np.ptp(shapes) <= _SAME_SHAPE * middle:
        sides = (longest, longest * middle) if middle < 1 else (longest / middle, longest)
        height, width = (max(_STEP, _STEP * round(side / _STEP)) for side in sides)
    else:
        height = width = max(_STEP, _STEP * round(longest / _STEP))
    same = bool((abs(shapes / (width / height) - 1) <= _SAME_SHAPE).all())
    return (height, width), "stretch" if same else "pad"


def _usable(picture: Picture, size: Size, read: Annotations) -> tuple[np.ndarray, list[str]]:
    """The boxes within their picture that have an area, in its pixels, and their labels."""
    boxes = np.array(picture.boxes, dtype=np.float64).reshape(-1, 4)
    if picture.relative:
        boxes = boxes * np.array([size[1], size[0], size[1], size[0]])
    inside = clipped(boxes, size)
    has_area, is_inside = areas(boxes) > 0, areas(inside) > 0
    for i, place in enumerate(picture.places):
        if not has_area[i]:
            read.left_out("boxes without an area", place)
        elif not is_inside[i]:
            read.left_out("boxes outside of their picture", place)
        elif np.abs(boxes[i] - inside[i]).max() > 1:
            read.note("boxes beyond the edge of their picture: cut off there", place)
    return inside[is_inside], [label for label, kept in zip(picture.labels, is_inside, strict=True) if kept]


def _without_leaks(parts: Parts, pool: Pool) -> tuple[Parts, list[Finding]]:
    content = pool.decoded.digests

    def name_of(split: str, i: int) -> str:
        return pool.paths[int(parts[split][i])].name

    keep, findings = find_leaks({p: content[rows] for p, rows in parts.items()}, name_of, noun="picture")
    left = {split: rows[keep[split]] for split, rows in parts.items()}
    refuse_emptied(parts, left, findings)
    return left, findings


def _signature(class_names: tuple[str, ...], stats: PixelStats, pool: Pool) -> Signature:
    return Signature(
        task="object-detection",
        inputs=(TensorSpec("image", "float32", pool.form.shape),),
        output=TensorSpec("boxes", "float32", (None, 4)),
        further_outputs=(TensorSpec("scores", "float32", (None,)), TensorSpec("labels", "int64", (None,))),
        class_names=class_names,
        preprocessing={
            "kind": "boxes",
            "mode": "RGB",
            "size": list(pool.form.size),
            "fit": pool.form.fit,
            "mean": list(stats.mean),
            "std": list(stats.std),
        },
        target={"name": "target"},
    )


def _findings(read: Annotations) -> list[Finding]:
    empty = sum(not picture.labels for picture in read.pictures)
    said = [Finding(f"{plural(empty, 'picture')} without an object: kept, as background.")] * (empty > 0)
    problems = read.problems.items()
    return said + [
        Finding(f"{_counted(len(at), what)}.", tuple(at[:EXAMPLES]), warning=True) for what, at in problems
    ]


def _counted(count: int, what: str) -> str:
    """``1 box without an area``, of ``boxes without an area``."""
    noun, _, rest = what.partition(" ")
    one = {"boxes": "box", "categories": "category"}.get(noun, noun.removesuffix("s"))
    return f"{count:,} {one if count == 1 else noun} {rest}"


def _told(read: Annotations) -> str:
    return " ".join(" ".join([finding.text, *finding.examples[:1]]) for finding in _findings(read))
