"""YOLO: a text file a picture, in shares of it, beside a YAML file of names."""

from __future__ import annotations

import re
from pathlib import Path

from lepton_nb.tasks.detection.formats.annotations import (
    Annotations,
    Picture,
    add,
    from_middle,
    numbers,
    pictures_in,
    split_of,
)


def read_yolo(root: Path) -> Annotations:
    """Pictures with lines of ``class x y width height`` beside them, or under ``labels/`` for ``images/``."""
    names = _yolo_names(root)
    found, used = Annotations(class_names=tuple(names.values())), set()
    for path in pictures_in(root):
        file = _yolo_file(path, root)
        picture = Picture(path, split_of(path, root), relative=True)
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
    box = numbers(rest)
    name = names.get(label) if names else label
    add(found, picture, name, None if box is None else from_middle(*box), place)


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


def _unquoted(text: str) -> str:
    return text.split(" #")[0].strip().strip("'\"")
