"""The source of a class or function, closed over what it needs from other cells."""

from __future__ import annotations

import json
import subprocess
import sys
import traceback
from pathlib import Path

import pytest
import torch
from torch import nn

from lepton_nb.models import ModelSpec
from tests.models_support import Notebook, net

LINEAR = net("3", "self.fc(x)")


def test_a_class_is_captured_with_its_imports() -> None:
    spec = Notebook(LINEAR).define("Net").spec
    assert (spec.kind, spec.name, spec.expression) == ("source", "Net", "Net()")
    assert spec.source == f"from torch import nn\n\n\n{LINEAR}\n"
    assert spec.requirements == [f"torch=={torch.__version__.partition('+')[0]}"]
    assert spec.missing == []


def test_functions_constants_and_bases_come_from_other_cells_in_an_order_that_runs() -> None:
    notebook = Notebook(
        "import math\nimport torch.nn.functional as G",
        "HIDDEN = 8\nscale = torch.tensor([1.0, 2.0])\ndevice = torch.device('cpu')",
        "def scaled(x):\n    return other(x) * math.pi\n\ndef other(x):\n    return G.relu(x)",
        "class Base(nn.Module):\n    '''A base without methods.'''",
        """
        class Block(Base):
            def __init__(self, n=HIDDEN):
                super().__init__()
                self.fc = nn.Linear(n, n)

            def forward(self, x):
                return scaled(self.fc(x)).to(device)
        """,
        """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.block = Block()

            def forward(self, x):
                return self.block(x) * scale.sum()
        """,
    )
    spec = notebook.define("Net").spec
    assert spec.missing == []
    imports = "import math\nimport torch\nimport torch.nn.functional as G\nfrom torch import nn\n\n"
    assert spec.source.startswith(imports)
    body = spec.source.removeprefix(imports).split("\n")
    assert [line.partition("(")[0] for line in body if line and line[0] != " "] == [
        "HIDDEN = 8",
        "device = torch.device",
        "scale = torch.tensor",
        "class Base",
        "def other",
        "def scaled",
        "class Block",
        "class Net",
    ]
    given, rebuilt, x = notebook["Net"](), spec.build(), torch.randn(2, 8)
    rebuilt.load_state_dict(given.state_dict())
    assert torch.equal(rebuilt(x), given(x))


