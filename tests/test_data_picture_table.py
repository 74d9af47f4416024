"""Pictures whose labels stand in a table: what is found, guessed, left out and named."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

import lepton_nb
from lepton_nb import data
from lepton_nb.errors import DataError

SEVERAL = "multi-label-classification"
COLOURS = ("red", "green", "blue")


def held(i: int) -> list[str]:
    return [name for bit, name in enumerate(COLOURS) if i >> bit & 1]


def paint(folder: Path, count: int = 64) -> Path:
    """Pictures that are of the colours which their number says, each with noise of its own."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for i in range(count):
        light = np.array([200 if name in held(i) else 40 for name in COLOURS])
        pixels = (light + rng.integers(-30, 30, (8, 8, 3))).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"p{i:02}.png")
    return folder


def write(file: Path, header: str, rows: Sequence[Any]) -> Path:
    file.write_text("\n".join([header, *map(str, rows)]) + "\n")
    return file


def joined(count: int = 64, name: str = "images/p{:02}.png") -> list[str]:
    return [f"{name.format(i)},{'|'.join(held(i))}" for i in range(count)]


def ones(count: int = 64) -> list[str]:
    return [f"p{i:02}.png,{','.join(str(int(c in held(i))) for c in COLOURS)}" for i in range(count)]


def said(bundle: data.DataBundle) -> str:
    return "\n".join(" ".join([finding.text, *finding.examples]) for finding in bundle.report.findings)


def test_a_folder_of_pictures_with_a_table_of_labels_is_trained_on_measured_and_asked(
    tmp_path: Path, lepton_home: Path
) -> None:
    paint(tmp_path / "images")
    table = write(tmp_path / "labels.csv", "file,tags", joined())
    bundle = data.load(str(tmp_path))
    assert bundle.signature.task == SEVERAL
    assert bundle.signature.class_names == ("blue", "green", "red")
    assert bundle.signature.preprocessing["kind"] == "image"
    assert data.load(str(table)).fingerprint == bundle.fingerprint
    assert data.from_spec(json.loads(json.dumps(bundle.spec))).fingerprint == bundle.fingerprint
    for name, split in bundle.splits.items():
        assert (split.targets > 0).any(dim=0).all(), name
    run = lepton_nb.train(None, bundle, epochs=8, lr=1e-2)
    measured = lepton_nb.evaluate(run, str(tmp_path))
    assert len(measured.target) == 64
    assert measured.metrics["f1_macro"] > 0.8
    assert lepton_nb.evaluate(run, str(table)).metrics == pytest.approx(measured.metrics)
    (answer,) = lepton_nb.predict(run, str(tmp_path / "images" / "p05.png"))
    assert set(answer["scores"]) == set(COLOURS)


@pytest.mark.parametrize("target", [None, "red,green,blue"])
def test_columns_of_zeros_and_ones_beside_the_names_are_labels(tmp_path: Path, target: str | None) -> None:
    images = paint(tmp_path / "elsewhere")
    table = write(tmp_path / "rows.csv", "picture,red,green,blue", ones())
    bundle = data.load(str(table), images=str(images), target=target)
    assert (bundle.signature.task, bundle.signature.class_names) == (SEVERAL, COLOURS)
    assert data.from_spec(bundle.spec).fingerprint == bundle.fingerprint


def test_names_without_their_ending_a_class_and_parts_of_a_column(tmp_path: Path) -> None:
    paint(tmp_path / "images")
    parts = ["train", "Validation", "test", "train", "later"]
    rows = [f"p{i:02},{'odd' if i % 2 else 'even'},{i},{parts[i % 5]}" for i in range(64)]
    write(tmp_path / "labels.csv", "id,class,number,split", rows)
    bundle = data.load(str(tmp_path))
    assert (bundle.signature.task, bundle.signature.class_names) == ("image-classification", ("even", "odd"))
    assert bundle.report.sizes == {"train": 26, "val": 13, "test": 13}
    assert "12 rows whose 'split' is neither train, val nor test left out." in said(bundle)
    asked = data.load(str(tmp_path), task="binary-classification")
    assert asked.signature.task == "binary-classification"


def test_pictures_of_a_group_stay_together(tmp_path: Path) -> None:
    paint(tmp_path / "images")
    rows = [f"p{i:02}.png,{'odd' if i % 2 else 'even'},child{i % 9}" for i in range(64)]
    table = write(tmp_path / "labels.csv", "file,class,who", rows)
    bundle = data.load(str(table), group="who", target="class", test_fraction=0.3)
    assert "9 groups, none divided" in said(bundle)


def test_tables_by_split_keep_their_parts(tmp_path: Path) -> None:
    paint(tmp_path / "images")
    write(tmp_path / "train.csv", "file,tags", joined()[:48])
    write(tmp_path / "test.csv", "file,tags", joined()[48:])
    bundle = data.load(str(tmp_path))
    assert bundle.signature.task == SEVERAL
    assert bundle.report.sizes["test"] == 16


