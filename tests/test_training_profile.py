"""Where a step's time goes."""

from __future__ import annotations

import time
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

import lepton_nb
from lepton_nb.training.profiling import PARTS, STEPS, StepProfile
from tests.training_helpers import TinyNet, blobs, same_weights

pytestmark = pytest.mark.slow


class SlowData(Dataset[Any]):
    def __len__(self) -> int:
        return 60

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        time.sleep(0.003)
        return torch.randn(6, generator=torch.Generator().manual_seed(index)), index % 3


class SlowForward(TinyNet):
    def forward(self, x: Tensor) -> Tensor:
        time.sleep(0.01)
        return super().forward(x)


def profile_of(*args: Any, **options: Any) -> StepProfile:
    run = lepton_nb.train(*args, profile=True, **options)
    found: StepProfile = run.live["profile"]
    assert run.read_json("profile.json")["bottleneck"] == found.bottleneck
    assert "Bottleneck" in run.log_path.read_text()
    return found


def test_a_slow_loader_is_named_with_its_remedy() -> None:
    found = profile_of(TinyNet, train=DataLoader(SlowData(), batch_size=4), epochs=1)
    assert found.bottleneck == "data"
    assert found.share("data") > 0.5
    assert "num_workers" in found.remedy
    assert sum(found.share(part) for part in PARTS) == pytest.approx(1.0)


def test_a_slow_model_is_told_from_a_slow_loader() -> None:
    found = profile_of(SlowForward, blobs(), epochs=2, batch_size=16)
    assert found.bottleneck == "forward"
    assert 0.008 < found.seconds["forward"] < 0.1
    assert found.steps > 10


def test_tiny_steps_are_told_to_be_larger() -> None:
    found = profile_of(nn.Linear(6, 3), blobs(600), epochs=6, batch_size=8)
    assert found.steps == STEPS
    if found.bottleneck in ("overhead", "optimizer"):  # a busy machine may stretch another part
        assert "--batch-size than 8" in found.remedy


def test_what_is_measured_trains_the_same() -> None:
    plain = lepton_nb.train(TinyNet, blobs(), epochs=3, batch_size=16)
    watched = lepton_nb.train(TinyNet, blobs(), epochs=3, batch_size=16, profile=True)
    assert same_weights(plain.live["model"], watched.live["model"])


def test_the_loop_is_let_go_of() -> None:
    model = TinyNet()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    loader = DataLoader(TensorDataset(torch.randn(32, 6), torch.arange(32) % 3), batch_size=8)
    lepton_nb.train(model, train=loader, optimizer=optimizer, epochs=3, profile=True)
    assert not optimizer._optimizer_step_pre_hooks
    assert not optimizer._optimizer_step_post_hooks


def test_it_shows_as_a_picture_and_as_text() -> None:
    found = StepProfile(
        {"data": 0.02, "forward": 0.01, "backward": 0.02, "optimizer": 0.004, "overhead": 0.0001},
        *(50, "cpu", "data", "Give your DataLoader num_workers."),
    )
    shown = found._repr_mimebundle_()
    assert shown["image/png"].startswith(b"\x89PNG")
    assert "A step takes 54.1 ms: data 37%, forward 18%" in shown["text/plain"]
    assert "Bottleneck: data (37%). Give your DataLoader" in shown["text/plain"]
