"""What the advice of a check is worth: followed literally, it leads to a model that trains."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torchvision.models as zoo
from torch import Tensor, nn

import lepton_nb
from lepton_nb.errors import ModelError
from lepton_nb.training.preparing import prepare

CLASSES = torch.arange(24) % 3


def hint_of(model: nn.Module, inputs: Tensor) -> tuple[str, str]:
    with pytest.raises(ModelError) as caught:
        prepare(model, (inputs.numpy(), CLASSES.numpy()), config={})
    return caught.value.message, caught.value.hint or ""


class Recurrent(nn.Module):
    def __init__(self, last: Any, **options: Any) -> None:
        super().__init__()
        self.lstm, self.head, self.last = nn.LSTM(4, 8, **options), nn.Linear(8, 3), last

    def forward(self, x: Tensor) -> Tensor:
        out, _ = self.lstm(x)
        return self.head(out[self.last])


def test_a_batch_taken_for_time_is_the_cause_that_is_named() -> None:
    sequences = torch.randn(24, 20, 4)
    _, hint = hint_of(Recurrent(-1), sequences)
    assert "add batch_first=True; the last step is then out[:, -1]" in hint
    fixed = Recurrent((slice(None), -1), batch_first=True)
    assert prepare(fixed, (sequences.numpy(), CLASSES.numpy()), config={}).model is fixed


@pytest.mark.parametrize(
    "model", [nn.Linear(6, 3), nn.Sequential(nn.Linear(6, 8), nn.Linear(8, 3))], ids=["a layer", "layers"]
)
def test_a_frozen_model_is_told_the_line_that_unfreezes_it(model: nn.Module) -> None:
    x = torch.randn(24, 6)
    model.requires_grad_(False)
    _, hint = hint_of(model, x)
    exec(hint.partition(": ")[2], {"model": model})
    assert prepare(model, (x.numpy(), CLASSES.numpy()), config={}).model is model


def test_the_head_of_a_librarys_model_is_replaced_from_outside() -> None:
    model = zoo.mobilenet_v3_small(weights=None)
    pictures = torch.rand(24, 3, 32, 32)
    message, hint = hint_of(model, pictures)
    line = (message + hint).partition("; write ")[2]
    assert line.startswith("model.classifier[3] = nn.Linear(1024, 3")
    exec(line, {"model": model, "nn": nn})
    assert prepare(model, (pictures.numpy(), CLASSES.numpy()), config={}).model is model


def test_a_layer_inside_a_librarys_block_is_no_ones_to_write() -> None:
    class Wrapped(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.head = zoo.resnet18(weights=None).layer1, nn.Linear(64, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.body(x).mean((2, 3)))

    message, hint = hint_of(Wrapped(), torch.rand(24, 3, 8, 8))
    assert "64 channels" in message + hint
    assert "write nn.Conv2d" not in message + hint


def test_none_is_the_word_none() -> None:
    run = lepton_nb.train(
        nn.Linear(6, 3), (torch.randn(24, 6).numpy(), CLASSES.numpy()), class_weights=None, epochs=1
    )
    assert run.params["class_weights"] == "none"
