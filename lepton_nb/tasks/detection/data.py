"""Where pictures with boxes come from: Pascal VOC, COCO, YOLO and CSV."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lepton_nb.data.sources import Match
from lepton_nb.tasks.detection.formats.annotations import Annotations
from lepton_nb.tasks.detection.formats.coco import coco_files, read_coco
from lepton_nb.tasks.detection.formats.table import is_csv_of_boxes, read_csv
from lepton_nb.tasks.detection.formats.voc import read_voc
from lepton_nb.tasks.detection.formats.yolo import read_yolo
from lepton_nb.tasks.detection.source import BoxOptions, BoxSource, FileOptions


class VocSource(BoxSource[BoxOptions]):
    """Pascal VOC: ``Annotations/*.xml`` beside ``JPEGImages/``. Its ImageSets are its splits."""

    name = "voc"
    noun = "Boxes of Pascal VOC"
    gives = "a folder with Annotations/ and JPEGImages/"
    options = BoxOptions

    def recognises_path(self, path: Path, options: Mapping[str, Any]) -> Match:  # noqa: ARG002
        return Match.SURELY if any((path / "Annotations").glob("*.xml")) else Match.NO

    def annotations(self, path: Path, options: BoxOptions) -> Annotations:  # noqa: ARG002
        return read_voc(path)


class CocoSource(BoxSource[FileOptions]):
    """COCO: a JSON file, or a folder of one a split."""

    name = "coco"
    noun = "Boxes of COCO"
    gives = "a JSON file of COCO"
    options = FileOptions

    def recognises_path(self, path: Path, options: Mapping[str, Any]) -> Match:  # noqa: ARG002
        return Match.SURELY if coco_files(path) else Match.NO

    def annotations(self, path: Path, options: FileOptions) -> Annotations:
        return read_coco(path, options.folder)


class YoloSource(BoxSource[BoxOptions]):
    """YOLO: ``images/`` and ``labels/``, with the classes in ``data.yaml`` or ``classes.txt``."""

    name = "yolo"
    noun = "Boxes of YOLO"
    gives = "a folder with images/ and labels/"
    options = BoxOptions

    def recognises_path(self, path: Path, options: Mapping[str, Any]) -> Match:  # noqa: ARG002
        folders = (*path.glob("labels"), *path.glob("*/labels"))
        return Match.SURELY if any(next(f.rglob("*.txt"), None) for f in folders) else Match.NO

    def annotations(self, path: Path, options: BoxOptions) -> Annotations:  # noqa: ARG002
        return read_yolo(path)


class CsvBoxSource(BoxSource[FileOptions]):
    """A CSV file with a box in each row: filename, class, xmin, ymin, xmax, ymax."""

    name = "csv_boxes"
    noun = "Boxes in CSV files"
    gives = "a CSV file of boxes"
    options = FileOptions

    def recognises_path(self, path: Path, options: Mapping[str, Any]) -> Match:  # noqa: ARG002
        return Match.SURELY if is_csv_of_boxes(path) else Match.NO

    def annotations(self, path: Path, options: FileOptions) -> Annotations:
        return read_csv(path, options.folder)
