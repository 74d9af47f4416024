"""An output or target that the loss cannot compare, and outputs that are probably not meant."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from tests.models_support import LABELS, check, ids, images, mistake, module_cell, rows

OUTPUTS = {
    "too few logits": (
        "self.fc1 = nn.Linear(3, 128)\nself.fc2 = nn.Linear(128, 5)",
        "return self.fc2(self.fc1(x))",
        "`fc2` gives 5 logits but there are 10 classes (target 0 … 9 seen); write nn.Linear(128, 10)",
    ),
    "the head of another data set": (
        "self.fc = nn.Linear(3, 1000)",
        "return self.fc(x)",
        "`fc` gives 1000 logits but there are 10 classes (target 0 … 9 seen); write nn.Linear(3, 10)",
    ),
    "one number per item": (
        "self.fc = nn.Linear(3, 1)",
        "return self.fc(x).squeeze()",
        "Net gives one number per item, (N,), not one per class; write nn.Linear(3, 10)",
    ),
    "None": (
        "self.fc = nn.Linear(3, 10)",
        "self.fc(x)",
        "Net.forward returns None.\nEnd forward with `return x`.",
    ),
    "a tuple": (
        "self.fc = nn.Linear(3, 10)",
        "return self.fc(x), x",
        "Net.forward returns a tuple, not one tensor: Tensor (4, 10), Tensor (4, 3)."
        "\nReturn the logits alone.",
    ),
    "a dict": (
        "self.fc = nn.Linear(3, 10)",
        "return {'scores': self.fc(x)}",
        "Net.forward returns a dict with 'scores', not a tensor.\nReturn the logits alone.",
    ),
    "an argmax": (
        "self.fc = nn.Linear(3, 10)",
        "return self.fc(x).argmax(1)",
        "Net.forward returns int64 (N,), not scores: nothing can be learned through an argmax or a "
        "comparison."
        "\nReturn the logits.",
    ),
    "a lost batch": (
        "self.fc = nn.Linear(3, 10)",
        "return self.fc(x).mean(0)",
        "Net gives (10,) for a batch of 4: the batch dimension is lost."
        "\nFlatten with x.flatten(1), and keep squeeze() off dim 0.",
    ),
    "a scalar": (
        "self.fc = nn.Linear(3, 10)",
        "return self.fc(x).mean()",
        "Net gives () for a batch of 4: a single number."
        "\nKeep the batch dimension: mean over dim=1, not over all.",
    ),
    "a fixed batch size": (
        "self.fc = nn.Linear(1, 10)",
        "return self.fc(x.view(12, -1))",
        "`return self.fc(x.view(12, -1))` (cell 2, line 6) turns (N, 3) from the data into (12, 1) "
        "and mixes the "
        "items of the batch: one item has 3 values; write x.flatten(1) and nn.Linear(3, 10) for `fc`",
    ),
    "a detached output": (
        "self.fc = nn.Linear(3, 10)",
        "return self.fc(x).detach()",
        "The loss does not depend on the weights of Net: forward cuts the gradient."
        "\nTake .detach(), .data, .item(), torch.no_grad() and torch.tensor(x) out of forward.",
    ),
    "a change in place": (
        "self.fc = nn.Linear(3, 10)",
        "x = torch.sigmoid(self.fc(x))\nx += 1\nreturn x",
        "Net.forward changes in place a tensor that the gradient needs."
        "\nWrite x = x + y for x += y, and nn.ReLU() for nn.ReLU(inplace=True).",
    ),
}


@pytest.mark.parametrize("name", OUTPUTS)
def test_an_output_that_cannot_be_trained(name: str) -> None:
    init, forward, message = OUTPUTS[name]
    error = mistake(module_cell(init, forward), rows())
    assert str(error) == message


def test_logits_for_every_position_are_not_pooled() -> None:
    cell = module_cell("self.emb = nn.Embedding(50, 10)", "return self.emb(x)")
    assert str(mistake(cell, ids())) == (
        "Net gives (N, 7, 10): logits for every position, not one row per item."
        "\nPool over the positions before the last layer: x = x.mean(1)."
    )
    cell = module_cell("self.conv = nn.Conv2d(3, 10, 3)", "return self.conv(x)")
    assert "a map of logits" in str(mistake(cell, images()))
    cell = module_cell("self.conv = nn.Conv2d(3, 10, 32)", "return self.conv(x)")
    assert "Return x.flatten(1)." in str(mistake(cell, images()))


LINEAR = module_cell("self.fc = nn.Linear(3, 3)", "return self.fc(x)")

TARGETS = {
    "counted from 1": (
        torch.tensor([1, 2, 3, 1]),
        "The target holds 3, but 3 classes have indices 0 … 2."
        "\nCount the classes from 0: write target - 1 where the data starts at 1.",
    ),
    "negative": (
        torch.tensor([-1, 1, 1, -1]),
        "The target holds -1; class indices start at 0.\nMap the labels to 0, 1, 2, …",
    ),
    "float": (
        torch.ones(4),
        "The loss takes int64 class indices but the target is float32 (N,)."
        "\nWrite target.long() where the data is made.",
    ),
    "int32": (
        torch.ones(4, dtype=torch.int32),
        "The loss takes int64 class indices but the target is int32 (N,)."
        "\nWrite target.long() where the data is made.",
    ),
    "a column": (
        torch.ones(4, 1, dtype=torch.int64),
        "The loss takes one class index per item, (N,), but the target is (N, 1)."
        "\nWrite target.squeeze(1) where the data is made.",
    ),
    "one-hot": (
        torch.eye(4, 3, dtype=torch.int64),
        "The loss takes one class index per item, (N,), but the target is (N, 3): one-hot?"
        "\nWrite target.argmax(1) where the data is made.",
    ),
}


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_the_loss_cannot_take(name: str) -> None:
    target, message = TARGETS[name]
    assert str(mistake(LINEAR, rows(), target, classes=3)) == message


def test_a_target_out_of_range_where_the_classes_are_not_known() -> None:
    assert str(mistake(LINEAR, rows(), LABELS, classes=None)) == (
        "`fc` gives 3 logits but there are 10 classes (target up to 9 seen); write nn.Linear(3, 10)"
    )


def test_class_probabilities_are_a_target() -> None:
    check(LINEAR, rows(), torch.full((4, 3), 1 / 3), classes=3)


def test_regression_that_would_broadcast() -> None:
    cell = module_cell("self.fc = nn.Linear(3, 1)", "return self.fc(x)")
    assert str(mistake(cell, rows(), torch.randn(4), nn.MSELoss(), None)) == (
        "Net gives (N, 1) but the target is (N,): the loss would compare all 4 × 4 pairs."
        "\nReturn x.squeeze(1)."
    )
    cell = module_cell("self.fc = nn.Linear(3, 1)", "return self.fc(x).squeeze(1)")
    assert str(mistake(cell, rows(), torch.randn(4, 1), nn.MSELoss(), None)) == (
        "Net gives (N,) but the target is (N, 1): the loss would compare all 4 × 4 pairs."
        "\nReturn x.unsqueeze(1)."
    )
    cell = module_cell("self.fc = nn.Linear(3, 1)", "return self.fc(x)")
    assert str(mistake(cell, rows(), torch.randn(4, 2), nn.L1Loss(), None)) == (
        "Net gives (N, 1) but the target is (N, 2); write nn.Linear(3, 2)"
    )


def test_a_binary_loss_takes_zeros_and_ones_of_the_outputs_shape() -> None:
    cell = module_cell("self.fc = nn.Linear(3, 1)", "return self.fc(x)")
    binary = nn.BCEWithLogitsLoss()
    error = mistake(cell, rows(), torch.ones(4), binary, 2)
    assert str(error) == "Net gives (N, 1) but the target is (N,).\nReturn x.squeeze(1)."
    for dtype in (torch.int64, torch.bool, torch.float32):
        assert check(cell, rows(), torch.ones(4, 1, dtype=dtype), binary, 2).loss > 0


def test_a_loss_that_gives_no_single_number() -> None:
    error = mistake(LINEAR, rows(), torch.tensor([0, 1, 2, 0]), nn.CrossEntropyLoss(reduction="none"), 3)
    assert str(error) == 'CrossEntropyLoss gives a tensor (4,), not one number.\nUse reduction="mean".'

    def odd(preds: Tensor, target: Tensor) -> Tensor:
        return (preds - target).mean()

    error = mistake(LINEAR, rows(), torch.tensor([0, 1, 2, 0]), odd, None)
    assert str(error).startswith(
        "odd cannot compare the output (N, 3) float32 with the target (N,) int64: The size"
    )


WARNINGS = {
    "softmax": (
        "return torch.softmax(self.fc(x), 1)",
        nn.CrossEntropyLoss(),
        "The output is already a softmax, and CrossEntropyLoss applies its own: return the logits "
        "(training is slow and stalls otherwise).",
    ),
    "log_softmax": (
        "return F.log_softmax(self.fc(x), 1)",
        nn.CrossEntropyLoss(),
        "The output is already a log_softmax, and CrossEntropyLoss applies its own: return the logits, "
        "or use nn.NLLLoss.",
    ),
    "relu": (
        "return torch.relu(self.fc(x))",
        nn.CrossEntropyLoss(),
        "The output is never negative: drop the ReLU after the last layer.",
    ),
    "logits under NLLLoss": (
        "return self.fc(x)",
        nn.NLLLoss(),
        "NLLLoss takes log-probabilities: return F.log_softmax(x, dim=1), or use nn.CrossEntropyLoss.",
    ),
}


@pytest.mark.parametrize("name", WARNINGS)
def test_an_output_the_loss_transforms_again_is_a_warning(name: str) -> None:
    forward, loss, message = WARNINGS[name]
    report = check(module_cell("self.fc = nn.Linear(3, 10)", forward), torch.randn(4, 3), loss=loss)
    assert report.warnings == [message]


def test_a_sigmoid_under_bce_with_logits_is_a_warning() -> None:
    cell = module_cell("self.fc = nn.Linear(3, 1)", "return torch.sigmoid(self.fc(x))")
    report = check(cell, rows(), torch.ones(4, 1), nn.BCEWithLogitsLoss(), 2)
    assert report.warnings == [
        "The output is already a sigmoid, and BCEWithLogitsLoss applies its own: return the logits."
    ]


def test_layers_without_a_gradient_are_a_warning() -> None:
    cell = module_cell("self.fc = nn.Linear(3, 10)\nself.extra = nn.Linear(3, 10)", "return self.fc(x)")
    assert check(cell, rows()).warnings == [
        "`extra` gets no gradient: the loss does not depend on it; does forward use it?"
    ]


def test_a_plain_tensor_in_the_model_is_a_warning() -> None:
    cell = module_cell(
        "self.fc = nn.Linear(3, 10)\nself.mean = torch.ones(3)", "return self.fc(x - self.mean)"
    )
    assert check(cell, rows()).warnings == [
        "`mean` is a plain tensor: it is not saved and stays on its device; write "
        "self.register_buffer('mean', …)."
    ]


def test_a_sequence_layer_that_takes_the_batch_for_time_is_a_warning() -> None:
    init = "self.lstm = nn.LSTM(3, 8)\nself.fc = nn.Linear(8, 10)"
    report = check(module_cell(init, "return self.fc(self.lstm(x)[0][:, -1])"), torch.randn(4, 7, 3))
    assert report.warnings == [
        "`lstm` takes dimension 0 for time, but gets (N, 7, 3) with the batch first: add batch_first=True."
    ]
    report = check(module_cell(init, "return self.fc(self.lstm(x)[0])"), rows())
    assert report.warnings == [
        "`lstm` gets (N, 3) and takes the batch for one sequence: give it (N, L, features), "
        "with x.unsqueeze(1) for a single step."
    ]


def test_a_good_model_has_no_warnings() -> None:
    assert check(module_cell("self.fc = nn.Linear(3, 10)", "return self.fc(x)"), rows()).warnings == []
