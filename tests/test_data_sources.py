"""Sources by name and by kind: torchvision's sets, `load`, `from_spec`, and what neither understands."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, TensorDataset

from lepton_nb.data import digits, from_spec, load, torchvision
from lepton_nb.errors import ArgumentError, DataError, LeptonError


@pytest.fixture
def mnist(tmp_path: Path) -> Path:
    """MNIST's files with 60 + 20 random pictures in them."""
    raw = tmp_path / "sets" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for part, count in (("train", 60), ("t10k", 20)):
        pixels = rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        labels = (np.arange(count) % 10).astype(np.uint8)
        (raw / f"{part}-images-idx3-ubyte").write_bytes(
            struct.pack(">IIII", 0x803, count, 28, 28) + pixels.tobytes()
        )
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(struct.pack(">II", 0x801, count) + labels.tobytes())
    return tmp_path / "sets"


def test_a_torchvision_set_loads_by_its_name_in_any_case(mnist: Path) -> None:
    bundle = load("mnist", root=mnist, download=False)
    assert bundle.name == "MNIST"
    assert bundle.report.sizes == {"train": 50, "val": 10, "test": 20}
    assert bundle.signature.class_names[:2] == ("0 - zero", "1 - one")
    assert bundle.signature.inputs[0].shape == (1, 28, 28)
    assert bundle.train.raw(0).size == (28, 28)
    assert bundle.spec is not None
    spec = json.loads(json.dumps(bundle.spec))
    assert from_spec(spec).fingerprint == bundle.fingerprint


def test_fake_data_has_the_size_and_classes_asked_for() -> None:
    bundle = torchvision("FakeData", size=40, num_classes=4, image_size=16, augment="standard", limit=20)
    assert bundle.signature.inputs[0].shape == (3, 16, 16)
    assert bundle.signature.class_names == ("0", "1", "2", "3")
    assert bundle.report.sizes == {"train": 20, "val": 4, "test": 8}
    assert "Random pixels" in str(bundle.report)
    assert bundle.spec is not None
    again = from_spec(json.loads(json.dumps(bundle.spec)))
    torch.testing.assert_close(again.example(), bundle.example())


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("MNIST", {"download": False}, r"(?s)MNIST is not in .*download is off.*download=True"),
        ("MNITS", {}, "Did you mean 'MNIST'"),
        ("ImageFolder", {}, "Give the folder's path"),
        ("FakeData", {"sise": 3}, "(?s)takes no 'sise'.*Did you mean 'size'"),
        ("EMNIST", {}, "EMNIST needs split="),
        ("FakeData", {"size": 0}, "has no items"),
        ("FakeData", {"size": 30, "num_classes": 1, "image_size": 4}, "one class"),
    ],
)
def test_a_set_that_cannot_be_had_is_explained(name: str, options: dict[str, Any], expected: str) -> None:
    with pytest.raises(DataError, match=expected):
        torchvision(name, **options)


def test_the_digits_are_real_and_the_same_everywhere() -> None:
    bundle = load("digits")
    assert bundle.report.sizes == {"train": 1291, "val": 155, "test": 351}
    assert bundle.signature.class_names == tuple("0123456789")
    assert bundle.signature.preprocessing["mode"] == "L"
    assert bundle.signature.inputs[0].shape == (1, 8, 8)
    picture = bundle.train.raw(0)
    assert isinstance(picture, Image.Image)
    assert picture.getextrema() == (0, 255)  # 16 of 16
    spec = json.loads(json.dumps(bundle.spec))
    assert from_spec(spec).fingerprint == bundle.fingerprint
    assert digits(seed=1).fingerprint != bundle.fingerprint


def write_table(path: Path, header: str, row: str) -> Path:
    path.write_text(header + "\n" + "".join(row.format(i=i, k="ab"[i % 2]) + "\n" for i in range(60)))
    return path


