"""Every task keeps the contract, and what does not is told by `check_task` in what it does not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from lepton_nb import data
from lepton_nb.tasks import task_names
from lepton_nb.tasks.meters import Mean
from lepton_nb.tasks.tabular import TabularClassification
from lepton_nb.testing import ConformanceError, check_task
from tests import detection_support as shapes
from tests.figures import make
from tests.tagging_support import conll
from tests.training_helpers import blobs


def folder(path: Path, name: str) -> Path:
    made = path / name
    made.mkdir()
    return made


SAMPLES: dict[str, Callable[[Path], Any]] = {
    "binary-classification": lambda path: make.labels(1),
    "image-classification": lambda path: make.pictures(),
    "multi-label-classification": lambda path: make.labels(3),
    "object-detection": lambda path: data.load(shapes.voc(path, shapes.draw(path / "JPEGImages"))),
    "text-classification": lambda path: make.texts(folder(path, "texts")),
    "tabular-classification": lambda path: make.rows("classes", folder(path, "rows")),
    "tabular-regression": lambda path: make.rows("value", folder(path, "rows")),
    "token-classification": lambda path: data.load(conll(path / "people.conll")),
    "translation": lambda path: make.pairs(path),
}


def test_every_task_has_a_sample_here() -> None:
    assert set(SAMPLES) | {"generic"} == set(task_names())


@pytest.mark.slow
@pytest.mark.parametrize("name", SAMPLES)
def test_a_task_keeps_the_contract(name: str, tmp_path: Path) -> None:
    bundle = SAMPLES[name](tmp_path)
    assert bundle.task.name == name
    check_task(bundle)


@pytest.mark.slow
def test_what_we_do_not_know_keeps_it_with_a_loss_of_the_users() -> None:
    pictures = torch.randn(8, 3, 6, 6)
    targets = (pictures[:, :1] > 0).float().expand(-1, 2, -1, -1)
    bundle = data.loaders(DataLoader(TensorDataset(pictures, targets), batch_size=4))
    assert bundle.task.name == "generic"
    signature = bundle.signature
    output = type(signature.output)("outputs", "float32", (2, 6, 6))
    bundle.signature = type(signature)(**{**vars(signature), "output": output})
    check_task(bundle, nn.Conv2d(3, 2, 3, padding=1), nn.BCEWithLogitsLoss())


class Broken(TabularClassification):
    """Wrong in one thing, which the test says."""

    name = "broken"


def broken(monkeypatch: pytest.MonkeyPatch, **parts: Any) -> Any:
    bundle = blobs()
    for name, part in parts.items():
        monkeypatch.setattr(Broken, name, part, raising=False)
    bundle.__dict__["task"] = Broken()
    return bundle


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        (
            {"meter": lambda self, signature: Mean(lambda o, t: {"accuracy": (float(len(t) ** 2), 1.0)})},
            "broken, meter: accuracy is 36.0 at once and 9.0 merged",
        ),
        ({"monitor": "val_f1"}, "the monitor val_f1 is none of"),
        (
            {"objective": lambda self, signature, loss: lambda model, batch: (torch.zeros(()), None)},
            "broken, objective: RuntimeError",
        ),
        (
            {"item_errors": lambda self, preds, target, signature: torch.zeros(2)},
            "there are 2 errors of 6 items",
        ),
    ],
)
def test_what_is_not_as_it_must_be_is_told(
    parts: dict[str, Any], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConformanceError, match=said):
        check_task(broken(monkeypatch, **parts))
