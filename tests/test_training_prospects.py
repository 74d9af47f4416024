"""What will not be possible later is said before the first step, and the remedy that is named works."""

from __future__ import annotations

import gc
import importlib
import re
import sys
import types
from pathlib import Path
from typing import Any

import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell
from torch import Tensor, nn

import lepton_nb
from lepton_nb.errors import ModelError
from lepton_nb.models import Definition, ModelSpec
from lepton_nb.packaging import build_package, load_model
from lepton_nb.packaging.restore import check_fits
from lepton_nb.training.preparing import prepare
from lepton_nb.widgets.settled import next_steps
from tests.models_support import Notebook
from tests.training_helpers import TinyNet, blobs

LIBRARY = """
import itertools
from torch import nn

_count = itertools.count()

class Dense(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.name = f"dense_{next(_count)}"
        self.body = nn.Linear(*sizes.pair)

    def forward(self, x):
        return self.body(x)

class Sizes:
    def __init__(self, *pair):
        self.pair = pair
"""


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """An installed package whose layers are named by a counter, and made of objects."""
    site = tmp_path / "site-packages"
    site.mkdir()
    (site / "countedlayers.py").write_text(LIBRARY)
    monkeypatch.syspath_prepend(site)
    monkeypatch.delitem(sys.modules, "countedlayers", raising=False)
    return importlib.import_module("countedlayers")


def counted(library: types.ModuleType) -> nn.Module:
    return library.Dense(library.Sizes(6, 3))


def forget(run: lepton_nb.Run) -> None:
    """Let go of the model, as a restart does."""
    run.live.clear()
    gc.collect()


def test_it_is_said_before_the_first_step_and_evaluated_and_packaged_by_name(library: Any) -> None:
    heard: list[str] = []

    class Listen(lepton_nb.Callback):
        def on_fit_start(self, state: lepton_nb.TrainState) -> None:
            heard.extend(state.run.warnings)

    bundle, model = blobs(), counted(library)
    run = lepton_nb.train(model, bundle, epochs=1, name="lost", callbacks=[Listen])
    assert len(heard) == 1
    assert heard[0].startswith("Dense cannot be built again in another process: `Dense` (model): no cell")
    assert "So evaluate and deploy use the model in this kernel" in heard[0]
    assert heard[0] in run.log_path.read_text()
    accuracy = lepton_nb.evaluate("lost", split="val").metrics["accuracy"]
    assert accuracy == pytest.approx(run.best_value)
    assert "onnx" in build_package("lost").manifest.formats


def test_after_a_restart_the_named_line_gives_the_weights_to_a_new_one(library: Any) -> None:
    run = lepton_nb.train(counted(library), blobs(), epochs=1, name="lost")
    weights = load_model(run).state_dict()
    forget(run)
    with pytest.raises(ModelError, match=r"lepton_nb.load_model\('lost@1', model=VARIABLE\)"):
        load_model("lost")
    new = counted(library)
    assert lepton_nb.load_model("lost", model=new) is new
    assert torch.equal(new.body.weight, weights["body.weight"])
    assert torch.equal(load_model("lost").body.weight, weights["body.weight"])
    with pytest.raises(ModelError, match="is not the model of run lost@1: it has no `body"):
        lepton_nb.load_model("lost", model=nn.Linear(6, 3))


def shown(run: lepton_nb.Run, phase: str) -> Any:
    return types.SimpleNamespace(run=run, phase=phase, best_value=0.5)


def test_the_lines_for_next_are_those_that_work(library: Any) -> None:
    run = lepton_nb.train(counted(library), blobs(), epochs=1, name="lost")
    assert next_steps(shown(run, "finished")) == ["%lepton evaluate lost", "%lepton deploy lost"]
    forget(run)
    again = lepton_nb.get_run("lost")
    assert next_steps(shown(again, "finished")) == ["lepton_nb.load_model('lost@1', model=VARIABLE)"]
    assert next_steps(shown(again, "stopped")) == ["%lepton resume lost --model VARIABLE"]


def test_what_cannot_be_deployed_either_is_not_offered(library: Any) -> None:
    class Branching(type(counted(library))):  # type: ignore[misc]
        def forward(self, x: Tensor) -> Tensor:
            return self.body(x) if float(x.sum()) > 0 else -self.body(x)

    Branching.__module__ = "nowhere"
    run = lepton_nb.train(Branching(library.Sizes(6, 3)), blobs(), epochs=1, name="branching")
    assert "deploy cannot (its graph cannot be exported, either)" in run.warnings[0]
    assert next_steps(shown(run, "finished")) == ["%lepton evaluate branching"]


def test_a_source_that_answers_otherwise_is_not_kept() -> None:
    model = TinyNet()
    definition = Definition("TinyNet", ModelSpec("source", "TinyNet", "make()", SLY), factory=lambda: model)
    ready = prepare(definition, blobs(), config={})
    assert ready.definition.spec.kind == "live"
    assert ready.definition.spec.missing == ["built again from its source, it gives other answers"]
    honest = lepton_nb.train(TinyNet, blobs(), epochs=1)
    assert honest.read_json("model.json")["kind"] == "source"
    assert not honest.warnings