@pytest.mark.slow
def test_captured_source_runs_in_a_process_of_its_own(tmp_path: Path) -> None:
    spec = Notebook("WIDTH = 5", net("WIDTH", "F.relu(self.fc(x))")).define("Net").spec
    script = f"{spec.source}\nimport torch\nprint({spec.expression}(torch.ones(2, 4)).shape)\n"
    (tmp_path / "net.py").write_text(script)
    done = subprocess.run([sys.executable, tmp_path / "net.py"], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "torch.Size([2, 5])"


def test_the_same_notebook_gives_the_same_source() -> None:
    cells = ("A = 1\nB = 2", "def f(x):\n    return x * A + B", net("B", "f(x)"))
    assert Notebook(*cells).define("Net").spec == Notebook(*cells).define("Net").spec


def test_a_redefined_class_is_captured_as_it_is_now() -> None:
    notebook = Notebook(LINEAR)
    notebook.run(net("3", "self.fc(x) * 2"))
    assert "return self.fc(x) * 2" in notebook.define("Net").spec.source


def test_decorated_methods_properties_and_comprehensions_are_found() -> None:
    notebook = Notebook(
        "SIZES = [4, 8, 3]",
        """
        @torch.no_grad()
        def mean(x):
            return x.mean()

        class Net(nn.Module):
            pairs = [(a, b) for a, b in zip(SIZES, SIZES[1:])]

            def __init__(self):
                super().__init__()
                self.layers = nn.ModuleList([nn.Linear(a, b) for a, b in self.pairs])

            @property
            def depth(self):
                return len(self.layers)

            @staticmethod
            def centre(x):
                return x - mean(x)

            @torch.no_grad()
            def predict(self, x):
                return self(x)

            def forward(self, x):
                for layer in self.layers:
                    x = layer(self.centre(x))
                return x
        """,
    )
    spec = notebook.define("Net").spec
    assert spec.missing == []
    assert "@torch.no_grad()\ndef mean(x):" in spec.source
    assert "SIZES = [4, 8, 3]" in spec.source
    assert spec.build().depth == 2


def test_two_classes_that_need_each_other_stand_in_an_order_that_runs() -> None:
    notebook = Notebook(
        "class Base(nn.Module):\n    def make(self):\n        return Net()",
        LINEAR.replace("nn.Module", "Base"),
    )
    assert isinstance(notebook.define("Net").spec.build(), nn.Module)
    assert isinstance(notebook.define("Base").spec.build(), nn.Module)


def test_annotations_stay_text_where_the_cell_asks_for_it() -> None:
    notebook = Notebook()
    annotated = LINEAR.replace("forward(self, x)", "forward(self, x: Unknown)")
    notebook.run(annotated, flags=annotations.compiler_flag)
    spec = notebook.define("Net").spec
    assert spec.source.startswith("from __future__ import annotations\n\n")
    spec.build()


def test_a_constant_made_by_one_statement_is_captured_by_it() -> None:
    notebook = Notebook(
        "grid = torch.linspace(0, 1, 500)",
        "kinds = {'relu': nn.ReLU, 'gelu': nn.GELU}",
        net("3", "kinds['gelu']()(self.fc(x)) + grid[3]"),
    )
    spec = notebook.define("Net").spec
    assert "grid = torch.linspace(0, 1, 500)" in spec.source
    assert "kinds = {'relu': nn.ReLU, 'gelu': nn.GELU}" in spec.source


def test_a_lambda_is_captured_by_its_statement() -> None:
    notebook = Notebook("double = lambda x: x * 2", net("3", "double(self.fc(x))"))
    assert "double = lambda x: x * 2\n" in notebook.define("Net").spec.source


def test_an_alias_of_a_class_is_kept() -> None:
    notebook = Notebook(
        "class Act(nn.Module):\n    def forward(self, x):\n        return x * 2",
        "Activation = Act",
        net("3", "Activation()(self.fc(x))"),
    )
    assert "\n\nActivation = Act\n" in notebook.define("Net").spec.source


FACTORY = """
def make(n):
    class Inner(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(n, n)

        def forward(self, x):
            return self.fc(x)

    return Inner
"""


def test_a_class_made_by_a_function_is_captured_by_the_call() -> None:
    notebook = Notebook(FACTORY, "Net = make(3)", "def build():\n    return make(3)()")
    assert "\n\nNet = make(3)\n" in notebook.define("Net").spec.source
    assert notebook.define("build").spec.kind == "source"
    assert notebook.define(notebook["make"](4)).spec.missing == [
        "`Inner` (type): defined inside make(); give that function instead"
    ]


def test_a_function_under_a_decorator_of_the_notebook_is_captured_with_it() -> None:
    notebook = Notebook(
        "def doubled(f):\n    def wrapper(x):\n        return 2 * f(x)\n    return wrapper",
        "@doubled\ndef act(x):\n    return torch.relu(x)",
        net("3", "act(self.fc(x))"),
    )
    spec = notebook.define("Net").spec
    assert "@doubled\ndef act(x):\n    return torch.relu(x)" in spec.source
    given, rebuilt, x = notebook["Net"](), spec.build(), torch.randn(2, 4)
    rebuilt.load_state_dict(given.state_dict())
    assert torch.equal(rebuilt(x), given(x))


def test_what_cannot_be_captured_is_named_with_its_type_and_the_reason() -> None:
    notebook = Notebook("import os", "handle = open(os.devnull)", net("3", "self.fc(x) * len(handle.name)"))
    spec = notebook.define("Net").spec
    notebook["handle"].close()
    assert spec.kind == "live"
    assert spec.missing == ["`handle` (TextIOWrapper): it is made by open(…), which is not run again"]


def test_a_random_constant_is_not_taken_for_a_fixed_one() -> None:
    notebook = Notebook("noise = torch.randn(500)", net("3", "self.fc(x) * noise.sum()"))
    assert notebook.define("Net").spec.missing == ["`noise` (Tensor): other when made again"]


def test_a_constant_made_in_steps_is_named() -> None:
    notebook = Notebook(
        "sizes = {nn.Linear: 1}", "sizes = dict(sizes)", net("3", "self.fc(x) * sizes[nn.Linear]")
    )
    assert notebook.define("Net").spec.missing == ["`sizes` (dict): it is made in more than one step"]


def test_ipython_syntax_in_the_cells_is_no_obstacle() -> None:
    notebook = Notebook("class Base(nn.Module):\n    pass")
    notebook.cells[-1] = "%matplotlib inline\n!pip list\nclass Base(nn.Module):\n    pass\nBase?"
    notebook.run(LINEAR.replace("nn.Module", "Base"))
    assert "class Base(nn.Module):\n    pass\n" in notebook.define("Net").spec.source


@pytest.mark.parametrize(
    "cell",
    [
        "%%lepton model Base --data d\nclass Base(nn.Module):\n    pass",
        "%%time\nclass Base(nn.Module):\n    pass",
        "get_ipython().run_cell_magic('lepton', 'model Base', 'class Base(nn.Module):\\n    pass\\n')",
    ],
)
def test_the_body_of_a_cell_magic_is_a_cell(cell: str) -> None:
    notebook = Notebook("class Base(nn.Module):\n    pass")
    notebook.cells[-1] = cell
    notebook.run(LINEAR.replace("nn.Module", "Base"))
    assert "class Base(nn.Module):\n    pass\n" in notebook.define("Net").spec.source


def test_a_file_written_by_a_cell_magic_is_no_cell() -> None:
    notebook = Notebook("class Base(nn.Module):\n    pass")
    notebook.cells[-1] = "%%writefile base.py\nclass Base(nn.Module):\n    pass"
    notebook.run(LINEAR.replace("nn.Module", "Base"))
    assert notebook.define("Net").spec.missing == ["`Base` (type): no cell was found that defines it"]


def test_a_class_of_an_installed_library_is_imported() -> None:
    notebook = Notebook(
        "from torchvision.ops import MLP as Perceptron", "def build():\n    return Perceptron(4, [8, 2])"
    )
    spec = notebook.define("build").spec
    assert "from torchvision.ops import MLP as Perceptron\n" in spec.source
    assert [name.partition("==")[0] for name in spec.requirements] == ["torchvision"]


def test_a_spec_survives_json() -> None:
    spec = Notebook(LINEAR).define("Net").spec
    assert ModelSpec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec


def test_a_traceback_through_a_rebuilt_model_shows_its_lines() -> None:
    rebuilt = Notebook(LINEAR).define("Net").spec.build()
    with pytest.raises(RuntimeError) as caught:
        rebuilt(torch.ones(2, 7))
    assert "return self.fc(x)" in "".join(traceback.format_exception(caught.value))


def test_a_rebuilt_model_can_be_captured_again() -> None:
    spec = Notebook(LINEAR).define("Net").spec
    assert Notebook().define(spec.build()).spec.source == spec.source


def test_cells_of_a_real_ipython_are_captured() -> None:
    """Through `In` and `linecache`, as IPython keeps them, magics and a redefinition included."""
    from IPython.core.interactiveshell import InteractiveShell

    from lepton_nb.models import model

    shell = InteractiveShell()
    for cell in (
        "import torch\nfrom torch import nn\nHIDDEN = 6",
        "%env LEPTON_TEST=1\nclass Base(nn.Module):\n    '''Nothing.'''",
        LINEAR.replace("nn.Module", "Base").replace("nn.Linear(4, 3)", "nn.Linear(4, HIDDEN)"),
        "net = Net()",
        "%%time\nclass Net(nn.Module):\n    pass",
    ):
        assert shell.run_cell(cell, store_history=True).success
    spec = model(shell.user_ns["net"], namespace=shell.user_ns).spec
    assert spec.missing == []
    assert spec.expression == "Net()"
    assert "HIDDEN = 6\n" in spec.source
    assert "class Base(nn.Module):\n    '''Nothing.'''" in spec.source
    assert "self.fc = nn.Linear(4, HIDDEN)" in spec.source
    assert spec.build().fc.out_features == 6
