"""Objects of the user's on a `%lepton` line: found by name, dotted or local, completed, recorded."""

from __future__ import annotations

from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from lepton_nb.lab.reproduce import reproduce
from lepton_nb.magics.commands import build_parser
from lepton_nb.magics.completion import complete_line
from lepton_nb.runs import get_run

SETUP = """
import torch
import torch.nn.functional as F
import torchmetrics
from functools import partial
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset

X, y = torch.randn(48, 6), torch.arange(48) % 3
tl = DataLoader(TensorDataset(X, y), batch_size=16)
net = nn.Linear(6, 3)
sched = partial(optim.lr_scheduler.StepLR, step_size=1)
f1 = torchmetrics.F1Score(task="multiclass", num_classes=3, average="macro")
models = {"student": nn.Linear(6, 3), "other": nn.Linear(6, 3)}
opts = {name: optim.SGD(model.parameters(), 0.1) for name, model in models.items()}

class Accuracy:
    def __call__(self, outputs, target):
        return (outputs.argmax(1) == target).float().mean()

acc = Accuracy()

def step(models, batch, optimizers):
    x, y = batch
    loss = F.cross_entropy(models["student"](x), y)
    optimizers["student"].zero_grad()
    loss.backward()
    optimizers["student"].step()
    return {"loss": loss}

def inside():
    scale = 2.0
    def own(outputs, target):
        return scale * F.cross_entropy(outputs, target)
    run = %lepton train net --train tl --val tl --epochs 1 --loss own --name inside
    return run
"""


@pytest.fixture
def shell(lepton_home: Any) -> InteractiveShell:
    found = InteractiveShell.instance()
    found.run_line_magic("load_ext", "lepton_nb")
    assert found.run_cell(SETUP).success
    return found


def test_they_are_taken_by_name(shell: InteractiveShell) -> None:
    line = "%lepton train net --train tl --val tl --epochs 2"
    cells = [
        f"{line} --scheduler sched --metric f1 --metric acc --monitor acc --name both",
        f"{line} --loss F.cross_entropy --name dotted",
        f"{line} --loss nn.CrossEntropyLoss() --name named",
        "inside();",
        "%lepton train models --train tl --val tl --epochs 1 --step step --optimizer opts --name stepped",
        "%lepton resume stepped --epochs 2",
        "%lepton tune net --train tl --val tl --epochs 1 --search lr=0.1|0.2 --trials 1 --metric f1",
    ]
    for cell in cells:
        result = shell.run_cell(cell)
        assert result.success, (cell, result.error_in_exec)
    assert {"val_f1", "val_acc"} <= set(get_run("both").history())
    assert (get_run("both").monitor, get_run("both").params["schedule"]) == ("val_acc", "StepLR")
    assert get_run("dotted").params["loss"] == "cross_entropy"
    assert (get_run("stepped").epoch, get_run("stepped").params["optimizer"]) == (2, "SGD and SGD")


def test_the_cells_that_train_it_again_name_them(shell: InteractiveShell) -> None:
    shell.run_cell(
        "%lepton train net --train tl --val tl --epochs 1 --scheduler sched --metric f1 --name again"
    )
    *cells, line = reproduce(get_run("again"))
    assert "--scheduler scheduler --metric f1" in line
    assert "--schedule " not in line
    assert any("your own StepLR. Make it again here:\nscheduler = ..." in cell for cell in cells)


@pytest.mark.parametrize(
    ("option", "name"),
    [
        ("--scheduler", "sched"),
        ("--metric", "f1"),
        ("--step", "step"),
        ("--optimizer", "opts"),
        ("", "models"),
    ],
)
@pytest.mark.parametrize("command", ["train", "tune"])
def test_tab_offers_them(shell: InteractiveShell, command: str, option: str, name: str) -> None:
    typed = f"{command} {option} ".replace("  ", " ") if option else f"{command} "
    _, found = complete_line(build_parser(), typed, shell.user_ns)
    assert name in [text for text, _ in found]
