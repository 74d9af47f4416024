"""Pictures of coloured rectangles, written down in every way that boxes are."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor, nn

from lepton_nb.models import ModelSpec
from lepton_nb.packaging import Package
from lepton_nb.packaging.draft import write_package
from lepton_nb.packaging.manifest import Origin
from lepton_nb.signature import Signature, TensorSpec

COLOURS = {"brick": (200, 60, 40), "pond": (40, 90, 200)}
NAMES = tuple(COLOURS)


@dataclass
class Drawn:
    """A picture and its rectangles: class, then left, top, right, bottom."""

    name: str
    split: str
    size: tuple[int, int]  # width, height
    boxes: list[tuple[str, int, int, int, int]]


def draw(folder: Path, count: int = 12, *, seed: int = 0, width: int = 96, height: int = 64) -> list[Drawn]:
    """Pictures in a folder: half of them for training, the others for validation and test."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    found = []
    for i in range(count):
        noise = rng.integers(90, 130, (height, width, 3), dtype=np.uint8)
        picture = Image.fromarray(noise)
        pen, boxes = ImageDraw.Draw(picture), []
        for column in range(3):  # one in each third, so that none covers another
            label = NAMES[int(rng.integers(2))]
            side = rng.integers(14, 26, 2)
            left = int(column * width / 3 + rng.integers(0, width // 3 - 26))
            top = int(rng.integers(0, height - 26))
            box = (left, top, left + int(side[0]), top + int(side[1]))
            pen.rectangle((box[0], box[1], box[2] - 1, box[3] - 1), fill=COLOURS[label])
            boxes.append((label, *box))
        split = ("train", "train", "val", "test")[i % 4]
        picture.save(folder / f"p{i:03}.png")
        found.append(Drawn(f"p{i:03}", split, (width, height), boxes))
    return found


def voc(root: Path, drawn: list[Drawn], *, splits: bool = True) -> Path:
    (root / "Annotations").mkdir(parents=True)
    for item in drawn:
        objects = "".join(
            f"  <object>\n    <name>{label}</name>\n    <bndbox><xmin>{a}</xmin><ymin>{b}</ymin>"
            f"<xmax>{c}</xmax><ymax>{d}</ymax></bndbox>\n  </object>\n"
            for label, a, b, c, d in item.boxes
        )
        (root / "Annotations" / f"{item.name}.xml").write_text(f"<annotation>\n{objects}</annotation>\n")
    if splits:
        main = root / "ImageSets" / "Main"
        main.mkdir(parents=True)
        for split in ("train", "val", "test"):
            (main / f"{split}.txt").write_text("".join(f"{d.name}\n" for d in drawn if d.split == split))
    return root


def coco(root: Path, drawn: list[Drawn]) -> Path:
    """One JSON file a split, as its releases have them."""
    (root / "annotations").mkdir(parents=True)
    for split in ("train", "val", "test"):
        own = [item for item in drawn if item.split == split]
        annotations = [
            {
                "id": 10 * i + j,
                "image_id": i,
                "category_id": 7 + NAMES.index(label),
                "bbox": [a, b, c - a, d - b],
            }
            for i, item in enumerate(own)
            for j, (label, a, b, c, d) in enumerate(item.boxes)
        ]
        content = {
            "images": [{"id": i, "file_name": f"{item.name}.png"} for i, item in enumerate(own)],
            "annotations": annotations,
            "categories": [{"id": 7 + i, "name": name} for i, name in enumerate(NAMES)],
        }
        (root / "annotations" / f"instances_{split}.json").write_text(json.dumps(content))
    return root


def yolo(root: Path, drawn: list[Drawn], pictures: Path) -> Path:
    for item in drawn:
        width, height = item.size
        image = root / "images" / item.split / f"{item.name}.png"
        label = root / "labels" / item.split / f"{item.name}.txt"
        for path in (image, label):
            path.parent.mkdir(parents=True, exist_ok=True)
        image.write_bytes((pictures / image.name).read_bytes())
        label.write_text(
            "".join(
                f"{NAMES.index(name)} {(a + c) / 2 / width} {(b + d) / 2 / height} "
                f"{(c - a) / width} {(d - b) / height}\n"
                for name, a, b, c, d in item.boxes
            )
        )
    (root / "data.yaml").write_text(
        f"train: images/train\nnc: 2\nnames:\n  0: {NAMES[0]}\n  1: '{NAMES[1]}'\n"
    )
    return root


def table(file: Path, drawn: list[Drawn]) -> Path:
    rows = [
        f"{item.name}.png,{label},{a},{b},{c},{d},{item.split}\n"
        for item in drawn
        for label, a, b, c, d in item.boxes
    ]
    file.write_text("filename,class,xmin,ymin,xmax,ymax,split\n" + "".join(rows))
    return file


class OneBrick(nn.Module):
    """Finds a brick at the same place in every picture."""

    def __init__(self) -> None:
        super().__init__()
        heat = torch.full((2, 8, 8), -6.0)
        heat[0, 2, 2] = 3.0
        self.heat = nn.Parameter(heat)
        self.register_buffer(
            "boxes", torch.tensor([8.0, 8.0, 24.0, 32.0])[:, None, None].expand(4, 8, 8).clone()
        )

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        nothing = 0 * image.mean((1, 2, 3))[:, None, None, None]
        return {"heat": self.heat + nothing, "boxes": self.boxes + nothing}


def detector_package(path: Path) -> Package:
    """A package of `OneBrick`, which sees 64 × 64 pixels."""
    signature = Signature(
        task="object-detection",
        inputs=(TensorSpec("image", "float32", (3, 64, 64)),),
        output=TensorSpec("boxes", "float32", (None, 4)),
        further_outputs=(TensorSpec("scores", "float32", (None,)), TensorSpec("labels", "int64", (None,))),
        class_names=NAMES,
        preprocessing={
            "kind": "boxes",
            "mode": "RGB",
            "size": [64, 64],
            "fit": "stretch",
            "mean": [0.5] * 3,
            "std": [0.25] * 3,
        },
        target={"name": "target"},
    )
    path.mkdir(parents=True)
    spec = ModelSpec("live", "OneBrick")
    origin = Origin("bricks", "0", "bricks@1", "")
    write_package(path, OneBrick().eval(), (torch.randn(3, 3, 64, 64),), signature, spec, origin)
    return Package.load(path)
