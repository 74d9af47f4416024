"""Classes and functions of the user's own files beside the notebook."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.models_support import Notebook, net


@pytest.fixture
def beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of the user's own modules, on the path."""
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_a_class_from_a_file_is_captured_by_source(beside: Path) -> None:
    text = net("WIDTH", "self.fc(x)").replace("nn.Module", "Module").replace("nn.Linear", "Linear")
    (beside / "beside_blocks.py").write_text(
        f"from torch.nn import Linear, Module\n\nWIDTH = 6\n\n\n{text.replace('Net', 'Block')}\n"
    )
    notebook = Notebook(
        "from beside_blocks import Block as Part",
        net("3", "self.part(x)").replace("self.fc = nn.Linear(4, 3)", "self.part = Part()"),
    )
    spec = notebook.define("Net").spec
    assert spec.missing == []
    assert "beside_blocks" not in spec.source
    assert "from torch.nn import Linear, Module\n" in spec.source
    assert "Part = Block\n" in spec.source
    assert spec.build().part.fc.out_features == 6


def test_relative_imports_inside_a_package_are_followed(beside: Path) -> None:
    package = beside / "beside_package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "ops.py").write_text("import torch\n\n\ndef squash(x):\n    return torch.tanh(x)\n")
    text = net("2", "squash(self.fc(x))")
    (package / "net.py").write_text(f"from torch import nn\n\nfrom .ops import squash\n\n\n{text}\n")
    spec = Notebook("from beside_package.net import Net").define("Net").spec
    assert "def squash(x):" in spec.source
    assert spec.build()(torch.zeros(1, 4)).shape == (1, 2)


def test_a_file_edited_after_its_import_is_not_taken_for_what_runs(beside: Path) -> None:
    file = beside / "beside_edited.py"
    file.write_text("def double(x):\n    return x * 2\n")
    notebook = Notebook("from beside_edited import double", net("3", "double(self.fc(x))"))
    file.write_text("def double(x):\n    return x * 3  # edited\n")
    assert notebook.define("Net").spec.missing == [
        "`double` (function): not found as it runs in beside_edited.py; was the file edited after its import?"
    ]


def test_a_module_is_named(beside: Path) -> None:
    (beside / "beside_module.py").write_text("def double(x):\n    return x * 2\n")
    notebook = Notebook("import beside_module", net("3", "beside_module.double(self.fc(x))"))
    assert notebook.define("Net").spec.missing == [
        "`beside_module` (module): a file of yours, beside_module.py; "
        "import its names: from beside_module import …"
    ]


def test_the_same_name_in_the_notebook_and_in_a_file_is_named(beside: Path) -> None:
    (beside / "beside_names.py").write_text("SCALE = 2\n\n\ndef scaled(x):\n    return x * SCALE\n")
    notebook = Notebook("from beside_names import scaled\nSCALE = 3", net("SCALE", "scaled(self.fc(x))"))
    assert notebook.define("Net").spec.missing == ["`SCALE` (int): two different things have this name"]


def test_a_function_of_the_same_name_in_the_notebook_and_in_a_file_is_named(beside: Path) -> None:
    (beside / "beside_same.py").write_text(
        "def act(x):\n    return -x\n\n\ndef scaled(x):\n    return act(x)\n"
    )
    notebook = Notebook(
        "from beside_same import scaled", "def act(x):\n    return x", net("3", "act(scaled(self.fc(x)))")
    )
    assert notebook.define("Net").spec.missing == ["`act` (function): two different things have this name"]
