"""Tasks are found, need one file, and cost a serving process next to nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import lepton_nb.tasks
from lepton_nb.errors import ArgumentError
from lepton_nb.signature import Signature, TensorSpec
from lepton_nb.tasks import get_task, task_names

OWN = [
    "binary-classification",
    "image-classification",
    "multi-label-classification",
    "object-detection",
    "tabular-classification",
    "tabular-regression",
    "text-classification",
    "translation",
]
ONE_FILE = '''
"""A value for each picture."""

from lepton_nb.tasks.images import ImageCodec
from lepton_nb.tasks.regression import Regression


class ImageRegression(Regression):
    name = "image-regression"
    title = "Image regression"
    codec_type = ImageCodec

    def starters(self):
        return {"SmallCNN": small_cnn}


def small_cnn(signature):
    from lepton_nb.models import SmallCNN

    return SmallCNN(in_channels=signature.inputs[0].shape[0], num_classes=signature.num_outputs)
'''
SIGNATURE = Signature(
    "image-regression",
    (TensorSpec("image", "float32", (1, 8, 8)),),
    TensorSpec("values", "float32", (1,)),
    preprocessing={"kind": "image", "mode": "L", "size": [8, 8], "mean": [0.5], "std": [0.5]},
    target={"name": "age", "mean": 40.0, "std": 10.0},
)


@pytest.fixture
def forget_modules() -> Iterator[None]:
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if "image_regression" in name:
            del sys.modules[name]


def check_works() -> None:
    """Build, train one step, score and answer with the added task."""
    task = get_task("image-regression")
    codec = task.codec(SIGNATURE)
    (batch,) = codec.decode_json(codec.example())
    model = task.starters()["SmallCNN"](SIGNATURE).eval()
    preds = model(torch.from_numpy(batch))
    target = torch.zeros(1, 1)
    task.make_loss(SIGNATURE)(preds, target).backward()
    meter = task.meter(SIGNATURE)
    meter.update(preds, target)
    assert meter.compute().keys() == {"rmse", "mae"}
    (answer,) = codec.encode((preds.detach().numpy(),))
    assert answer["name"] == "age"
    assert answer["value"] == pytest.approx(preds.item() * 10.0 + 40.0, rel=1e-6)


def test_the_tasks_are_found() -> None:
    assert {*OWN, "generic"} <= set(task_names())
    for name in OWN:
        task = get_task(name)
        assert task.name == name
        assert task.starters()


def test_an_unknown_task_suggests_the_nearest() -> None:
    with pytest.raises(ArgumentError) as caught:
        get_task("image-clasification")
    assert caught.value.hint == "Did you mean 'image-classification'?"


@pytest.mark.usefixtures("forget_modules")
def test_one_file_in_the_package_adds_a_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "image_regression.py").write_text(ONE_FILE)
    monkeypatch.setattr(lepton_nb.tasks, "__path__", [*lepton_nb.tasks.__path__, str(tmp_path)])
    assert "image-regression" in task_names()
    check_works()


@pytest.mark.usefixtures("forget_modules")
def test_another_package_adds_a_task_by_entry_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_image_regression.py").write_text(ONE_FILE)
    info = tmp_path / "my_tasks-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-tasks\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[lepton_nb.tasks]\n"
        "image-regression = my_image_regression:ImageRegression\n"
        "broken = no_such_module:Task\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert {"broken", "image-regression"} <= set(task_names())
    check_works()
    with pytest.raises(ArgumentError, match="'broken' of my-tasks cannot be loaded: No module named"):
        get_task("broken")


def test_using_every_codec_loads_nothing_heavy() -> None:
    """What a serving process runs: no torch, no plotting, no pandas, no notebook."""
    code = """
import sys
import numpy as np
from lepton_nb.signature import Signature, TensorSpec
from lepton_nb.tasks import get_task, task_names

def use(task, spec, outputs, preprocessing, names=()):
    signature = Signature(task, (spec,), TensorSpec("out", "float32", (outputs,)), names, preprocessing)
    codec = get_task(task).codec(signature)
    batch, = codec.decode_json(codec.example())
    assert batch.shape == (1, *spec.shape), batch.shape
    codec.encode((np.zeros((1, outputs), np.float32),))
    codec.request_schema(), codec.answer_schema()

task_names()
image = {"kind": "image", "mode": "L", "size": [8, 8], "mean": [0.5], "std": [0.5]}
use("image-classification", TensorSpec("image", "float32", (1, 8, 8)), 2, image, ("a", "b"))
use("image-classification", TensorSpec("image", "float32", (1, 8, 8)), 2, {"kind": "tensor"}, ("a", "b"))
table = {"kind": "table", "columns": [{"name": "x", "kind": "number", "mean": 0, "std": 1, "fill": 0}]}
use("tabular-classification", TensorSpec("features", "float32", (1,)), 2, table, ("a", "b"))
use("tabular-regression", TensorSpec("features", "float32", (1,)), 1, table)
heavy = {"torch", "torchvision", "matplotlib", "pandas", "plotly", "sklearn", "IPython", "ipywidgets"}
assert "tokenizers" not in sys.modules
from tokenizers import Tokenizer, models
words = Tokenizer(models.WordLevel({"a": 0, "b": 1}, unk_token="b")).to_str()
text = {"kind": "text", "tokenizer": words, "max_length": 4, "pad_id": 0}
use("text-classification", TensorSpec("input_ids", "int64", (4,)), 2, text, ("a", "b"))
print(sorted(heavy & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
