"""Mistakes in the class itself and in its code: named, with the line of the cell."""

from __future__ import annotations

import pytest

from tests.models_support import mistake, module_cell, rows

CONSTRUCTION = {
    "no super().__init__() before a layer": (
        "class Net(nn.Module):\n    def __init__(self):\n        self.fc = nn.Linear(3, 10)\n"
        "    def forward(self, x): return self.fc(x)",
        "Net.__init__ makes layers before nn.Module is set up (cell 2, line 3: `self.fc = "
        "nn.Linear(3, 10)`)."
        "\nWrite super().__init__() as the first line of __init__.",
    ),
    "no super().__init__() and no layer": (
        "class Net(nn.Module):"
        "\n    def __init__(self):\n        self.n = 3\n    def forward(self, x): return x",
        "Net.__init__ makes layers before nn.Module is set up."
        "\nWrite super().__init__() as the first line of __init__.",
    ),
    "a misspelled forward": (
        "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.fc = nn.Linear(3, 10)\n    def foward(self, x): return self.fc(x)",
        "Net has no forward.\nIt has foward: rename it to forward.",
    ),
    "a forward inside of __init__": (
        "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.fc = nn.Linear(3, 10)\n        def forward(self, x): return self.fc(x)",
        "Net has no forward.\nIts def forward is indented inside __init__: move it to the left.",
    ),
    "no forward": (
        "class Net(nn.Module):\n    pass",
        "Net has no forward.\nWrite def forward(self, x): … return x",
    ),
    "a forward without self": (
        "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.fc = nn.Linear(3, 10)\n    def forward(x): return self.fc(x)",
        "Net.forward(x) has no self.\nWrite def forward(self, x).",
    ),
    "a forward with more inputs": (
        "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.fc = nn.Linear(3, 10)\n    def forward(self, x, lengths): return self.fc(x)",
        "Net.forward takes (x, lengths), but the data gives 1 input, (4, 3)."
        "\nGive the other parameters a default, or make the data give them.",
    ),
    "a misspelled __init__": (
        "class Net(nn.Module):\n    def __int__(self):\n        super().__init__()\n"
        "    def forward(self, x): return x",
        "Net has no parameters: there is nothing to train.\nIt has __int__: rename it to __init__.",
    ),
    "a list of layers": (
        "Net = lambda: nn.ModuleList([nn.Linear(3, 10)])",
        "nn.ModuleList only holds layers; it has no forward.\nUse nn.Sequential.",
    ),
    "layers in a plain list": (
        module_cell(
            "self.fc = nn.Linear(3, 3)\nself.layers = [nn.Linear(3, 3), nn.Linear(3, 10)]",
            "for layer in self.layers:\n    x = layer(x)\nreturn x",
        ),
        "`layers` is a plain list, so its 2 trainable layers are not part of the model: they would neither "
        "train nor be "
        "saved.\nWrite self.layers = nn.ModuleList(…).",
    ),
    "frozen": (
        module_cell("self.fc = nn.Linear(3, 10).requires_grad_(False)", "return self.fc(x)"),
        "Every parameter of Net is frozen (requires_grad=False): there is nothing to train."
        "\nUnfreeze the last layer: model.fc.requires_grad_(True)",
    ),
    "another device": (
        module_cell("self.fc = nn.Linear(3, 10, device='meta')", "return self.fc(x)"),
        'Net is on meta but the batch is on cpu.\nWrite model = model.to("cpu").',
    ),
}


@pytest.mark.parametrize("name", CONSTRUCTION)
def test_a_model_that_cannot_run(name: str) -> None:
    cell, message = CONSTRUCTION[name]
    error = mistake(cell, rows())
    assert str(error) == message


CODE = {
    "an unknown layer": (
        module_cell("self.fc1 = nn.Linear(3, 10)", "return self.fc2(x)"),
        "Net.forward fails at `return self.fc2(x)` (cell 2, line 6): AttributeError: 'Net' object "
        "has no attribute "
        "'fc2'\nDid you mean 'fc1'?",
    ),
    "a missing import": (
        module_cell("self.fc = nn.Linear(3, 10)", "return np.tanh(self.fc(x))"),
        "Net.forward fails at `return np.tanh(self.fc(x))` (cell 2, line 6): NameError: name 'np' "
        "is not defined"
        "\nWrite import numpy as np first.",
    ),
    "an error of the user's own": (
        module_cell("self.fc = nn.Linear(3, 10)", "raise ValueError('too short')"),
        "Net.forward fails at `raise ValueError('too short')` (cell 2, line 6): ValueError: too short",
    ),
    "an argument missing in __init__": (
        module_cell("self.conv = nn.Conv2d(3, 10)", "return self.conv(x)"),
        "Net() fails at `self.conv = nn.Conv2d(3, 10)` (cell 2, line 4): TypeError: "
        "Conv2d.__init__() missing 1 "
        "required positional argument: 'kernel_size'",
    ),
    "a tensor made on another device": (
        module_cell("self.fc = nn.Linear(3, 10)", "x = x + torch.ones(3, device='meta')\nreturn self.fc(x)"),
        "`x = x + torch.ones(3, device='meta')` (cell 2, line 6) fails with (N, 3) from the data "
        "and (3,): Tensor "
        "on device meta is not on the expected device cpu."
        "\nMake new tensors in forward with device=x.device.",
    ),
}


@pytest.mark.parametrize("name", CODE)
def test_an_error_in_the_users_own_code_shows_its_line(name: str) -> None:
    cell, message = CODE[name]
    error = mistake(cell, rows())
    assert str(error) == message


NOT_FINITE = {
    "a function": (
        module_cell("self.fc = nn.Linear(3, 10)", "x = torch.log(x - 100)\nreturn self.fc(x)"),
        "`x = torch.log(x - 100)` (cell 2, line 6) gives NaN.",
    ),
    "a layer": (
        module_cell(
            "self.ln = nn.LayerNorm(3, eps=-9.0)\nself.fc = nn.Linear(3, 10)", "return self.fc(self.ln(x))"
        ),
        "`ln` is the first layer to give NaN.",
    ),
    "a weight": (
        module_cell(
            "self.fc = nn.Linear(3, 10)\nself.fc.weight.data.fill_(float('inf'))", "return self.fc(x)"
        ),
        "`fc.weight` holds infinity before any training.",
    ),
}


@pytest.mark.parametrize("name", NOT_FINITE)
def test_where_the_first_nan_comes_from(name: str) -> None:
    cell, message = NOT_FINITE[name]
    error = mistake(cell, rows())
    assert error.message == message
    assert error.hint


def test_nan_in_the_batch_is_the_datas_fault() -> None:
    error = mistake(module_cell("self.fc = nn.Linear(3, 10)", "return self.fc(x)"), rows() * float("nan"))
    assert error.message == "The batch itself holds NaN."
