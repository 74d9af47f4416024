"""How a live model is built again: found in the cells, proven by building it, or honestly `live`."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from torch import nn

from lepton_nb.errors import ModelError
from lepton_nb.models.capture.sameness import difference
from tests.models_support import Notebook, module_cell, net

WIDE = """
class Wide(nn.Module):
    def __init__(self, hidden, depth=1):
        super().__init__()
        self.hidden = hidden
        self.depth = depth
        self.layers = nn.Sequential(*[nn.Linear(hidden, hidden) for _ in range(depth)])

    def forward(self, x):
        return self.layers(x)
"""


def assert_rebuilds(notebook: Notebook, name: str, expression: str) -> None:
    spec = notebook.define(name).spec
    assert spec.missing == []
    assert (spec.kind, spec.expression) == ("source", expression)
    rebuilt = spec.build()
    assert difference(notebook[name], rebuilt) is None
    rebuilt.load_state_dict(notebook[name].state_dict())


def test_the_assignment_in_a_cell_is_the_way_to_build_it() -> None:
    notebook = Notebook(WIDE, "HIDDEN = 8", "model = Wide(hidden=HIDDEN, depth=2)")
    assert_rebuilds(notebook, "model", "Wide(hidden=HIDDEN, depth=2)")


def test_an_expression_of_torchs_own_layers() -> None:
    notebook = Notebook("H = 8", "model = nn.Sequential(nn.Linear(4, H), nn.ReLU(), nn.Linear(H, 3))")
    assert_rebuilds(notebook, "model", "nn.Sequential(nn.Linear(4, H), nn.ReLU(), nn.Linear(H, 3))")


def test_where_a_model_lies_is_no_part_of_it() -> None:
    notebook = Notebook(WIDE, "device = torch.device('cpu')", "model = Wide(3).to(device).eval()")
    assert_rebuilds(notebook, "model", "Wide(3)")


def test_a_move_to_another_dtype_is_part_of_it() -> None:
    notebook = Notebook(WIDE, "model = Wide(3).to(torch.float64)")
    assert_rebuilds(notebook, "model", "Wide(3).to(torch.float64)")


def test_the_newest_of_several_assignments_counts() -> None:
    notebook = Notebook(WIDE, "model = Wide(3)", "model = Wide(5)")
    assert_rebuilds(notebook, "model", "Wide(5)")


def test_a_trained_model_is_the_same_architecture() -> None:
    notebook = Notebook(WIDE, "model = Wide(3)")
    with torch.no_grad():
        for weight in notebook["model"].parameters():
            weight.add_(1)
    assert_rebuilds(notebook, "model", "Wide(3)")


def test_a_constant_changed_since_is_noticed_and_the_attributes_help() -> None:
    notebook = Notebook(WIDE, "HIDDEN = 8", "model = Wide(HIDDEN)", "HIDDEN = 16")
    assert_rebuilds(notebook, "model", "Wide(8)")


def test_a_model_of_an_older_version_of_its_class_is_rebuilt_from_that_version() -> None:
    notebook = Notebook(net("3", "self.fc(x)"), "model = Net()", net("3", "self.fc(x) * 2"))
    spec = notebook.define("model").spec
    assert "return self.fc(x)\n" in spec.source
    assert "* 2" not in spec.source


def test_a_replaced_head_is_followed() -> None:
    notebook = Notebook(
        "from torchvision import models",
        "net = models.resnet18(weights=None)\nfor p in net.parameters():\n    p.requires_grad = False",
        "features = net.fc.in_features\nnet.fc = nn.Linear(features, 5)",
        "net = net.to('cpu')",
    )
    assert_rebuilds(notebook, "net", "build_net()")
    assert "    net.fc = nn.Linear(features, 5)\n" in notebook.define("net").spec.source


def test_pretrained_weights_are_not_downloaded_again(monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = Notebook("from torchvision import models", "net = models.squeezenet1_1(weights=None)")
    notebook.cells[-1] = "net = models.squeezenet1_1(weights='DEFAULT')"
    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", pytest.fail)
    assert_rebuilds(notebook, "net", "models.squeezenet1_1(weights=None)")


def test_layers_added_one_by_one_are_followed() -> None:
    notebook = Notebook(
        "net = nn.Sequential()", "net.append(nn.Linear(4, 8))", "net.add_module('last', nn.ReLU())"
    )
    assert_rebuilds(notebook, "net", "build_net()")


def test_a_model_wrapped_into_another_is_followed() -> None:
    notebook = Notebook(WIDE, "model = Wide(3)", "model = nn.Sequential(model, nn.ReLU())")
    assert_rebuilds(notebook, "model", "build_model()")


def test_a_model_made_in_a_loop_is_rebuilt_from_itself() -> None:
    notebook = Notebook(WIDE, "for hidden in (3, 5):\n    model = Wide(hidden)")
    assert_rebuilds(notebook, "model", "Wide(5)")


def test_a_model_without_a_variable_is_rebuilt_from_itself() -> None:
    notebook = Notebook(WIDE)
    assert notebook.define(notebook["Wide"](4, depth=2)).spec.expression == "Wide(4, depth=2)"
    inline = nn.Sequential(
        OrderedDict(conv=nn.Conv2d(3, 8, 3, padding=1, bias=False), act=nn.ReLU(inplace=True))
    )
    spec = Notebook().define(inline).spec
    assert spec.expression == (
        "nn.Sequential(OrderedDict({'conv': nn.Conv2d(3, 8, 3, padding=1, bias=False), "
        "'act': nn.ReLU(inplace=True)}))"
    )
    assert difference(inline, spec.build()) is None


def test_a_lazy_model_shaped_by_a_batch_is_still_itself() -> None:
    notebook = Notebook("model = nn.Sequential(nn.LazyLinear(8), nn.ReLU(), nn.LazyLinear(3))")
    notebook["model"](torch.ones(2, 5))
    spec = notebook.define("model").spec
    assert spec.expression == "nn.Sequential(nn.LazyLinear(8), nn.ReLU(), nn.LazyLinear(3))"
    spec.build().load_state_dict(notebook["model"].state_dict())


CHANGED = {
    "a layer put in by a function": "def grow(m):\n    m.extra = nn.Linear(2, 2)\ngrow(model)",
    "a setting": "vars(model)['scale'] = 3",
    "a dropout": "def soften(m):\n    m.drop.p = 0.9\nsoften(model)",
    "a hook": "model.fc.register_forward_hook(lambda m, i, o: o * 2)",
    "a forward": "def double(x):\n    return model.fc(x) * 2\nvars(model)['forward'] = double",
    "a hidden buffer": "vars(model)['_buffers']['mask'].fill_(7)",
}


@pytest.mark.parametrize("change", CHANGED)
def test_what_is_not_provably_the_same_is_live(change: str) -> None:
    notebook = Notebook(
        module_cell(
            "self.fc = nn.Linear(4, 3)\nself.drop = nn.Dropout(0.5)\n"
            "self.register_buffer('mask', torch.ones(3), persistent=False)",
            "return self.drop(self.fc(x)) * self.mask",
        ),
        "model = Net()",
    )
    assert notebook.define("model").spec.kind == "source"
    notebook.run(CHANGED[change])
    spec = notebook.define("model").spec
    assert spec.kind == "live"
    assert spec.missing
    assert "gives another model when run again" in spec.missing[0]


def test_a_live_spec_says_why_it_cannot_be_built() -> None:
    notebook = Notebook(WIDE, "model = Wide(3)", "model.layers[0].register_forward_hook(print)")
    spec = notebook.define("model").spec
    with pytest.raises(ModelError) as caught:
        spec.build()
    assert str(caught.value) == (
        "Wide cannot be built again: `Wide(3)` gives another model when run again: other forward hooks in "
        "`layers.0`.\nPass the model itself: model=…"
    )


def test_a_factory_that_trains_is_not_run_again(tmp_path: Path) -> None:
    marker = tmp_path / "trained"
    notebook = Notebook(
        WIDE,
        f"""
        import pathlib

        def trained():
            model = Wide(3)
            model(torch.ones(2, 3)).sum().backward()
            pathlib.Path({str(marker)!r}).touch()
            return model

        model = trained()
        """,
    )
    marker.unlink()
    spec = notebook.define("model").spec
    assert not marker.exists()
    assert spec.expression == "Wide(3)"


def test_random_numbers_go_on_as_if_nothing_was_built() -> None:
    notebook = Notebook(WIDE, "model = Wide(3)")
    torch.manual_seed(5)
    expected = torch.rand(())
    torch.manual_seed(5)
    notebook.define("model")
    assert torch.equal(torch.rand(()), expected)


def test_a_local_class_under_another_name_is_found() -> None:
    notebook = Notebook(WIDE, "Model = Wide", "model = Model(3)")
    assert_rebuilds(notebook, "model", "Model(3)")


def test_two_models_of_one_name_in_different_scopes_do_not_mix() -> None:
    first = Notebook(net("3", "self.fc(x)"), "model = Net()")
    second = Notebook(net("2", "self.fc(x)"), "model = Net()")
    assert first.define("model").spec.build().fc.out_features == 3
    assert second.define("model").spec.build().fc.out_features == 2


def test_a_configuration_object_is_made_again() -> None:
    notebook = Notebook(
        "from dataclasses import dataclass",
        "@dataclass\nclass Config:\n    hidden: int = 8\n    act: type = nn.ReLU",
        module_cell("", "return x")
        .replace("__init__(self)", "__init__(self, config)")
        .replace(
            "        super().__init__()\n",
            "        super().__init__()\n        self.config = config\n"
            "        self.fc = nn.Linear(config.hidden, 2)\n",
        ),
        "config = Config(hidden=16)",
        "model = Net(config)",
    )
    assert_rebuilds(notebook, "model", "Net(config)")
    assert "config = Config(hidden=16)\n" in notebook.define("model").spec.source


@pytest.mark.slow
def test_a_compiled_model_is_compiled_again() -> None:
    notebook = Notebook(WIDE, "model = torch.compile(Wide(3))")
    assert_rebuilds(notebook, "model", "torch.compile(Wide(3))")


def test_a_function_of_the_same_name_as_the_written_function_is_kept() -> None:
    notebook = Notebook(
        WIDE,
        "def build_model():\n    return Wide(3)",
        "model = build_model()",
        "model.head = nn.Linear(3, 2)",
    )
    assert_rebuilds(notebook, "model", "rebuild_model()")


def test_building_again_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    notebook = Notebook(
        net("3", "self.fc(x)").replace("super().__init__()", "super().__init__(); print('made')"),
        "model = Net()",
    )
    capsys.readouterr()
    assert_rebuilds(notebook, "model", "Net()")
    assert capsys.readouterr().out == "made\n"  # the one time that the test itself builds it
