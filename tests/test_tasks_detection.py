"""Object detection: every format that is read, boxes, their measures, a tiny net that learns, a service."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import lepton_nb
from lepton_nb import data
from lepton_nb.data import DataBundle
from lepton_nb.data.pictures import decoding
from lepton_nb.errors import DataError, ModelError
from lepton_nb.evaluation import evaluate
from lepton_nb.signature import Signature
from lepton_nb.tasks import InputError, get_task
from lepton_nb.tasks.detection.augment import BoxAugmenter
from lepton_nb.tasks.detection.boxes import (
    NOTHING,
    Found,
    aligned_candidates,
    aligned_objects,
    overlaps,
    select,
    suppress,
)
from lepton_nb.tasks.detection.formats.table import read_csv
from lepton_nb.tasks.detection.formats.yolo import read_yolo
from lepton_nb.tasks.detection.loss import DetectionLoss, aims, generalised_iou
from lepton_nb.tasks.detection.measures import Precision, measure, mistakes
from lepton_nb.tasks.detection.nets import SmallDetector, candidates
from tests import detection_support as shapes


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shapes")


@pytest.fixture(scope="module")
def drawn(pictures: Path) -> list[shapes.Drawn]:
    return shapes.draw(pictures / "JPEGImages", 12)


@pytest.fixture(scope="module")
def root(pictures: Path, drawn: list[shapes.Drawn]) -> Path:
    return shapes.voc(pictures, drawn)


@pytest.fixture
def bundle(root: Path) -> DataBundle:
    return data.load(root, augment="none")


def objects_of(bundle: DataBundle) -> dict[str, list[list[tuple[str, ...]]]]:
    """Of each split, the objects of its pictures in pixels of the pictures, in any order."""
    found = {}
    for name, split in bundle.splits.items():
        target = next(iter(split.loader(batch_size=len(split)).batches(0))).target
        found[name] = sorted(
            sorted(
                (bundle.signature.class_names[label], *(round(side) for side in box.tolist()))
                for box, label in zip(boxes, labels.tolist(), strict=True)
                if label != NOTHING
            )
            for boxes, labels in zip(target["boxes"], target["labels"], strict=True)
        )
    return found


def test_every_format_gives_the_same_objects(
    pictures: Path, drawn: list[shapes.Drawn], root: Path, tmp_path: Path
) -> None:
    expected = {
        split: sorted(sorted(item.boxes) for item in drawn if item.split == split)
        for split in ("train", "val", "test")
    }
    images = str(pictures / "JPEGImages")
    sources: list[tuple[Path, dict[str, Any]]] = [
        (root, {}),
        (shapes.coco(tmp_path / "coco", drawn), {"images": images}),
        (shapes.yolo(tmp_path / "yolo", drawn, pictures / "JPEGImages"), {}),
        (shapes.table(tmp_path / "boxes.csv", drawn), {"images": images}),
    ]
    names = []
    for source, options in sources:
        bundle = data.load(source, **options)
        assert objects_of(bundle) == expected, source
        assert bundle.task.name == "object-detection"
        assert bundle.report.sizes == {"train": 6, "val": 3, "test": 3}
        assert not bundle.report.warnings
        assert bundle.spec is not None
        assert data.from_spec(json.loads(json.dumps(bundle.spec))).fingerprint == bundle.fingerprint
        names.append(bundle.spec["source"])
    assert names == ["voc", "coco", "yolo", "csv_boxes"]


def test_the_report_counts_objects_and_shows_them(bundle: DataBundle, drawn: list[shapes.Drawn]) -> None:
    bricks = sum(label == "brick" for item in drawn if item.split == "train" for label, *_ in item.boxes)
    assert bundle.report.counts["train"] == {"brick": bricks, "pond": 18 - bricks}
    text = str(bundle.report)
    assert "pictures      6    3     3" in text
    assert "RGB 64×96" in text
    assert 'src="data:image/png;base64,' in bundle.report._repr_html_()


def test_without_splits_of_its_own_data_are_split(
    pictures: Path, drawn: list[shapes.Drawn], tmp_path: Path
) -> None:
    file = shapes.table(tmp_path / "boxes.csv", drawn)
    file.write_text(file.read_text().replace("split", "other"))
    bundle = data.load(file, images=str(pictures / "JPEGImages"), val_fraction=0.25, test_fraction=0.25)
    assert sum(bundle.report.sizes.values()) == 12
    assert set(bundle.splits) == {"train", "val", "test"}
    assert data.load(file, images=str(pictures / "JPEGImages"), limit=2).report.sizes["train"] == 2


def test_the_official_validation_part_can_be_trained_on(root: Path) -> None:
    bundle = data.load(root, official=False, val_fraction=0.0)
    assert bundle.report.sizes == {"train": 9, "test": 3}


BAD = """\
<annotation>
  <object><name>brick</name><bndbox><xmin>5</xmin><ymin>5</ymin><xmax>5</xmax><ymax>20</ymax></bndbox></object>
  <object><name>brick</name><bndbox><xmin>30</xmin><ymin>5</ymin><xmax>20</xmax><ymax>20</ymax></bndbox></object>
  <object><name>brick</name><bndbox><xmin>200</xmin><ymin>5</ymin><xmax>220</xmax><ymax>20</ymax></bndbox></object>
  <object><name>brick</name><bndbox><xmin>80</xmin><ymin>5</ymin><xmax>120</xmax><ymax>20</ymax></bndbox></object>
  <object><name> </name><bndbox><xmin>8</xmin><ymin>5</ymin><xmax>20</xmax><ymax>20</ymax></bndbox></object>
  <object><name>brick</name><bndbox><xmin>left</xmin><ymin>5</ymin><xmax>20</xmax><ymax>20</ymax></bndbox></object>