SLY = """
from tests.training_helpers import TinyNet

class Sly(TinyNet):
    def forward(self, x):
        return -self.body(x)

def make():
    return Sly()
"""


def test_a_source_that_needs_real_memory_to_build_is_proven_too() -> None:
    cell = """
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(6, 3)
            self.scale = torch.ones(3).sum().item()

        def forward(self, x):
            return self.fc(x) * self.scale
    """
    notebook = Notebook(cell)
    run = lepton_nb.train(notebook.define("Net"), blobs(), epochs=1)
    assert run.read_json("model.json")["kind"] == "source"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("made", ["torch.jit.script(base)", "torch.jit.trace(base, torch.zeros(2, 6))"])
def test_a_module_of_torchscript_trains_and_is_packaged_as_source(made: str) -> None:
    notebook = Notebook("base = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))", f"net = {made}")
    run = lepton_nb.train(notebook.define("net"), blobs(), epochs=2, name="script")
    assert run.read_json("model.json")["kind"] == "source"
    accuracy = lepton_nb.evaluate(run, split="val").metrics["accuracy"]
    assert accuracy == pytest.approx(run.best_value)
    assert build_package(run).manifest.formats == ("source",)


def test_a_backbone_of_a_cell_of_its_own_is_part_of_the_model() -> None:
    cells = (
        "backbone = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8))",
        "class Net(nn.Module):\n    def __init__(self, body):\n        super().__init__()\n"
        "        self.body, self.head = body, nn.Linear(8, 3)\n"
        "    def forward(self, x): return self.head(self.body(x))",
    )
    assert Notebook(*cells, "net = Net(backbone)").define("net").spec.kind == "source"
    other = "teacher = nn.Linear(6, 3)\nclass Net(nn.Module):\n    def __init__(self):\n"
    other += "        super().__init__(); self.fc = nn.Linear(6, 3)\n"
    other += "    def forward(self, x): return self.fc(x) + teacher(x)"
    assert Notebook(other).define("Net").spec.kind == "live"  # its weights are no part of any checkpoint


def test_a_partial_is_a_factory_and_a_lambda_attribute_travels() -> None:
    make = "def make(h=8): return nn.Sequential(nn.Linear(6, h), nn.Linear(h, 3))"
    notebook = Notebook("from functools import partial", make, "small = partial(make, h=3)")
    spec = notebook.define("small").spec
    assert (spec.kind, spec.expression) == ("source", "small()")
    assert spec.build()[0].out_features == 3
    assert Notebook("net = nn.Linear(6, 3)\nnet.act = lambda x: x * 2").define("net").spec.kind == "source"


def test_a_dataclass_says_how_to_be_a_module() -> None:
    cell = """
    from dataclasses import dataclass
    @dataclass
    class Net(nn.Module):
        hidden: int = 8
        def __post_init__(self):
            super().__init__()
            self.fc = nn.Linear(6, 3)
        def forward(self, x):
            return self.fc(x)
    """
    with pytest.raises(ModelError, match=r"has no hash.*\nWrite @dataclass\(eq=False\) above the class"):
        Notebook(cell).define("Net")
    right = Notebook(cell.replace("@dataclass", "@dataclass(eq=False)"))
    assert right.define("Net").spec.kind == "source"


def test_a_resumed_model_that_changed_is_told_by_its_layer() -> None:
    def stop(state: lepton_nb.TrainState) -> None:
        state.control.stop()

    bundle = blobs()
    run = lepton_nb.train(TinyNet(), bundle, epochs=3, name="tiny", callbacks=[stop])
    for other, seen in (
        (TinyNet(32), r"`body.0.weight` is \(32, 6\), in the run \(16, 6\) \(and 6 more differ\)"),
        (nn.Linear(6, 3), "it has no `body.0.bias` .and 10 more"),
    ):
        with pytest.raises(ModelError, match=f"is not the model of run tiny@1: {seen}") as caught:
            lepton_nb.resume("tiny", model=other, data=bundle)
        assert str(caught.value).endswith("\nLeave --model out: the run is built again from its own source.")
    lazy = nn.Module()
    lazy.body = nn.Sequential(nn.LazyLinear(16), nn.BatchNorm1d(16), nn.ReLU(), nn.ReLU(), nn.LazyLinear(3))
    check_fits(lazy, run.load_checkpoint("last")[1]["model"], run, "")
    assert lepton_nb.resume("tiny", data=bundle).status == "finished"
    assert run.refresh().status == "finished"


def test_the_notebook_shows_it_above_the_epochs(library: Any, capsys: pytest.CaptureFixture[str]) -> None:
    shell = InteractiveShell.instance()
    shell.user_ns.update(net=counted(library), bundle=blobs())
    shell.run_line_magic("load_ext", "lepton_nb")
    shell.run_cell("run = %lepton train net --data bundle --epochs 1")
    said = capsys.readouterr().out
    assert re.search(r"Note: Dense cannot be built again.*\nepoch 1/1", said)