def test_missing_pictures_missing_labels_and_pictures_without_a_row_are_named_and_counted(
    tmp_path: Path,
) -> None:
    paint(tmp_path / "images")
    rows = [*(f"{row.split(',')[0]},{'one' if i % 2 else 'two'}" for i, row in enumerate(joined(60)))]
    rows[3:3] = ["images/gone.png,one", '"images/p61.png",', ",two"]
    (tmp_path / "images" / "p62.png").write_bytes(b"no picture")
    table = write(tmp_path / "labels.csv", "file,class", [*rows, "images/p62.png,one"])
    bundle = data.load(str(table))
    text = said(bundle)
    assert "2 rows whose picture is not there left out. labels.csv, line 5: images/gone.png" in text
    assert "1 row without a label left out. labels.csv, line 6: images/p61.png" in text
    assert "2 pictures without a row left alone. images/p60.png images/p63.png" in text
    assert "p62.png" in text
    assert sum(bundle.report.sizes.values()) == 60


def test_a_two_among_labels_is_named_with_file_and_line(tmp_path: Path) -> None:
    paint(tmp_path / "images")
    rows = ones()
    rows[7] = "p07.png,1,2,1"
    table = write(tmp_path / "labels.csv", "picture,red,green,blue", ["", *rows])
    with pytest.raises(
        DataError, match=r"holds 2 in labels\.csv, line 10 for 'green', expected 0 or 1 \(1 such"
    ):
        data.load(str(table))
    plain = write(
        tmp_path / "plain.csv", "words,red,green,blue", [f'"a\nb {row[:3]}"{row[7:]}' for row in rows]
    )
    for options in ({"task": SEVERAL}, {"text": "words"}):
        with pytest.raises(DataError, match=r"plain\.csv, line 16 for 'green'"):
            data.load(str(plain), target="red,green,blue", **options)


def test_labels_in_a_row_each_are_joined(tmp_path: Path) -> None:
    paint(tmp_path / "images")
    rows = [f"images/p{i:02}.png,{name}" for i in range(64) for name in held(i)]
    table = write(tmp_path / "labels.csv", "file,label", rows)
    bundle = data.load(str(table), task=SEVERAL)
    whole = data.load(str(write(tmp_path / "other.csv", "file,label", joined())), task=SEVERAL)
    assert f"{len(rows) - 56} rows of a picture that has another" in said(bundle)
    assert sum(bundle.report.sizes.values()) == 56
    assert bundle.signature.class_names == whole.signature.class_names


@pytest.mark.parametrize(
    ("header", "rows", "message"),
    [
        ("file,a,b", ["images/p01.png,some,thing"], "Which of 'a', 'b' is the label"),
        ("file", ["images/p01.png"], "Which of no other columns is the label"),
        ("file,a", ["images/none.png,x"], "No column of labels.csv names pictures in"),
        ("file,a", ["images/p01.png,0.5", "images/p02.png,0.7", "images/p03.png,0.9"], "not quantities"),
    ],
)
def test_what_cannot_be_read_is_told(tmp_path: Path, header: str, rows: list[str], message: str) -> None:
    paint(tmp_path / "images", 4)
    table = write(tmp_path / "labels.csv", header, rows)
    options = {"task": "regression"} if "quantities" in message else {}
    with pytest.raises(DataError, match=message):
        data.picture_table(str(table), **options)


def test_tables_and_class_folders_beside_pictures_stay_what_they_were(tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        paint(tmp_path / "classes" / name, 20)
    write(tmp_path / "classes" / "notes.csv", "file,who", [f"cat/p{i:02}.png,me" for i in range(20)])
    assert data.load(str(tmp_path / "classes")).signature.class_names == ("cat", "dog")
    paint(tmp_path / "plots", 2)
    numbers = write(
        tmp_path / "plots" / "numbers.csv", "a,b,c", [f"{i},{i * 7 % 5},{i % 2}" for i in range(60)]
    )
    assert data.load(str(numbers)).signature.task == "tabular-classification"


def names() -> list[str]:
    return [f"images/p{i:02}.png" for i in range(64)]


def test_a_data_frame_names_pictures_as_a_file_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paint(tmp_path / "images")
    file = write(tmp_path / "labels.csv", "file,kind", [f"{name},{i % 2}" for i, name in enumerate(names())])
    table = pd.read_csv(file)
    of_file = data.load(file)
    monkeypatch.chdir(tmp_path)
    for of_frame in (
        data.load(table),
        data.load(table, images=tmp_path, target="kind"),
        data.load(table.assign(file=[str(tmp_path / name) for name in table["file"]])),
    ):
        assert of_frame.task.name == "image-classification"
        assert of_frame.report.sizes == of_file.report.sizes
        assert torch.equal(of_frame.example(4).inputs, of_file.example(4).inputs)
    table.loc[3, "file"] = "images/gone.png"
    assert "row 3: images/gone.png" in said(data.load(table))


def test_a_data_frame_whose_pictures_are_elsewhere_says_how_to_find_them(tmp_path: Path) -> None:
    table = pd.DataFrame({"file": [f"p{i}.png" for i in range(20)], "kind": ["a", "b"] * 10})
    with pytest.raises(DataError, match=r"(?s)No column.*images='FOLDER'"):
        data.load(table, target="kind")


def test_frames_by_split_keep_their_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paint(tmp_path / "images")
    monkeypatch.chdir(tmp_path)
    table = pd.DataFrame({"file": names(), "kind": [str(i % 2) for i in range(64)]})
    bundle = data.load({"train": table[:40], "test": table[40:]})
    assert bundle.report.sizes["test"] == 24
