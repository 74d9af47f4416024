"""Data sets of pictures with boxes: from annotations to a `DataBundle`."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lepton_nb.data.assemble import fingerprint, refuse_emptied
from lepton_nb.data.bundle import DataBundle
from lepton_nb.data.contents import file_keys
from lepton_nb.data.duplicates import EXAMPLES, digests, find_leaks
from lepton_nb.data.pictures.augment import AUGMENTED_BY, check_augment
from lepton_nb.data.pictures.decoding import check_size
from lepton_nb.data.pictures.stats import PixelStats, channel_sums
from lepton_nb.data.report import DataReport, Finding, plural
from lepton_nb.data.specs import describe
from lepton_nb.data.splitting import Parts, Splitting, plan_parts
from lepton_nb.errors import DataError
from lepton_nb.signature import Signature, TensorSpec
from lepton_nb.tasks import InputError
from lepton_nb.tasks.detection.annotations import (
    Annotations,
    Picture,
    read_coco,
    read_csv,
    read_voc,
    read_yolo,
)
from lepton_nb.tasks.detection.augment import BoxAugmenter
from lepton_nb.tasks.detection.boxes import NOTHING, areas, clipped, scale_to_input
from lepton_nb.tasks.detection.pictures import open_upright, seen_by_model
from lepton_nb.tasks.detection.preview import BoxPreview
from lepton_nb.tasks.detection.split import BoxSplit, Pool

LONGEST = 256  # pixels of the longer side that the model gets, where no size is asked for
_STEP = 32  # sides are multiples of this, which every usual backbone takes
_SAME_SHAPE = 0.05  # pictures whose shapes differ by less are stretched, not padded
_THREADS = 8
_AUGMENTERS = {"none": None, "standard": BoxAugmenter(), "strong": BoxAugmenter((0.7, 1.4), upside_down=True)}


@dataclass(frozen=True)
class Options:
    """What every reader of boxes takes.

    Attributes:
        image_size: Side, or ``(height, width)``, the model gets; by the pictures, 256 at most, where None.
        val_fraction: Share of the training pictures for validation; None keeps a split for validation that
            the source has, and else takes 0.1.
        test_fraction: Share for the test, where the source has no split for it.
        seed: Equal seeds give equal splits.
        augment: ``none``, ``standard`` (mirrored, zoomed, coloured) or ``strong`` (upside down, too).
        limit: Largest number of pictures of each split, for a quick trial.
    """

    image_size: int | str | tuple[int, int] | None = None
    val_fraction: float | None = None
    test_fraction: float = 0.2
    seed: int = 0
    augment: str = "standard"
    limit: int | None = None


def voc(path: str | os.PathLike[str], *, name: str | None = None, **options: Any) -> DataBundle:
    """Boxes of Pascal VOC: ``Annotations/*.xml`` beside ``JPEGImages/``. Its ImageSets are its splits.

    Args:
        path: The folder that holds both.
        name: What to call the data; the folder's name where None.
        options: Fields of `Options`.

    Raises:
        DataError: If there is nothing to learn from, or an option is wrong.
    """
    root = _existing(path)
    return _bundle(read_voc(root), "voc", root, name, Options(**options))


def coco(
    path: str | os.PathLike[str],
    *,
    images: str | os.PathLike[str] | None = None,
    name: str | None = None,
    **options: Any,
) -> DataBundle:
    """Boxes of COCO: a JSON file, or a folder of one a split. Arguments as for `voc`.

    Args:
        images: The folder of the pictures, where they do not lie below that of the JSON.
    """
    root, pictures = _existing(path), None if images is None else _existing(images)
    return _bundle(read_coco(root, pictures), "coco", root, name, Options(**options), images=pictures)


def yolo(path: str | os.PathLike[str], *, name: str | None = None, **options: Any) -> DataBundle:
    """Boxes of YOLO: ``images/`` and ``labels/``, with the classes in ``data.yaml`` or ``classes.txt``; as `voc`."""
    root = _existing(path)
    root = root.parent if root.is_file() else root
    return _bundle(read_yolo(root), "yolo", root, name, Options(**options))


def csv_boxes(
    path: str | os.PathLike[str],
    *,
    images: str | os.PathLike[str] | None = None,
    name: str | None = None,
    **options: Any,
) -> DataBundle:
    """Boxes of a CSV file, one a row: filename, class, xmin, ymin, xmax, ymax. Arguments as for `coco`."""
    file, pictures = _existing(path), None if images is None else _existing(images)
    return _bundle(read_csv(file, pictures), "csv_boxes", file, name, Options(**options), images=pictures)


def _existing(path: str | os.PathLike[str]) -> Path:
    found = Path(path).expanduser().absolute()
    if not found.exists():
        raise DataError(f"There is no file or folder {str(path)!r}.")
    return found


def _bundle(
    read: Annotations,
    source: str,
    where: Path,
    name: str | None,
    options: Options,
    *,
    images: Path | None = None,
) -> DataBundle:
    preset = check_augment(options.augment)
    given_size = check_size(options.image_size)
    if not read.pictures:
        raise DataError(f"There is no picture with boxes in {where}. {_told(read)}".rstrip())
    sizes = _sizes(read)
    class_names = _class_names(read)
    size, fit = _shape(list(sizes.values()), given_size)
    pool = _pool(read, sizes, class_names, size, fit)
    splitting = Splitting(
        0.1 if options.val_fraction is None else options.val_fraction,
        options.test_fraction,
        options.seed,
        options.limit,
    )
    keys = file_keys(pool.paths)
    given = _given(read.pictures, keep_val=options.val_fraction is None)
    parts, said = plan_parts(given, keys, None, (), splitting)
    parts, leaks = _without_leaks(parts, pool)
    stats = PixelStats.from_sums(channel_sums(pool.pixels.numpy())[parts["train"]], size[0] * size[1])
    signature = _signature(class_names, stats, size, fit)
    augmenter = _AUGMENTERS[preset]
    findings = [*_findings(read), *said, *leaks]
    if augmenter is not None:
        findings.append(
            Finding(f'{AUGMENTED_BY} mirroring, zoom and colour, boxes with them (augment="{preset}").')
        )
    counts = {
        split: _counted(pool.labels[torch.from_numpy(rows)].numpy(), class_names)
        for split, rows in parts.items()
    }
    report = DataReport(
        name or where.stem,
        f"{'file' if where.is_file() else 'folder'} {where}",
        counts,
        signature,
        findings,
        BoxPreview([int(i) for i in parts["train"]], pool, class_names),
        items={split: len(rows) for split, rows in parts.items()},
        noun="picture",
    )
    bundle = DataBundle(
        name=report.name,
        signature=signature,
        splits={split: BoxSplit(split, pool, rows, stats, augmenter) for split, rows in parts.items()},
        report=report,
        fingerprint=fingerprint({part: pool.content(rows) for part, rows in parts.items()}),
        contents={part: keys[rows] for part, rows in parts.items()},
        augment=preset,
    )
    kept = {**vars(options), "image_size": given_size}
    return describe(bundle, source, str(where), kept if images is None else {**kept, "images": str(images)})


def _sizes(read: Annotations) -> dict[Path, tuple[int, int]]:
    """Height and width of each picture; those that cannot be read leave the data."""

    def size(picture: Picture) -> tuple[int, int] | str:
        try:
            opened = open_upright(picture.path)
        except InputError as error:
            return str(error)
        return opened.height, opened.width

    with ThreadPoolExecutor(_THREADS) as pool:
        found = list(pool.map(size, read.pictures))
    for picture, answer in zip(read.pictures, found, strict=True):
        if isinstance(answer, str):
            read.left_out("pictures that cannot be read", f"{picture.path.name}: {answer}")
    read.pictures = [p for p, answer in zip(read.pictures, found, strict=True) if not isinstance(answer, str)]
    if not read.pictures:
        raise DataError(f"No picture can be read. {_told(read)}")
    return {
        picture.path: answer
        for picture, answer in zip(read.pictures, [a for a in found if not isinstance(a, str)], strict=True)
    }


def _class_names(read: Annotations) -> tuple[str, ...]:
    """The names that the source lists, else those of its objects."""
    used = sorted({label for picture in read.pictures for label in picture.labels})
    if not used:
        raise DataError(f"No picture has a box that can be used. {_told(read)}")
    return (*read.class_names, *(label for label in used if label not in read.class_names))


def _shape(sizes: list[tuple[int, int]], given: Any) -> tuple[tuple[int, int], str]:
    """Height and width that the model gets, and whether pictures are stretched to it or padded."""
    shapes = np.array([width / height for height, width in sizes])
    middle = float(np.median(shapes))
    if given is not None:
        size = given if isinstance(given, tuple | list) else (given, given)
        height, width = int(size[0]), int(size[1])
    elif np.ptp(shapes) <= _SAME_SHAPE * middle:
        longest = min(LONGEST, max(map(max, sizes)))
        height, width = (longest, longest * middle) if middle < 1 else (longest / middle, longest)
        height, width = (max(_STEP, _STEP * round(side / _STEP)) for side in (height, width))
    else:
        height = width = LONGEST
    same = bool((abs(shapes / (width / height) - 1) <= _SAME_SHAPE).all())
    return (height, width), "stretch" if same else "pad"


def _pool(
    read: Annotations,
    sizes: dict[Path, tuple[int, int]],
    class_names: tuple[str, ...],
    size: tuple[int, int],
    fit: str,
) -> Pool:
    """All pictures as the model sees them, with the boxes that can be used, in the model's pixels."""
    boxes, labels = [], []
    for picture in read.pictures:
        kept, names = _usable(picture, sizes[picture.path], read)
        boxes.append(kept * scale_to_input(sizes[picture.path], size, fit))
        labels.append([class_names.index(label) for label in names])
    most = max(1, *map(len, labels))
    pool = Pool(
        [picture.path for picture in read.pictures],
        torch.empty(len(boxes), 3, *size, dtype=torch.uint8),
        torch.zeros(len(boxes), most, 4),
        torch.full((len(boxes), most), NOTHING),
        [sizes[picture.path] for picture in read.pictures],
        fit,
    )
    for i, (rows, numbers) in enumerate(zip(boxes, labels, strict=True)):
        pool.boxes[i, : len(rows)] = torch.from_numpy(rows)
        pool.labels[i, : len(numbers)] = torch.tensor(numbers, dtype=torch.int64)

    def decode(i: int) -> None:
        pool.pixels[i] = torch.from_numpy(seen_by_model(pool.paths[i], size, fit)[0])

    with ThreadPoolExecutor(_THREADS) as threads:
        list(threads.map(decode, range(len(boxes))))
    return pool


def _usable(picture: Picture, size: tuple[int, int], read: Annotations) -> tuple[np.ndarray, list[str]]:
    """The boxes within their picture that have an area, in its pixels."""
    boxes = np.array(picture.boxes, dtype=np.float64).reshape(-1, 4)
    if picture.relative:
        boxes = boxes * np.array([size[1], size[0], size[1], size[0]])
    inside = clipped(boxes, size)
    kept = []
    for i, (box, cut) in enumerate(zip(boxes, inside, strict=True)):
        if not areas(box[None])[0]:
            read.left_out("boxes without an area", picture.places[i])
        elif not areas(cut[None])[0]:
            read.left_out("boxes outside of their picture", picture.places[i])
        else:
            kept.append(i)
            if np.abs(box - cut).max() > 1:
                read.problems.setdefault(_CLIPPED, []).append(picture.places[i])
    return inside[kept], [picture.labels[i] for i in kept]


_CLIPPED = "boxes that reach out of their picture, cut off at its edge"


def _given(pictures: list[Picture], *, keep_val: bool) -> Parts:
    """Rows by the split that the source names; all of it for training where it names none."""
    names = [picture.split or "train" for picture in pictures]
    if not keep_val:
        names = ["train" if name == "val" else name for name in names]
    given = {name: np.flatnonzero(np.array(names) == name) for name in ("train", "val", "test")}
    if not len(given["train"]):
        raise DataError(
            "No picture is in the split for training.", "Does the source say train, val and test?"
        )
    return {name: rows for name, rows in given.items() if len(rows)}


def _without_leaks(parts: Parts, pool: Pool) -> tuple[Parts, list[Finding]]:
    content = digests(picture.numpy().tobytes() for picture in pool.pixels)
    name_of: Callable[[str, int], str] = lambda split, i: pool.paths[int(parts[split][i])].name  # noqa: E731
    keep, findings = find_leaks({p: content[rows] for p, rows in parts.items()}, name_of, noun="picture")
    left = {split: rows[keep[split]] for split, rows in parts.items()}
    refuse_emptied(parts, left, findings)
    return left, findings


def _signature(class_names: tuple[str, ...], stats: PixelStats, size: tuple[int, int], fit: str) -> Signature:
    return Signature(
        task="object-detection",
        inputs=(TensorSpec("image", "float32", (3, *size)),),
        output=TensorSpec("boxes", "float32", (None, 4)),
        further_outputs=(TensorSpec("scores", "float32", (None,)), TensorSpec("labels", "int64", (None,))),
        class_names=class_names,
        preprocessing={
            "kind": "image",
            "mode": "RGB",
            "size": list(size),
            "fit": fit,
            "mean": list(stats.mean),
            "std": list(stats.std),
        },
        target={"name": "target"},
    )


def _counted(labels: np.ndarray, class_names: tuple[str, ...]) -> dict[str, int]:
    by_class = np.bincount(labels[labels != NOTHING], minlength=len(class_names))
    return {name: int(count) for name, count in zip(class_names, by_class, strict=True)}


def _findings(read: Annotations) -> list[Finding]:
    empty = sum(not picture.labels for picture in read.pictures)
    said = [Finding(f"{plural(empty, 'picture')} without an object: kept, as background.")] * (empty > 0)
    for what, places in read.problems.items():
        kept = "taken" in what or "cut off" in what
        text = f"{len(places):,} {what}." if kept else f"{len(places):,} {what}: left out."
        said.append(Finding(text, tuple(places[:EXAMPLES]), warning=True))
    return said


def _told(read: Annotations) -> str:
    return " ".join(" ".join([finding.text, *finding.examples[:1]]) for finding in _findings(read))
