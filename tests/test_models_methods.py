"""Methods and values that a class was given after its definition travel with it."""

from __future__ import annotations

import types

import pytest
import torch

from tests.models_support import Notebook, rows

BARE = """
class Net(nn.Module):
    scale = 1.0

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 3)
"""
FORWARD = "def forward(self, x):\n    return self.fc(x) * self.scale"
ADD = """
def add_to_class(cls):
    def wrapper(f):
        setattr(cls, f.__name__, f)
    return wrapper
"""
PATCH = """
def patch(f):
    cls = next(iter(f.__annotations__.values()))
    setattr(cls, f.__name__, f)
"""
AFTERWARDS = {
    "assigned": (f"{FORWARD}\nNet.forward = forward",),
    "assigned under another name": ("def run(self, x):\n    return self.fc(x)\nNet.forward = run",),
    "add_to_class": (ADD, f"@add_to_class(Net)\n{FORWARD}"),
    "patch": (PATCH, "@patch\ndef forward(self: Net, x):\n    return self.fc(x)"),
    "replaced": (
        f"{BARE}\n    def forward(self, x):\n        return self.fc(x)",
        "def forward(self, x):\n    return -self.fc(x)\nNet.forward = forward",
    ),
    "what it needs": (
        "HALF = 0.5\ndef halve(x):\n    return x * HALF",
        "def forward(self, x):\n    return halve(self.fc(x))\nNet.forward = forward\ndel forward",
    ),
    "a property and a static method": (
        "def half(self):\n    return 0.5\nNet.half = property(half)\ndel half",
        "def twice(x):\n    return 2 * x\nNet.twice = staticmethod(twice)\ndel twice",
        "def forward(self, x):\n    return self.twice(self.fc(x)) * self.half\nNet.forward = forward",
    ),
    "a value": (f"{FORWARD}\nNet.forward = forward\nNet.scale = 3.0",),
    "a new value": (
        "Net.shift = 2.0\ndef forward(self, x):\n    return self.fc(x) + self.shift\nNet.forward = forward",
    ),
    "a text over lines": (
        'def forward(self, x):\n    """One\n    two."""\n    words = """a\nb"""\n'
        "    return self.fc(x) + len(words)\nNet.forward = forward",
    ),
}


@pytest.mark.parametrize("cells", AFTERWARDS.values(), ids=AFTERWARDS)
def test_the_rebuilt_class_answers_as_the_one_in_the_notebook(cells: tuple[str, ...]) -> None:
    notebook = Notebook(BARE, *cells)
    spec = notebook.define("Net").spec
    assert (spec.kind, spec.missing) == ("source", [])
    model, again = notebook["Net"](), spec.build()
    again.load_state_dict(model.state_dict())
    x = rows()
    assert torch.equal(model(x), again(x))
    assert Notebook(BARE, *cells).define("Net").spec.source == spec.source


def test_the_source_reads_as_if_it_had_been_written_so() -> None:
    spec = Notebook(BARE, ADD, f"@add_to_class(Net)\n{FORWARD}").define("Net").spec
    indented = "\n".join("    " + line for line in FORWARD.split("\n"))
    assert spec.source == f"from torch import nn\n\n\n{BARE.strip()}\n\n{indented}\n"


def test_a_captured_class_with_a_method_of_later_can_be_captured_again() -> None:
    again = Notebook(BARE, f"{FORWARD}\nNet.forward = forward").define("Net").spec.build()
    assert Notebook().define(again).spec.kind == "source"


@pytest.mark.parametrize(
    "cell",
    [
        "def made(k):\n    def forward(self, x):\n        return self.fc(x) * k\n    return forward\n"
        "Net.forward = made(2)",
        "def forward(self, x):\n    self.__seen = 1\n    return self.fc(x)\nNet.forward = forward",
        "Net.forward = lambda self, x: self.fc(x)",
    ],
)
def test_a_method_that_means_something_else_inside_the_class_is_not_taken_for_it(cell: str) -> None:
    assert Notebook(BARE, cell).define("Net").spec.kind == "live"


def test_a_method_of_the_instance_alone_travels_too() -> None:
    notebook = Notebook(
        BARE,
        f"import types\n{FORWARD}\nnet = Net()\nnet.forward = types.MethodType(forward, net)",
    )
    spec = notebook.define("net").spec
    assert spec.kind == "source"
    assert isinstance(vars(spec.build())["forward"], types.MethodType)
