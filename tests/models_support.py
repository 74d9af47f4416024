"""A notebook without Jupyter: cells run in one namespace, and leave their text where IPython leaves it."""

from __future__ import annotations

import ast
import itertools
import linecache
import textwrap
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lepton_nb.errors import ModelError
from lepton_nb.models import CheckReport, Definition, check_model, model
from lepton_nb.models.check import construct

_numbers = itertools.count(1)


class Notebook:
    """Runs cells the way ipykernel does: each statement compiled by itself, its text in `linecache`."""

    def __init__(self, *cells: str) -> None:
        self.namespace: dict[str, Any] = {"__name__": "__main__"}
        self.cells: list[str] = []
        self.run("import torch\nimport torch.nn.functional as F\nfrom torch import nn")
        for cell in cells:
            self.run(cell)

    def run(self, cell: str, flags: int = 0) -> None:
        text = textwrap.dedent(cell).strip() + "\n"
        filename = f"<ipython-input-{len(self.cells) + 1}-{next(_numbers)}>"
        linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
        self.cells.append(text)
        for node in ast.parse(text).body:
            exec(compile(ast.Module([node], []), filename, "exec", flags, dont_inherit=True), self.namespace)

    def __getitem__(self, name: str) -> Any:
        return self.namespace[name]

    def define(self, target: Any, **options: Any) -> Definition:
        """`model()` on a variable of the notebook, or on an object."""
        if isinstance(target, str):
            target = self.namespace.get(target, target)
        return model(target, namespace=self.namespace, cells=self.cells, **options)


def module_cell(init: str, forward: str) -> str:
    """A cell with a class `Net` of these bodies."""
    return (
        "class Net(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        + textwrap.indent(textwrap.dedent(init).strip("\n"), " " * 8)
        + "\n    def forward(self, x):\n"
        + textwrap.indent(textwrap.dedent(forward).strip("\n"), " " * 8)
    )


LABELS = torch.tensor([0, 9, 3, 2])


def images(channels: int = 3, size: int = 32) -> Tensor:
    return torch.randn(4, channels, size, size)


def rows(features: int = 3) -> Tensor:
    return torch.randn(4, features)


def ids(length: int = 7, vocabulary: int = 50) -> Tensor:
    return torch.randint(0, vocabulary, (4, length))


def check(
    cell: str, inputs: Any, target: Tensor = LABELS, loss: Any = None, classes: int | None = 10
) -> CheckReport:
    """Run a cell that defines `Net`, as the second of a notebook, and check the model on a batch of four."""
    network = construct(Notebook(cell)["Net"], "Net", {})
    return check_model(network, inputs, target, loss=loss or nn.CrossEntropyLoss(), num_classes=classes)


def mistake(*args: Any, **options: Any) -> ModelError:
    """The error of a check that must fail: one or two lines."""
    with pytest.raises(ModelError) as caught:
        check(*args, **options)
    assert len(str(caught.value).split("\n")) <= 2
    return caught.value


def net(outputs: str, result: str) -> str:
    """A cell with a class `Net` of one layer with four inputs."""
    return module_cell(f"self.fc = nn.Linear(4, {outputs})", f"return {result}")
