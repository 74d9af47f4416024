"""Pictures with boxes as annotation tools write them: Pascal VOC, COCO, YOLO and CSV.

What cannot be used is left out by name, and counted: nothing here raises for one bad line.
"""

from __future__ import annotations

import csv
import json
import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lepton_nb.data.class_folders import IMAGE_SUFFIXES
from lepton_nb.data.class_folders import SPLIT_FOLDERS as SPLITS
from lepton_nb.errors import DataError, did_you_mean

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


def read_voc(root: Path) -> Annotations:
    """``Annotations/*.xml`` beside ``JPEGImages/``, with ``ImageSets/Main/*.txt`` where there are splits."""
    found, pictures = Annotations(), {path.stem: path for path in _pictures(root)}
    splits = _voc_splits(root)
    files = sorted((root / "Annotations").glob("*.xml"))
    for file in files:
        picture = pictures.get(file.stem)
        if picture is None:
            found.left_out("annotations without their picture", f"Annotations/{file.name}")
        elif not splits or file.stem in splits:
            _read_xml(file, Picture(picture, splits.get(file.stem)), found)
    for stem in sorted(pictures.keys() - {file.stem for file in files}):
        found.left_out("pictures without an annotation", str(pictures[stem].relative_to(root)))
    for stem in sorted(splits.keys() - {file.stem for file in files}):
        found.left_out("names in ImageSets without an annotation", stem)
    return found


def _voc_splits(root: Path) -> dict[str, str]:
    splits: dict[str, str] = {}
    for name in ("trainval", "train", "val", "test"):  # what trainval alone names is for training
        file = root / "ImageSets" / "Main" / f"{name}.txt"
        if file.is_file():
            lines = file.read_text("utf-8").splitlines()
            part = "train" if name == "trainval" else name
            splits |= {line.split()[0]: part for line in lines if line.strip()}
    return splits


def _read_xml(file: Path, picture: Picture, found: Annotations) -> None:
    text = file.read_text("utf-8", errors="replace")
    try:
        objects = ET.fromstring(text).findall("object")
    except ET.ParseError as error:
        found.left_out("annotations in broken XML", f"{file.name}, {error}")
        return
    found.pictures.append(picture)
    starts = [text.count("\n", 0, match.start()) + 1 for match in re.finditer(r"<object[\s>]", text)]
    for line, item in zip(starts, objects, strict=False):
        place = f"{file.name}, line {line}"
        box = _numbers([item.findtext(f"bndbox/{side}") for side in ("xmin", "ymin", "xmax", "ymax")])
        _add(found, picture, item.findtext("name"), box, place)


def read_coco(path: Path, images: Path | None) -> Annotations:
    """One JSON file, or a folder of them whose names say ``train``, ``val`` or ``test``."""
    files, found = coco_files(path), Annotations()
    for file in files:
        split = _split_of(file, path if path.is_dir() else file.parent) if len(files) > 1 else None
        _read_coco_file(file, split, images or (path if path.is_dir() else file.parent), found)
    return found


def _read_coco_file(file: Path, split: str | None, images: Path, found: Annotations) -> None:
    content = _json(file)
    names = {item["id"]: str(item["name"]) for item in _entries(content, "categories", file, found)}
    found.class_names = tuple(dict.fromkeys([*found.class_names, *names.values()]))
    by_name = {str(p.relative_to(images)): p for p in _pictures(images)}
    by_end = {p.name: p for p in by_name.values()}
    pictures: dict[Any, Picture | None] = {}
    for item in _entries(content, "images", file, found):
        name = str(item["file_name"])
        near = file.parent / name
        here = by_name.get(name) or (near if near.is_file() else by_end.get(Path(name).name))
        pictures[item["id"]] = None if here is None else Picture(here, split)
        if here is None:
            found.left_out("annotations without their picture", f"{file.name}, {name}")
    found.pictures += [picture for picture in pictures.values() if picture is not None]
    for item in _entries(content, "annotations", file, found):
        place = f"{file.name}, annotation {item.get('id')}"
        if item.get("iscrowd"):
            found.left_out("boxes of crowds", place)
        elif item["image_id"] not in pictures:
            found.left_out("annotations without their picture", place)
        elif (picture := pictures[item["image_id"]]) is not None:
            box = _numbers(item["bbox"])
            corners = None if box is None else _from_corner(*box)
            _add(found, picture, names.get(item["category_id"]), corners, place)


_NEEDED = {
    "categories": ("id", "name"),
    "images": ("id", "file_name"),
    "annotations": ("image_id", "category_id", "bbox"),
}