</annotation>
"""


def test_what_cannot_be_used_is_named_with_file_and_line(tmp_path: Path) -> None:
    drawn = shapes.draw(tmp_path / "JPEGImages", 8)
    shapes.voc(tmp_path, drawn)
    folder = tmp_path / "Annotations"
    (folder / "p000.xml").write_text(BAD)
    (folder / "p001.xml").write_text("<annotation><object>")
    (folder / "p004.xml").write_text("<annotation></annotation>")
    (tmp_path / "JPEGImages" / "p005.png").write_bytes(b"no picture")
    (folder / "lonely.xml").write_text("<annotation></annotation>")
    (folder / "p003.xml").unlink()
    report = data.load(tmp_path, augment="none").report
    said = {finding.text: finding.examples for finding in report.findings}
    assert said["2 boxes without an area: left out."] == ("p000.xml, line 2", "p000.xml, line 3")
    assert said["1 box outside of their picture: left out."] == ("p000.xml, line 4",)
    assert said["1 box beyond the edge of their picture: cut off there."] == ("p000.xml, line 5",)
    assert said["1 box of a class without a name: left out."] == ("p000.xml, line 6",)
    assert said["1 box without four numbers: left out."] == ("p000.xml, line 7",)
    assert said["1 annotation without their picture: left out."] == ("Annotations/lonely.xml",)
    assert said["1 picture without an annotation: left out."] == ("JPEGImages/p003.png",)
    assert said["1 name in ImageSets without an annotation: left out."] == ("p003",)
    assert next(e for text, e in said.items() if "broken XML" in text)[0].startswith("p001.xml, ")
    assert next(e for text, e in said.items() if "cannot be read" in text)[0].startswith("p005.png: ")
    assert "1 picture without an object: kept, as background." in said
    assert report.sizes == {"train": 2, "val": 2, "test": 1}


def test_bad_lines_of_yolo_and_csv_are_named(tmp_path: Path) -> None:
    drawn = shapes.draw(tmp_path / "pictures", 2)
    root = shapes.yolo(tmp_path / "yolo", drawn, tmp_path / "pictures")
    labels = root / "labels" / "train"
    (labels / "p000.txt").write_text("9 .5 .5 .1 .1\n0 .5 .5\n0 0.5 0.5 0.2 0.2\n")
    (labels / "p001.txt").unlink()
    (labels / "gone.txt").write_text("0 .5 .5 .1 .1\n")
    problems = read_yolo(root).problems
    assert problems["boxes of a class without a name: left out"] == ["labels/train/p000.txt, line 1"]
    assert problems["boxes without four numbers: left out"] == ["labels/train/p000.txt, line 2"]
    assert problems["pictures without a label file: taken to show nothing"] == ["p001.png"]
    assert problems["annotations without their picture: left out"] == ["labels/train/gone.txt"]
    file = tmp_path / "boxes.csv"
    file.write_text(
        "image,label,x,y,width,height\np000.png,brick,1,2,10,10\nnone.png,brick,1,2,3,4\np001.png,,,,,\n"
    )
    read = read_csv(file, None)
    assert read.pictures[0].boxes == [(1.0, 2.0, 11.0, 12.0)]
    assert [len(picture.boxes) for picture in read.pictures] == [1, 0]
    assert read.problems == {"annotations without their picture: left out": ["boxes.csv, line 3: none.png"]}


def test_bad_entries_of_coco_are_named(tmp_path: Path) -> None:
    drawn = shapes.draw(tmp_path / "pictures", 2)
    content = {
        "images": [
            {"id": 1, "file_name": f"{drawn[0].name}.png"},
            {"id": 2, "file_name": "gone.png"},
            {"id": 3},
            "p001.png",
        ],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 7, "bbox": [4, 4, 20, 20]},
            {"id": 2, "image_id": 1, "category_id": 8, "bbox": [4, 4, 20, 20]},
            {"id": 3, "image_id": 1, "category_id": 7, "bbox": [4, 4, -20, 20]},
            {"id": 4, "image_id": 1, "category_id": 7, "bbox": [900, 4, 20, 20]},
            {"id": 5, "image_id": 1, "category_id": 7, "bbox": [4, 4, "wide", 20]},
            {"id": 6, "image_id": 9, "category_id": 7, "bbox": [4, 4, 20, 20]},
            {"id": 7, "image_id": [1], "category_id": 7, "bbox": [4, 4, 20, 20]},
            {"id": 8, "image_id": 1, "category_id": 7},
        ],
        "categories": [{"id": 7, "name": "brick"}, {"id": 8}],
    }
    file = tmp_path / "boxes.json"
    file.write_text(json.dumps(content))
    report = data.load(file, val_fraction=0.0, test_fraction=0.0, augment="none").report
    said = {finding.text: finding.examples for finding in report.findings}
    assert report.counts["train"] == {"brick": 1}
    assert said["1 category without 'name': left out."] == ("boxes.json, entry 1 of categories",)
    assert said["1 box of a class without a name: left out."] == ("boxes.json, annotation 2",)
    assert said["1 box without an area: left out."] == ("boxes.json, annotation 3",)
    assert said["1 box outside of their picture: left out."] == ("boxes.json, annotation 4",)
    assert said["1 box without four numbers: left out."] == ("boxes.json, annotation 5",)
    where = ("boxes.json, gone.png", "boxes.json, annotation 6")
    assert said["2 annotations without their picture: left out."] == where
    assert said["1 image without 'file_name': left out."] == ("boxes.json, entry 2 of images",)
    assert said["1 image without 'id' and 'file_name': left out."] == ("boxes.json, entry 3 of images",)
    assert said["1 annotation without 'bbox': left out."] == ("boxes.json, entry 7 of annotations",)
    assert any("entry 6 of annotations" in example for examples in said.values() for example in examples)


def test_an_unknown_split_of_a_csv_is_said(tmp_path: Path) -> None:
    shapes.draw(tmp_path, 2)
    file = tmp_path / "boxes.csv"
    file.write_text("filename,class,xmin,ymin,xmax,ymax,split\np000.png,brick,1,2,10,10,holdout\n")
    assert read_csv(file, None).problems == {
        "rows of the split 'holdout': taken for training": ["boxes.csv, line 2"]
    }


def test_a_csv_that_names_no_boxes_says_what_it_needs(tmp_path: Path) -> None:
    file = tmp_path / "boxes.csv"
    file.write_text("filename,class,xmn,ymin,xmax,ymax\n")
    with pytest.raises(DataError, match="boxes in a CSV need 'filename', 'class', 'xmin'") as caught:
        read_csv(file, None)
    assert "xmn" in str(caught.value.hint)


def test_pictures_of_several_shapes_are_padded_and_their_boxes_come_back(tmp_path: Path) -> None:
    drawn = shapes.draw(tmp_path / "JPEGImages", 8)
    tall = shapes.draw(tmp_path / "tall", 4, seed=1, width=96, height=160)
    for item in tall:
        item.name = f"t{item.name}"
        (tmp_path / "tall" / f"{item.name[1:]}.png").rename(tmp_path / "JPEGImages" / f"{item.name}.png")
    bundle = data.load(shapes.voc(tmp_path, [*drawn, *tall]), augment="none")
    assert bundle.signature.preprocessing["fit"] == "pad"
    pool = bundle.train.pool  # type: ignore[attr-defined]
    by_name = {item.name: item for item in [*drawn, *tall]}
    for i, path in enumerate(pool.paths):
        boxes, _ = pool.objects(i)
        assert boxes == pytest.approx(np.array([box[1:] for box in by_name[path.stem].boxes]), abs=1e-3)


def test_pictures_that_do_not_fit_in_memory_stay_in_their_files(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = data.load(root, augment="standard")
    monkeypatch.setattr(decoding, "MEMORY_SHARE", 0.0)
    lazy = data.load(root, augment="standard")
    assert lazy.train.pool.decoded.pixels is None  # type: ignore[attr-defined]
    assert lazy.fingerprint == kept.fingerprint
    assert lazy.signature == kept.signature
    for one, other in zip(
        *(b.loader("train", batch_size=4, seed=1).batches(2) for b in (kept, lazy)), strict=True
    ):
        assert torch.equal(one.inputs, other.inputs)
        assert torch.equal(one.target["boxes"], other.target["boxes"])


def test_a_picture_that_has_gone_since_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "MEMORY_SHARE", 0.0)
    bundle = data.load(shapes.voc(tmp_path, shapes.draw(tmp_path / "JPEGImages", 4)), augment="none")
    (tmp_path / "JPEGImages" / "p000.png").unlink()
    with pytest.raises(DataError, match=r"p000\.png could be read when the data was loaded, now it cannot"):
        bundle.example(2)


def test_augmented_boxes_stay_on_their_objects(bundle: DataBundle) -> None:
    batch = bundle.example(6)
    pool = bundle.train.pool  # type: ignore[attr-defined]
    rows = bundle.train.rows  # type: ignore[attr-defined]
    augment = BoxAugmenter(upside_down=True, contrast=0.0, tint=0.0)
    generator = torch.Generator().manual_seed(1)
    pixels, boxes, labels = augment(
        pool.pixels(rows), batch.target["boxes"], batch.target["labels"], generator
    )
    names = bundle.signature.class_names
    checked = 0
    for picture, own, numbers in zip(pixels, boxes, labels, strict=True):
        for box, number in zip(own, numbers.tolist(), strict=True):
            left, top, right, bottom = box.round().int().tolist()
            if number != NOTHING and right - left > 8 and bottom - top > 8:
                inside = picture[:, top + 3 : bottom - 3, left + 3 : right - 3].mean((1, 2))
                assert inside == pytest.approx(torch.tensor(shapes.COLOURS[names[number]]).float(), abs=12)
                checked += 1
    assert checked > 10
    again = augment(
        pool.pixels(rows), batch.target["boxes"], batch.target["labels"], torch.Generator().manual_seed(1)
    )
    assert all(torch.equal(a, b) for a, b in zip((pixels, boxes, labels), again, strict=True))


def random_boxes(rng: np.random.Generator, *shape: int) -> np.ndarray:
    corner = rng.uniform(0, 200, (*shape, 2))
    return np.concatenate([corner, corner + rng.uniform(5, 80, (*shape, 2))], -1).astype(np.float32)


def test_suppression_is_that_of_torchvision() -> None:
    from torchvision.ops import batched_nms, box_iou, generalized_box_iou

    rng = np.random.default_rng(0)
    for _ in range(20):
        boxes, scores, labels = (
            random_boxes(rng, 60),
            rng.random(60).astype(np.float32),
            rng.integers(0, 3, 60),
        )
        expected = batched_nms(*map(torch.from_numpy, (boxes, scores, labels)), 0.5)
        assert suppress(boxes, scores, labels, 0.5, 60).tolist() == expected.tolist()
        other = random_boxes(rng, 60)
        a, b = torch.from_numpy(boxes), torch.from_numpy(other)
        assert overlaps(boxes, other) == pytest.approx(box_iou(a, b).numpy(), abs=1e-5)
        assert generalised_iou(a, b) == pytest.approx(generalized_box_iou(a, b).diagonal(), abs=1e-5)


def guesses(rng: np.random.Generator) -> tuple[Found, np.ndarray, np.ndarray]:
    """Boxes near true ones, some of the wrong class; the true ones and their labels."""
    true, labels = random_boxes(rng, 20, 10), rng.integers(-1, 3, (20, 10))
    near = rng.integers(0, 10, (20, 40))
    boxes = np.take_along_axis(true, near[..., None], 1) + rng.normal(0, 4, (20, 40, 4)).astype(np.float32)
    boxes = np.sort(boxes.reshape(20, 40, 2, 2), axis=2).reshape(20, 40, 4)
    said = np.take_along_axis(labels, near, 1)
    said = np.where((rng.random(said.shape) < 0.2) | (said < 0), rng.integers(0, 3, said.shape), said)
    scores = -np.sort(-rng.random((20, 40)).astype(np.float32), axis=1)
    return Found(boxes, scores, said), true, labels


def test_average_precision_is_that_of_coco() -> None:
    pytest.importorskip("faster_coco_eval")
    from torchmetrics.detection import MeanAveragePrecision

    found, true, labels = guesses(np.random.default_rng(0))
    # torchmetrics' own thresholds are rounded to float32, COCO's are not.
    reference = MeanAveragePrecision(
        backend="faster_coco_eval",
        class_metrics=True,
        rec_thresholds=np.linspace(0, 1, 101).tolist(),
        iou_thresholds=np.linspace(0.5, 0.95, 10).tolist(),
    )
    for i, (boxes, scores, said) in enumerate(zip(*found, strict=True)):
        real = labels[i] != NOTHING
        guess = dict(
            zip(("boxes", "scores", "labels"), map(torch.from_numpy, (boxes, scores, said)), strict=True)
        )
        truth = {"boxes": torch.from_numpy(true[i][real]), "labels": torch.from_numpy(labels[i][real])}
        reference.update([guess], [truth])
    expected, measured = reference.compute(), measure(found, true, labels, 3)
    assert measured.scalars["map"] == pytest.approx(float(expected["map"]), abs=1e-6)
    assert measured.scalars["map50"] == pytest.approx(float(expected["map_50"]), abs=1e-6)
    assert measured.scalars["map75"] == pytest.approx(float(expected["map_75"]), abs=1e-6)
    assert measured.per_class["ap"] == pytest.approx(expected["map_per_class"].tolist(), abs=1e-6)


def test_a_perfect_detector_measures_one_and_a_missed_object_is_a_mistake() -> None:
    boxes, labels = np.array([[[0, 0, 10, 10], [20, 20, 40, 30]]], np.float32), np.array([[0, 1]])
    found = Found(boxes, np.array([[0.9, 0.8]], np.float32), labels)
    measures = measure(found, boxes, labels, 3)
    assert measures.scalars == {"map50": 1.0, "map75": 1.0, "map": 1.0}
    assert measures.per_class["ap"] == [1.0, 1.0, None]
    assert mistakes(found, found.labels >= 0, boxes, labels).tolist() == [0.0]
    fewer = found._replace(labels=np.array([[0, NOTHING]]))
    assert mistakes(fewer, fewer.labels >= 0, boxes, labels).tolist() == [1.0]
    meter = Precision(lambda given: given, 3)
    meter.update(fewer, {"boxes": torch.from_numpy(boxes), "labels": torch.from_numpy(labels)})
    assert meter.compute() == {"map50": pytest.approx(0.5)}


def test_equal_scores_in_another_order_are_the_same_answer() -> None:
    found, _, _ = guesses(np.random.default_rng(1))
    turned = Found(*(part[:, ::-1].copy() for part in found))
    sure = found.scores > 0.1
    for one, other in zip(found, aligned_candidates(found, turned), strict=True):
        assert np.array_equal(one[sure], other[sure])
    moved = turned._replace(boxes=turned.boxes + 40)
    assert not np.allclose(aligned_candidates(found, moved)[0][sure], found.boxes[sure], atol=10)


def test_of_two_equally_likely_boxes_suppression_may_keep_the_other() -> None:
    near = np.array([[10, 10, 30, 30], [12, 10, 32, 30], [60, 10, 80, 30], [0, 0, 0, 0]], np.float32)
    scores, labels = np.array([[0.9, 0.8, 0.0]], np.float32), np.array([[0, 0, NOTHING]])
    one, other, lost = (Found(near[None, [i, 2, 3]], scores, labels) for i in (0, 1, 2))
    assert np.array_equal(aligned_objects(one, other)[0], one.boxes)
    assert not np.array_equal(aligned_objects(one, lost)[0], one.boxes)
    assert not np.array_equal(aligned_candidates(one, other)[0], one.boxes)


def test_thresholds_are_chosen_on_the_validation_split(bundle: DataBundle) -> None:
    boxes = np.array([[[0, 0, 10, 10], [20, 20, 40, 30], [50, 0, 60, 10]]], np.float32)
    found = {
        "boxes": torch.from_numpy(boxes),
        "scores": torch.tensor([[0.8, 0.6, 0.2]]),
        "labels": torch.tensor([[0, 0, 0]]),
    }
    target = {"boxes": torch.from_numpy(boxes[:, :1]), "labels": torch.tensor([[0]])}
    signature = bundle.task.settled(bundle.signature, lambda: (found, target))
    assert signature.target["thresholds"] == [pytest.approx(0.7), 0.3]  # half-way; nothing to choose by
    outputs = tuple(part.numpy() for part in found.values())
    (answer,) = bundle.task.codec(signature).encode(outputs)
    assert [box["score"] for box in answer["boxes"]] == [pytest.approx(0.8)]
    (before,) = bundle.task.codec(bundle.signature).encode(outputs)
    assert len(before["boxes"]) == 2


def test_the_maps_that_are_aimed_at_are_found_again(bundle: DataBundle) -> None:
    boxes = torch.tensor([[[10.0, 12.0, 40.0, 50.0], [60.0, 8.0, 90.0, 30.0], [0.0, 0.0, 0.0, 0.0]]])
    labels = torch.tensor([[1, 0, NOTHING]])
    heat, where, weight = aims(boxes, labels, 2, (8, 12), 8)
    assert weight.sum() > 0
    maps = {"heat": torch.logit(heat.clamp(1e-4, 0.99)), "boxes": where.movedim(-1, 1)}
    value = DetectionLoss(bundle.signature)(maps, {"boxes": boxes, "labels": labels})
    assert value is not None
    assert float(value) < 0.1
    found = select(*(part.numpy() for part in candidates(maps)))
    kept = found.labels[0] != NOTHING
    assert sorted(zip(found.labels[0][kept].tolist(), found.boxes[0][kept].tolist(), strict=True)) == [
        (0, boxes[0, 1].tolist()),
        (1, boxes[0, 0].tolist()),
    ]


def test_a_model_of_ones_own_is_told_what_a_detector_gives(bundle: DataBundle) -> None:
    class Wrong(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 2, 3, 8, 1)

        def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
            return {"heat": self.conv(image)}

    with pytest.raises(
        ModelError, match=r"A detector gives \{'heat': \(N, 2, h, w\), 'boxes': \(N, 4, h, w\)\}"
    ):
        lepton_nb.train(Wrong(), bundle, epochs=1)


def test_a_picture_of_any_size_is_answered_in_its_own_pixels(bundle: DataBundle) -> None:
    codec = get_task("object-detection").codec(bundle.signature)
    large = bundle.train.raw(0).resize((192, 256))  # twice as wide, four times as high
    inputs = codec.prepare([large, large])
    assert [array.shape for array in inputs] == [(2, 3, 64, 96), (2, 2)]

    def graph(arrays: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
        boxes = np.tile(
            np.array([[10, 10, 20, 30], [11, 10, 20, 30], [50, 40, 200, 60]], np.float32), (2, 1, 1)
        )
        limits = np.array([[0.5, 100]] * 2, np.float32)
        return boxes, np.array([[0.9, 0.8, 0.1]] * 2, np.float32), np.array([[0, 0, 1]] * 2), limits

    outputs = codec.run({"model": graph}, inputs)
    answers = codec.encode(outputs)
    assert answers[0] == {
        "boxes": [{"label": "brick", "score": pytest.approx(0.9), "box": [20.0, 40.0, 40.0, 120.0]}]
    }
    third = codec.encode((outputs[0] / 3, *outputs[1:]))[0]["boxes"][0]["box"]
    assert third == [6.7, 13.3, 13.3, 40.0]  # as few digits in JSON
    assert outputs[0][0, 1].tolist() == [100.0, 160.0, 192.0, 240.0]  # unlikely, and within the picture
    jsonschema.validate(answers[0], codec.answer_schema())
    jsonschema.validate(codec.example(), codec.request_schema())
    stream = io.BytesIO()
    large.save(stream, "PNG")
    assert codec.decode_bytes(stream.getvalue(), "image/png")[1].tolist() == [[256.0, 192.0]]
    alone = codec.decode_json({"inputs": inputs[0].tolist()})
    assert alone[1].tolist() == [[64.0, 96.0]] * 2
    with pytest.raises(InputError, match="height and width"):
        codec.decode_json({"inputs": {"image": inputs[0].tolist(), "size": [[0, 1], [1, 1]]}})
    with pytest.raises(InputError, match="no finite output"):
        codec.run({"model": lambda arrays: tuple(part * np.nan for part in graph(arrays))}, inputs)
    first = {"proposals": lambda arrays: tuple(part * np.nan for part in graph(arrays)), "objects": graph}
    with pytest.raises(InputError, match="no finite output"):
        codec.run(first, inputs)
    assert codec.encode(codec.run({"proposals": graph, "objects": graph}, inputs)) == answers


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("many")
    return shapes.voc(folder, shapes.draw(folder / "JPEGImages", 96))


def test_a_tiny_net_learns_rectangles_and_is_evaluated(many: Path, tmp_path: Path) -> None:
    bundle = data.load(many)
    run = lepton_nb.train("SmallDetector", bundle, epochs=14, batch_size=8, lr=4e-3, name="shapes")
    assert run.status == "finished"
    assert run.monitor == "val_map50"
    result = evaluate(run)
    assert result.metrics["map50"] > 0.6
    assert list(result.per_class().columns) == ["ap50", "ap", "support"]
    assert result.items == len(bundle.split("test"))
    assert {"precision_recall", "learning_curves"} <= set(result.figure_names)
    html = result._repr_mimebundle_()["text/html"]
    assert "<img" in html
    result.save(tmp_path / "saved")
    assert (tmp_path / "saved" / "precision_recall.png").is_file()
    for mistake in result.worst(2):
        assert isinstance(mistake.input, Image.Image)
    other = data.load(many, image_size=(96, 128))  # seen by the model as it was trained
    assert evaluate(run, other).metrics["map50"] == pytest.approx(result.metrics["map50"], abs=0.02)
    (answer,) = lepton_nb.predict(run, bundle.split("test").raw(0))
    assert {box["label"] for box in answer["boxes"]} <= set(shapes.NAMES)


@pytest.mark.slow
def test_a_detector_is_deployed(many: Path) -> None:
    bundle = data.load(many)
    run = lepton_nb.train("SmallDetector", bundle, epochs=10, batch_size=8, lr=4e-3, name="shapes")
    service = lepton_nb.deploy(run)
    picture = bundle.split("test").raw(0).resize((192, 128))
    here, there = lepton_nb.predict(run, picture), service.predict(picture)
    assert here[0]["boxes"]
    assert len(there[0]["boxes"]) == len(here[0]["boxes"])
    for one, other in zip(here[0]["boxes"], there[0]["boxes"], strict=True):
        assert one["label"] == other["label"]
        assert one["box"] == pytest.approx(other["box"], abs=0.2)
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    headers = {"Authorization": f"Bearer {service.token}"}
    body = {"image": base64.b64encode(stream.getvalue()).decode()}
    sent = httpx.post(f"{service.url}/predict", json=body, headers=headers).json()
    assert sent["predictions"][0]["boxes"] == there[0]["boxes"]
    about: Any = httpx.get(f"{service.url}/openapi.json").json()
    assert "boxes" in json.dumps(about)
    service.stop()


@pytest.mark.slow
def test_real_blood_cells_are_read_and_learned_from(shared_data: Path, tmp_path: Path) -> None:
    import tarfile

    with tarfile.open(shared_data / "bccd.tar.gz") as archive:
        archive.extractall(tmp_path / "bccd", filter="data")
    bundle = data.load(tmp_path / "bccd", limit=24)
    assert bundle.signature.class_names == ("Platelets", "RBC", "WBC")
    assert bundle.signature.preprocessing["size"] == [192, 256]
    assert bundle.report.sizes == {"train": 24, "val": 24, "test": 24}
    run = lepton_nb.train("SmallDetector", bundle, epochs=2, batch_size=8, name="cells")
    _, losses = run.history()["train_loss"]
    assert losses[-1] < losses[0]


def test_the_codec_needs_no_torch() -> None:
    import subprocess
    import sys

    code = (
        "import sys; from lepton_nb.tasks import get_task; get_task('object-detection');"
        "import lepton_nb.tasks.detection.codec, lepton_nb.tasks.detection.data;"
        "assert not {'torch', 'pandas', 'matplotlib'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_signature_counts_its_classes(bundle: DataBundle) -> None:
    signature: Signature = bundle.signature
    assert signature.num_outputs == 2
    assert SmallDetector(3, 2)(bundle.example(2).inputs)["boxes"].shape == (2, 4, 8, 12)
