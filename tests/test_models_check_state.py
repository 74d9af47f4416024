"""A check leaves no trace on the model or on the random numbers that follow."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lepton_nb.errors import ModelError
from lepton_nb.models import check_model, summarize


class Noisy(nn.Module):
    """Everything a careless check would disturb."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.5))
        self.head = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        random.random()
        np.random.rand()
        return self.head(self.body(x))


def draw() -> tuple[float, float, float]:
    return torch.rand(()).item(), random.random(), float(np.random.rand())


@pytest.fixture
def batch() -> tuple[Tensor, Tensor]:
    return torch.randn(6, 4), torch.tensor([0, 1, 2, 0, 1, 2])


def test_a_check_restores_buffers_gradients_modes_and_randomness(batch: tuple[Tensor, Tensor]) -> None:
    net = Noisy()
    net(batch[0]).sum().backward()
    net.train()
    net.body.eval()
    state = {key: value.clone() for key, value in net.state_dict().items()}
    grads = [(weight.grad, weight.grad.clone()) for weight in net.parameters()]
    modes = [module.training for module in net.modules()]
    torch.manual_seed(3)
    random.seed(3)
    np.random.seed(3)
    expected = draw()
    torch.manual_seed(3)
    random.seed(3)
    np.random.seed(3)

    check_model(net, *batch, loss=nn.CrossEntropyLoss(), num_classes=3)
    summarize(net, batch[0])

    assert draw() == expected
    assert all(torch.equal(value, state[key]) for key, value in net.state_dict().items())
    for weight, (grad, value) in zip(net.parameters(), grads, strict=True):
        assert weight.grad is grad
        assert torch.equal(grad, value)
    assert [module.training for module in net.modules()] == modes
    assert all(not module._forward_hooks and not module._forward_pre_hooks for module in net.modules())


def test_a_check_that_fails_restores_too(batch: tuple[Tensor, Tensor]) -> None:
    net = Noisy()
    net.head = nn.Linear(9, 3)
    state = {key: value.clone() for key, value in net.state_dict().items()}
    torch.manual_seed(3)
    expected = torch.rand(())
    torch.manual_seed(3)
    with pytest.raises(ModelError, match="`head` takes 9 features but gets 8"):
        check_model(net, *batch, loss=nn.CrossEntropyLoss(), num_classes=3)
    assert torch.equal(torch.rand(()), expected)
    assert all(torch.equal(value, state[key]) for key, value in net.state_dict().items())
    assert all(weight.grad is None for weight in net.parameters())
    assert all(not module._forward_hooks and not module._forward_pre_hooks for module in net.modules())


def test_the_report_tells_shapes_and_the_loss(batch: tuple[Tensor, Tensor]) -> None:
    net = nn.Linear(4, 3)
    report = check_model(net, *batch, loss=nn.CrossEntropyLoss(), num_classes=3)
    assert report.input_shapes == [(6, 4)]
    assert [spec.shape for spec in report.outputs] == [(3,)]
    assert report.loss == pytest.approx(nn.functional.cross_entropy(net(batch[0]), batch[1]).item())
    assert report.warnings == []


def test_lazy_layers_take_their_shapes_from_the_batch(batch: tuple[Tensor, Tensor]) -> None:
    net = nn.Sequential(nn.LazyLinear(8), nn.LazyBatchNorm1d(), nn.ReLU(), nn.LazyLinear(3))
    check_model(net, *batch, loss=nn.CrossEntropyLoss(), num_classes=3)
    assert net[0].weight.shape == (8, 4)
    assert net[1].num_batches_tracked == 0
    assert all(weight.grad is None for weight in net.parameters())


@pytest.mark.slow
def test_a_compiled_model_is_checked_without_compiling(batch: tuple[Tensor, Tensor]) -> None:
    net = nn.Linear(5, 3)
    with pytest.raises(ModelError, match="takes 5 features but gets 4 from the data"):
        check_model(torch.compile(net), *batch, loss=nn.CrossEntropyLoss())


def test_several_inputs_are_several_arguments() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(5, 2)

        def forward(self, a: Tensor, b: Tensor) -> Tensor:
            return self.fc(torch.cat([a, b], 1))

    inputs = (torch.randn(4, 2), torch.randn(4, 3))
    report = check_model(Two(), inputs, torch.tensor([0, 1, 1, 0]), loss=nn.CrossEntropyLoss(), num_classes=2)
    assert report.input_shapes == [(4, 2), (4, 3)]


def test_a_check_under_no_grad_still_finds_the_gradients(batch: tuple[Tensor, Tensor]) -> None:
    with torch.no_grad():
        assert check_model(nn.Linear(4, 3), *batch, loss=nn.CrossEntropyLoss()).warnings == []


def test_a_frozen_teacher_in_a_list_is_left_alone(batch: tuple[Tensor, Tensor]) -> None:
    net = Noisy()
    net.teacher = [nn.Linear(4, 3).requires_grad_(False)]
    check_model(net, *batch, loss=nn.CrossEntropyLoss())
