"""`model()`: classes, functions, instances and names become definitions, tried on a batch."""

from __future__ import annotations

import json

import pytest
import torch
from torch import Tensor, nn

from lepton_nb.errors import ModelError
from lepton_nb.models import MLP, ModelSpec, SmallCNN, model
from lepton_nb.signature import Signature, TensorSpec
from tests.models_support import Notebook, module_cell, net

ROWS = Signature(
    task="tabular-classification",
    inputs=(TensorSpec("features", "float32", (4,)),),
    output=TensorSpec("logits", "float32", (3,)),
    class_names=("a", "b", "c"),
)
SENTENCES = Signature(
    task="text-classification",
    inputs=(TensorSpec("input_ids", "int64", (6,)),),
    output=TensorSpec("logits", "float32", (2,)),
    class_names=("bad", "good"),
    preprocessing={
        "kind": "text",
        "tokenizer": json.dumps(
            {"model": {"vocab": {"[UNK]": 1, "fine": 2}}, "added_tokens": [{"id": 0}, {"id": 7}]}
        ),
        "max_length": 6,
        "pad_id": 0,
    },
)


@pytest.fixture
def batch() -> tuple[Tensor, Tensor]:
    return torch.randn(4, 4), torch.tensor([0, 1, 2, 0])


def test_a_class_is_tried_and_summarized(batch: tuple[Tensor, Tensor]) -> None:
    definition = Notebook(net("3", "self.fc(x)")).define("Net", signature=ROWS, batch=batch)
    assert definition.name == "Net"
    assert definition.report is not None
    assert [spec.shape for spec in definition.report.outputs] == [(3,)]
    assert definition.summary is not None
    assert definition.summary.params == 15
    assert definition.build() is not definition.build()
    assert str(definition).startswith("Net · loss of a first batch ")


def test_a_mistake_in_a_class_is_explained(batch: tuple[Tensor, Tensor]) -> None:
    with pytest.raises(ModelError, match="`fc` gives 2 logits but there are 3 classes"):
        Notebook(net("2", "self.fc(x)")).define("Net", signature=ROWS, batch=batch)


def test_an_instance_is_the_model_itself(batch: tuple[Tensor, Tensor]) -> None:
    notebook = Notebook(net("3", "self.fc(x)"), "network = Net()")
    definition = notebook.define("network", name="network", signature=ROWS, batch=batch)
    assert definition.name == "network"
    assert definition.build() is notebook["network"]
    assert definition.spec.expression == "Net()"


def test_a_function_makes_the_model() -> None:
    definition = Notebook("def make(width=8):\n    return nn.Linear(4, width)").define("make")
    assert definition.name == "make"
    assert definition.build().out_features == 8
    assert definition.spec.build().out_features == 8


def test_a_name_is_first_a_variable_then_a_starter_then_torchvisions() -> None:
    starters = {"Net": lambda signature: MLP(4, signature.num_outputs)}
    notebook = Notebook(net("3", "self.fc(x)"))
    own = model("Net", namespace=notebook.namespace, cells=notebook.cells, starters=starters, signature=ROWS)
    assert own.spec.kind == "source"
    starter = model("Net", namespace={}, starters=starters, signature=ROWS)
    assert isinstance(starter.build(), MLP)


def test_a_starter_keeps_its_arguments() -> None:
    definition = model(
        "MLP", signature=ROWS, starters={"MLP": lambda signature: MLP(4, signature.num_outputs, hidden=8)}
    )
    spec = ModelSpec.from_dict(json.loads(json.dumps(definition.spec.to_dict())))
    assert spec.kind == "starter"
    assert spec.kwargs == {"in_features": 4, "num_outputs": 3, "hidden": 8, "depth": 2, "dropout": 0.1}
    assert spec.expression == "MLP(in_features=4, num_outputs=3, hidden=8, depth=2, dropout=0.1)"
    spec.build().load_state_dict(definition.build().state_dict())


def test_one_of_our_networks_in_a_cell_is_captured_by_its_import() -> None:
    notebook = Notebook("from lepton_nb.models import SmallCNN", "cnn = SmallCNN(width=4)")
    spec = notebook.define("cnn").spec
    assert spec.source == "from lepton_nb.models import SmallCNN\n"
    assert spec.expression == "SmallCNN(width=4)"
    assert isinstance(spec.build(), SmallCNN)


