"""Pascal VOC: an XML file a picture."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

from lepton_nb.tasks.detection.formats.annotations import (
    Annotations,
    Picture,
    add,
    numbers,
    pictures_in,
)


def read_voc(root: Path) -> Annotations:
    """``Annotations/*.xml`` beside ``JPEGImages/``, with ``ImageSets/Main/*.txt`` where there are splits."""
    found, pictures = Annotations(), {path.stem: path for path in pictures_in(root)}
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
        box = numbers([item.findtext(f"bndbox/{side}") for side in ("xmin", "ymin", "xmax", "ymax")])
        add(found, picture, item.findtext("name"), box, place)