def test_the_kind_of_a_file_follows_from_what_is_in_it(tmp_path: Path) -> None:
    reviews = write_table(tmp_path / "r.csv", "review,label", "this is the review number {i},{k}")
    assert load(reviews).task.name == load(reviews, name="mine").task.name == "text-classification"
    table = write_table(tmp_path / "t.csv", "n,m,label", "{i}.5,{i},{k}")
    assert load(str(table)).task.name == "tabular-classification"
    mixed = write_table(tmp_path / "m.csv", "n,note,label", "{i}.5,a note that is long {i},{k}")
    assert load(mixed).task.name == "tabular-classification"
    assert load(mixed, text="note").task.name == "text-classification"
    assert load(mixed, task="text-classification", target="label").signature.target == {"name": "label"}
    lines = tmp_path / "l.tsv"
    lines.write_text("".join(f"some text of line {i}\t{i % 2}\n" for i in range(40)))
    assert load(lines).task.name == "text-classification"
    headed = write_table(tmp_path / "h.tsv", "a\tkind", "{i}.25\t{k}")
    assert load(headed).signature.target == {"name": "kind"}


def test_objects_are_read_by_their_type() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"a": rng.random(40), "text": [f"some words here {i}" for i in range(40)], "y": [0, 1] * 20}
    )
    assert load(frame).task.name == "tabular-classification"
    assert load(frame, text="text", label="y").task.name == "text-classification"
    x, y = torch.rand(40, 3), torch.arange(40) % 2
    assert load((x, y)).task.name == "tabular-classification"
    assert load([x.numpy(), y.numpy()]).task.name == "tabular-classification"
    assert load(DataLoader(TensorDataset(x, y), batch_size=8)).report.sizes == {"train": 40}
    assert list(load(TensorDataset(x, y)).splits) == ["train", "val", "test"]
    pair = (
        DataLoader(TensorDataset(x, y), batch_size=8),
        DataLoader(TensorDataset(x[:8], y[:8]), batch_size=8),
    )
    assert load(pair).report.sizes == {"train": 40, "val": 8}


@pytest.mark.parametrize(
    ("source", "options", "error", "expected"),
    [
        ("digit", {}, DataError, "Did you mean 'digits'"),
        ("CIFAR11", {}, DataError, "Did you mean 'CIFAR10'"),
        ("no/such/folder", {}, DataError, "There is no file or folder 'no/such/folder'"),
        (None, {}, DataError, "Cannot read data from a NoneType"),
        ([1, 2, 3], {}, DataError, "Cannot read data from a list of 3"),
        ({"a": 1}, {}, DataError, "Cannot read data from a dict"),
        ("digits", {"target": "x"}, ArgumentError, "The digits take no option 'target'"),
        ("digits", {"augmnt": "none"}, ArgumentError, "Did you mean 'augment'"),
    ],
)
def test_a_source_or_option_that_is_not_known_is_explained(
    source: Any, options: dict[str, Any], error: type[LeptonError], expected: str
) -> None:
    with pytest.raises(error, match=expected):
        load(source, **options)


def test_files_of_other_kinds_are_refused(tmp_path: Path) -> None:
    picture = tmp_path / "one.png"
    Image.new("L", (4, 4)).save(picture)
    with pytest.raises(DataError, match="is one picture"):
        load(picture)
    archive = tmp_path / "data.pkl"
    archive.write_bytes(b"what may run code")
    with pytest.raises(DataError, match=r"(?s)is no file this reads.*pd\.read_pickle\('data\.pkl'\)"):
        load(archive)


def test_every_source_ignores_a_progress_it_has_no_use_for() -> None:
    assert load("digits", progress=lambda done, total: None, limit=50).report.sizes["train"] == 50


def test_a_bundle_of_objects_has_no_spec() -> None:
    assert load((torch.rand(40, 3), torch.arange(40) % 2)).spec is None


def test_a_task_that_goes_without_saying_may_be_said() -> None:
    assert load("digits", task="image-classification", limit=50).task.name == "image-classification"
    with pytest.raises(ArgumentError, match="take no option 'task'"):
        load("digits", task="regression")
