"""Whether the notebook has moved on from what was captured."""

from __future__ import annotations

import linecache
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from lepton_nb.models.drift import changed_names, weights_fingerprint

CAPTURED = '''\
import torch
from torch import nn

HIDDEN = 64


def act(x):
    return x.relu()


class Net(nn.Module):
    """A net."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, HIDDEN)

    def forward(self, x):
        return act(self.fc(x))
'''


class Notebook:
    """Cells as IPython runs them: each with its own file name, its text in linecache."""

    def __init__(self) -> None:
        self.module = types.ModuleType("a_notebook")
        self.module.__file__ = str(Path(__file__).with_name("a_notebook.py"))  # a user's own
        sys.modules["a_notebook"] = self.module

    def run(self, cell: str) -> dict[str, Any]:
        name = f"<cell {len(linecache.cache)}>"
        linecache.cache[name] = (len(cell), None, cell.splitlines(keepends=True), name)
        exec(compile(cell, name, "exec"), vars(self.module))
        return vars(self.module)


@pytest.fixture
def notebook() -> Iterator[Notebook]:
    yield Notebook()
    del sys.modules["a_notebook"]


def test_what_was_captured_is_unchanged(notebook: Notebook) -> None:
    assert changed_names(CAPTURED, notebook.run(CAPTURED)) == []
    moved = CAPTURED.replace("class Net", "# a remark\n\n\nclass Net").replace(
        "nn.Linear(4, HIDDEN)", "nn.Linear( 4, HIDDEN )"
    )
    assert changed_names(CAPTURED, notebook.run(moved)) == []


@pytest.mark.parametrize(
    ("old", "new", "names"),
    [
        ("nn.Linear(4, HIDDEN)", "nn.Linear(4, HIDDEN, bias=False)", ["Net"]),
        ("x.relu()", "x.tanh()", ["act"]),
        ("HIDDEN = 64", "HIDDEN = 32", ["HIDDEN"]),
        ("HIDDEN = 64", "HIDDEN = 60 + 4", []),
    ],
)
def test_a_change_is_named(notebook: Notebook, old: str, new: str, names: list[str]) -> None:
    assert changed_names(CAPTURED, notebook.run(CAPTURED.replace(old, new))) == names


def test_what_the_notebook_does_not_have_is_not_changed() -> None:
    assert changed_names(CAPTURED, {}) == []
    assert changed_names(CAPTURED, {"Net": nn.Linear, "act": None, "HIDDEN": object()}) == []
    assert changed_names("", {"Net": 1}) == []


@pytest.mark.parametrize("width", [4, 1100])  # read whole, and sampled
def test_one_step_of_training_changes_the_fingerprint(width: int) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(width, width), nn.BatchNorm1d(width))
    before = weights_fingerprint(model)
    assert weights_fingerprint(model) == before
    model.load_state_dict({name: value.clone() for name, value in model.state_dict().items()})
    assert weights_fingerprint(model) == before, "equal weights are no change"
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    model(torch.randn(8, width)).square().sum().backward()
    optimizer.step()
    assert weights_fingerprint(model) != before


def test_models_without_weights_have_a_fingerprint_too() -> None:
    assert weights_fingerprint(nn.ReLU()) == weights_fingerprint(nn.ReLU())
