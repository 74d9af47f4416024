"""COCO: JSON with pictures, categories and annotations."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lepton_nb.errors import DataError
from lepton_nb.tasks.detection.formats.annotations import (
    Annotations,
    Picture,
    add,
    from_corner,
    numbers,
    pictures_in,
    split_of,
)


def read_coco(path: Path, images: Path | None) -> Annotations:
    """One JSON file, or a folder of them whose names say ``train``, ``val`` or ``test``."""
    files, found = coco_files(path), Annotations()
    for file in files:
        split = split_of(file, path if path.is_dir() else file.parent) if len(files) > 1 else None
        _read_coco_file(file, split, images or (path if path.is_dir() else file.parent), found)
    return found


def _read_coco_file(file: Path, split: str | None, images: Path, found: Annotations) -> None:
    content = _json(file)
    names = {item["id"]: str(item["name"]) for item in _entries(content, "categories", file, found)}
    found.class_names = tuple(dict.fromkeys([*found.class_names, *names.values()]))
    by_name = {str(p.relative_to(images)): p for p in pictures_in(images)}
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
            box = numbers(item["bbox"])
            corners = None if box is None else from_corner(*box)
            add(found, picture, names.get(item["category_id"]), corners, place)


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
