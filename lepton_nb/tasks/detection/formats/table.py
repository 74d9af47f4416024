"""CSV: a row a box."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from lepton_nb.data.class_folders import SPLIT_FOLDERS as SPLITS
from lepton_nb.errors import DataError, did_you_mean
from lepton_nb.tasks.detection.formats.annotations import (
    Annotations,
    Picture,
    add,
    from_corner,
    numbers,
    pictures_in,
)

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
    files = {str(p.relative_to(images or file.parent)): p for p in pictures_in(images or file.parent)}
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
                box = numbers(cells)
                corners = box if box is None or columns["form"] == "corners" else from_corner(*box)
                add(found, picture, row[columns["label"]], corners, place)
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