def _entries(
    content: Mapping[str, Any], key: str, file: Path, found: Annotations
) -> Iterator[Mapping[str, Any]]:
    """The entries of a list of COCO that have what each needs; the others are left out."""
    for number, item in enumerate(content[key]):
        given = item if isinstance(item, dict) else {}
        keys = [given.get(name) for name in _NEEDED[key] if name.endswith("id")]
        lacking = [name for name in _NEEDED[key] if given.get(name) in (None, "")]
        if lacking or not all(isinstance(value, str | int) for value in keys):
            what = f"{key} without {' and '.join(map(repr, lacking or ['a plain id']))}"
            found.left_out(what, f"{file.name}, entry {number} of {key}")
        else:
            yield given


def coco_files(path: Path) -> list[Path]:
    """The file itself, or the JSON files below a folder, that are of COCO."""
    files = [path] if path.is_file() else sorted([*path.glob("*.json"), *path.glob("*/*.json")])
    return [file for file in files if file.suffix.lower() == ".json" and _is_coco(file)]


def _is_coco(file: Path) -> bool:
    """By the words among its first and last bytes: the whole may be long."""
    with open(file, "rb") as stream:
        start = stream.read(1 << 16)
        stream.seek(max(0, file.stat().st_size - (1 << 16)))
        ends = start + stream.read()
    return sum(word in ends for word in (b'"images"', b'"annotations"', b'"categories"')) > 1


def read_yolo(root: Path) -> Annotations:
    """Pictures with lines of ``class x y width height`` beside them, or under ``labels/`` for ``images/``."""
    names = _yolo_names(root)
    found, used = Annotations(class_names=tuple(names.values())), set()
    for path in _pictures(root):
        file = _yolo_file(path, root)
        picture = Picture(path, _split_of(path, root), relative=True)
        found.pictures.append(picture)
        used.add(file)
        lines = file.read_text("utf-8", errors="replace").splitlines() if file.is_file() else []
        if not file.is_file():  # which YOLO takes for a picture of nothing
            found.note("pictures without a label file: taken to show nothing", path.name)
        for number, line in enumerate(lines, 1):
            if line.strip():
                _read_yolo_line(line, picture, names, f"{file.relative_to(root)}, line {number}", found)
    for file in sorted(root.rglob("labels/**/*.txt")):
        if file not in used:
            found.left_out("annotations without their picture", str(file.relative_to(root)))
    return found


def _read_yolo_line(
    line: str, picture: Picture, names: dict[str, str], place: str, found: Annotations
) -> None:
    label, *rest = line.split()
    box = _numbers(rest)
    name = names.get(label) if names else label
    _add(found, picture, name, None if box is None else _from_middle(*box), place)


def _yolo_file(path: Path, root: Path) -> Path:
    parts = list(path.relative_to(root).parts)
    for i in reversed(range(len(parts) - 1)):
        if parts[i] == "images":
            parts[i] = "labels"
            return root.joinpath(*parts).with_suffix(".txt")
    return path.with_suffix(".txt")


def _yolo_names(root: Path) -> dict[str, str]:
    """The ``names`` of ``data.yaml`` by number, or the lines of ``classes.txt``; empty without either."""
    for file in (*sorted(root.glob("*.y*ml")), root / "classes.txt", root / "obj.names"):
        if not file.is_file():
            continue
        text = file.read_text("utf-8")
        if file.suffix in (".txt", ".names"):
            listed = text.split("\n")
        elif inline := re.search(r"^names:\s*\[(.*?)\]", text, re.M | re.S):
            listed = inline[1].split(",")
        elif block := re.search(r"^names:\s*\n((?:[ \t]*(?:-|\d+:).*\n?)+)", text, re.M):
            pairs = re.findall(r"^[ \t]*(?:-|(\d+):)\s*(.*)$", block[1], re.M)
            return {number or str(i): _unquoted(name) for i, (number, name) in enumerate(pairs)}
        else:
            continue
        return {str(i): _unquoted(name) for i, name in enumerate(filter(str.strip, listed))}
    return {}


_PICTURE = ("filename", "file_name", "image", "image_id", "image_path", "path", "file", "picture")
_LABEL = ("class", "label", "name", "category", "class_name")
_CORNERS = (
    ("xmin", "ymin", "xmax", "ymax"),
    ("x_min", "y_min", "x_max", "y_max"),
    ("x1", "y1", "x2", "y2"),
    ("left", "top", "right", "bottom"),
)
_SIZED = (("x", "y", "width", "height"), ("x", "y", "w", "h"), ("left", "top", "width", "height"))