def test_required_arguments_come_from_the_data() -> None:
    notebook = Notebook(
        """
        class Text(nn.Module):
            def __init__(self, vocab_size, num_classes, width=3):
                super().__init__()
                self.embedding = nn.Embedding(vocab_size, width)
                self.head = nn.Linear(width, num_classes)

            def forward(self, x):
                return self.head(self.embedding(x).mean(1))
        """
    )
    definition = notebook.define("Text", signature=SENTENCES)
    assert definition.spec.expression == "Text(vocab_size=8, num_classes=2)"
    assert definition.notes == ["Built as Text(vocab_size=8, num_classes=2), as the data asks."]
    assert definition.spec.build().embedding.num_embeddings == 8


def test_an_argument_the_data_does_not_tell_is_named() -> None:
    notebook = Notebook("def make(width, num_classes):\n    return nn.Linear(width, num_classes)")
    with pytest.raises(ModelError) as caught:
        notebook.define("make", signature=ROWS)
    assert str(caught.value) == (
        "make() needs `width`, which has no default."
        "\nGive it one in the definition, or pass a model: model = make(width=…)."
    )


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (
            "def make():\n    nn.Linear(2, 2)",
            "make() returned None, not an nn.Module.\nDoes the function end with `return model`?",
        ),
        (
            "def make():\n    return nn.Linear",
            "make() gave the class Linear, not a model of it.\nWrite Linear().",
        ),
        ("def make():\n    return 3", "make() gave a int, not an nn.Module."),
        ("class make:\n    pass", "make is a class, but not an nn.Module.\nWrite class make(nn.Module):"),
        ("make = 3", "A int is no model.\nGive an nn.Module, a class, a function or a name."),
    ],
)
def test_what_is_no_model_is_refused(cell: str, message: str) -> None:
    with pytest.raises(ModelError) as caught:
        Notebook(cell).define("make")
    assert str(caught.value) == message


def test_defining_leaves_the_random_numbers_alone(batch: tuple[Tensor, Tensor]) -> None:
    notebook = Notebook(module_cell("self.fc = nn.Linear(4, 3)", "return F.dropout(self.fc(x))"))
    torch.manual_seed(5)
    expected = torch.rand(())
    torch.manual_seed(5)
    notebook.define("Net", signature=ROWS, batch=batch)
    assert torch.equal(torch.rand(()), expected)


def test_the_usual_loss_follows_the_target(batch: tuple[Tensor, Tensor]) -> None:
    regression = model(nn.Linear(4, 2), batch=(batch[0], torch.zeros(4, 2)))
    assert regression.report is not None
    classes = model(nn.Linear(4, 3), batch=batch)
    assert classes.report is not None
    assert classes.report.loss == pytest.approx(1.1, abs=0.8)


def test_warnings_notes_and_what_is_missing_are_shown(batch: tuple[Tensor, Tensor]) -> None:
    notebook = Notebook("noise = torch.randn(500)", net("3", "torch.softmax(self.fc(x) + noise.sum(), 1)"))
    definition = notebook.define("Net", signature=ROWS, batch=batch)
    text, page = str(definition), definition._repr_html_()
    for shown in ("already a softmax", "Only in this kernel: `noise` (Tensor): other when made again."):
        assert shown in text
        assert shown in page


def test_a_model_that_torchinfo_cannot_measure_has_no_summary(
    batch: tuple[Tensor, Tensor],
) -> None:
    notebook = Notebook(
        "class Box:\n    def __init__(self, value):\n        self.value = value",
        "class Inner(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.fc = nn.Linear(4, 3)\n    def forward(self, x):\n        return Box(self.fc(x))",
        module_cell("self.inner = Inner()", "return self.inner(x).value"),
    )
    definition = notebook.define("Net", signature=ROWS, batch=batch)
    assert definition.summary is None
    assert definition.notes[0].startswith("torchinfo cannot summarize the model: ")
    assert definition.report is not None
