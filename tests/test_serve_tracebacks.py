"""A failing model's traceback in the log names the cell and the line the user wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lepton_nb import models
from lepton_nb.models import ModelSpec
from lepton_nb.models.loading import evaluate_source
from lepton_nb.serve.tracebacks import print_error

CELLS = [
    "",
    "from torch import nn",
    """\
# A helper of another cell.

def check(marks):
    if 55.0 in marks:
        raise ValueError("fifty-five is not a picture")
""",
    """\
# The model.


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(64, 3)

    def forward(self, x):
        check(x.flatten(1)[:, 0].tolist())
        return self.fc(x.flatten(1))
""",
]


def notebook() -> dict[str, Any]:
    """The variables of a notebook that ran the cells, each as IPython compiles it."""
    import linecache

    namespace: dict[str, Any] = {"__name__": "__main__", "In": CELLS}
    for number, cell in enumerate(CELLS):
        file = f"<ipython cell {number}>"
        linecache.cache[file] = (len(cell), None, cell.splitlines(keepends=True), file)
        exec(compile(cell, file, "exec"), namespace)
    return namespace


@pytest.fixture
def spec() -> ModelSpec:
    found = models.model("Net", namespace=notebook()).spec
    assert found.kind == "source"
    return ModelSpec.from_dict(found.to_dict())


def test_a_spec_knows_where_its_statements_stood(spec: ModelSpec) -> None:
    lines = spec.source.splitlines()
    placed = {lines[start - 1]: (file, line) for start, file, line in spec.places}
    assert placed["def check(marks):"] == ("Cell In[2]", 3)
    assert placed["class Net(nn.Module):"] == ("Cell In[3]", 4)


def test_a_traceback_starts_at_the_users_line_and_names_the_cell(
    spec: ModelSpec, capsys: pytest.CaptureFixture[str]
) -> None:
    import torch

    model = spec.build()
    inputs = torch.zeros(1, 1, 8, 8)
    inputs[0, 0, 0, 0] = 55.0
    try:
        model(inputs)
    except ValueError as error:
        print_error(error)
    shown = capsys.readouterr().err
    assert shown.splitlines()[:3] == [
        "Traceback (most recent call last):",
        '  File "Cell In[3]", line 10, in forward',
        "    check(x.flatten(1)[:, 0].tolist())",
    ]
    assert '  File "Cell In[2]", line 5, in check' in shown
    assert '    raise ValueError("fifty-five is not a picture")' in shown
    assert "torch/nn/modules" not in shown.partition("Cell In[3]")[0]
    assert shown.endswith("ValueError: fifty-five is not a picture\n")


def test_errors_without_the_users_code_are_shown_whole(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        raise KeyError("ours") from ValueError("the cause")
    except KeyError as error:
        print_error(error)
    shown = capsys.readouterr().err
    assert Path(__file__).name in shown
    assert "ValueError: the cause" in shown


def test_source_without_places_still_has_its_lines(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        evaluate_source("def f():\n    return 1 / 0\n", "f()")
    except ZeroDivisionError as error:
        print_error(error)
    shown = capsys.readouterr().err
    assert "    return 1 / 0" in shown
    assert "line 2, in f" in shown