def read_csv(file: Path, images: Path | None) -> Annotations:
    """One row a box: the picture's file, the class and the corners; perhaps a column ``split``."""
    found, pictures = Annotations(), dict[Path, Picture]()
    files = {str(p.relative_to(images or file.parent)): p for p in _pictures(images or file.parent)}
    by_end = {p.name: p for p in files.values()} | {p.stem: p for p in files.values()}
    with open(file, newline="", encoding="utf-8-sig") as stream:
        rows = csv.DictReader(stream)
        columns = csv_columns(rows.fieldnames or [], file)
        for row in rows:
            name, place = str(row[columns["picture"]]), f"{file.name}, line {rows.line_num}"
            path = files.get(name) or by_end.get(Path(name).name)
            if path is None:
                found.left_out("annotations without their picture", f"{place}: {name}")
                continue
            said = (row.get("split") or "").strip()
            if said and said.lower() not in SPLITS:
                found.note(f"rows of the split {said!r}: taken for training", place)
            picture = pictures.setdefault(path, Picture(path, SPLITS.get(said.lower())))
            cells = [row[columns[side]] for side in "abcd"]
            if any((cell or "").strip() for cell in cells):  # else the picture shows nothing
                box = _numbers(cells)
                corners = box if box is None or columns["form"] == "corners" else _from_corner(*box)
                _add(found, picture, row[columns["label"]], corners, place)
    found.pictures += pictures.values()
    return found


def is_csv_of_boxes(path: Path) -> bool:
    """Whether a file is a CSV whose first line names what a box needs."""
    if path.suffix.lower() != ".csv" or not path.is_file():
        return False
    try:
        with open(path, newline="", encoding="utf-8-sig") as stream:
            return bool(csv_columns(next(csv.reader(stream), []), path))
    except (DataError, UnicodeDecodeError, csv.Error):
        return False


def csv_columns(header: Any, file: Path) -> dict[str, str]:
    """Which column is what.

    Raises:
        DataError: If one is missing.
    """
    by_name = {str(name).strip().lower(): str(name) for name in header}
    picture = next((by_name[name] for name in _PICTURE if name in by_name), None)
    label = next((by_name[name] for name in _LABEL if name in by_name), None)
    for form, choices in (("corners", _CORNERS), ("sized", _SIZED)):
        for sides in choices:
            if picture and label and all(side in by_name for side in sides):
                found = dict(zip("abcd", (by_name[side] for side in sides), strict=True))
                return {"picture": picture, "label": label, "form": form, **found}
    raise DataError(
        f"{file.name} has the columns {', '.join(map(repr, header)) or 'none'}; "
        "boxes in a CSV need 'filename', 'class', 'xmin', 'ymin', 'xmax' and 'ymax'.",
        did_you_mean("xmin", by_name) or "Rename them in its first line.",
    )


def _add(found: Annotations, picture: Picture, label: str | None, box: Corners | None, place: str) -> None:
    if box is None:
        found.left_out("boxes without four numbers", place)
    elif not (label or "").strip():
        found.left_out("boxes of a class without a name", place)
    else:
        picture.add(str(label).strip(), box, place)


def _numbers(values: Any) -> Corners | None:
    try:
        a, b, c, d = (float(value) for value in values)
    except (TypeError, ValueError):
        return None
    return (a, b, c, d) if all(map(math.isfinite, (a, b, c, d))) else None


def _from_corner(x: float, y: float, width: float, height: float) -> Corners:
    return (x, y, x + width, y + height)


def _from_middle(x: float, y: float, width: float, height: float) -> Corners:
    return (x - width / 2, y - height / 2, x + width / 2, y + height / 2)


def _pictures(root: Path) -> Iterator[Path]:
    return (
        path for path in sorted(root.rglob("*")) if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file()
    )


def _split_of(path: Path, root: Path) -> str | None:
    """The part that a folder on the way, or a word of the file's own name, says."""
    words = [*path.relative_to(root).parts[:-1]]
    if path.suffix == ".json":
        words += re.split(r"[^a-z]+", path.stem.lower())
    return next((SPLITS[word.lower()] for word in words if word.lower() in SPLITS), None)


def _json(file: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(file.read_text("utf-8"))
        missing = [
            key for key in ("images", "annotations", "categories") if not isinstance(content.get(key), list)
        ]
    except (ValueError, AttributeError) as error:
        raise DataError(f"{file.name} is no COCO file: {error}.") from error
    if missing:
        raise DataError(f"{file.name} is no COCO file: it has no list of {' and '.join(missing)}.")
    return dict(content)


def _unquoted(text: str) -> str:
    return text.split(" #")[0].strip().strip("'\"")
