"""The learning-rate finder and the drawn schedules."""

from __future__ import annotations

import copy
import math
import signal
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import lepton_nb
from lepton_nb.callbacks import Callback, TrainState
from lepton_nb.errors import ArgumentError, TrainingError
from lepton_nb.training import RateSearch
from tests.training_helpers import TinyNet, blobs, same_weights


@pytest.mark.slow
def test_the_suggested_rate_trains_faster_than_a_thirtieth_of_it() -> None:
    found = lepton_nb.lr_find(TinyNet, blobs(), optimizer="sgd", steps=80)
    assert found.suggestion is not None
    final = {
        factor: lepton_nb.train(
            TinyNet, blobs(), optimizer="sgd", lr=found.suggestion * factor, epochs=2, batch_size=32
        ).history()["train_loss"][1][-1]
        for factor in (0.03, 1.0)
    }
    assert final[1.0] < final[0.03]
    assert found.rates == sorted(found.rates)
    assert "Suggested learning rate" in str(found)
    assert "data:image/png" in found._repr_html_()


def test_model_optimizer_and_random_numbers_are_as_they_were() -> None:
    model = TinyNet().eval()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.123)
    before, settings = copy.deepcopy(model), copy.deepcopy(optimizer.state_dict())
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    lepton_nb.lr_find(model, blobs(), optimizer=optimizer, steps=20, freeze="body.0")
    assert torch.equal(torch.rand(3), expected)
    assert same_weights(model, before)
    assert optimizer.state_dict() == settings
    assert not model.training
    assert all(p.requires_grad and p.grad is None for p in model.parameters())
    assert not lepton_nb.list_runs()


def test_an_interrupt_ends_it_early_and_leaves_the_weights() -> None:
    class Interrupting(nn.Module):
        calls = 0

        def forward(self, preds: Tensor, target: Tensor) -> Tensor:
            Interrupting.calls += 1
            if Interrupting.calls == 8:
                signal.raise_signal(signal.SIGINT)
            return nn.functional.cross_entropy(preds, target)

    model = TinyNet()
    before = copy.deepcopy(model)
    found = lepton_nb.lr_find(model, blobs(), loss=Interrupting(), steps=50)
    assert found.ended == "interrupted"
    assert 0 < len(found.rates) < 10
    assert same_weights(model, before)


def test_a_loss_that_never_falls_gets_no_suggestion_but_advice() -> None:
    flat = RateSearch([1e-5, 1e-4, 1e-3, 1e-2], [2.0, 2.01, 1.99, 2.0])
    assert flat.suggestion is None
    assert "No learning rate made the loss fall" in str(flat)


def test_the_suggestion_is_the_middle_of_the_fall() -> None:
    rates = [10 ** (-6 + i / 10) for i in range(60)]
    losses = [2.0 - 1.5 / (1 + math.exp(-(i - 30) / 3)) if i < 50 else 10.0 for i in range(60)]
    found = RateSearch(rates, losses)
    assert found.suggestion == pytest.approx(rates[30], rel=0.3)


def test_a_wrong_range_and_a_loss_that_is_no_number_are_explained() -> None:
    with pytest.raises(ArgumentError, match="expected it to rise"):
        lepton_nb.lr_find(TinyNet, blobs(), start=1.0, end=0.1)

    class Late(nn.Module):
        calls = 0

        def forward(self, preds: Tensor, target: Tensor) -> Tensor:
            Late.calls += 1
            loss = nn.functional.cross_entropy(preds, target)
            return loss if Late.calls < 2 else loss * math.nan

    with pytest.raises(TrainingError, match="first loss is not finite"):
        lepton_nb.lr_find(TinyNet, blobs(), loss=Late())


@pytest.mark.parametrize(
    "options",
    [{"schedule": "step", "drop_after": 1, "drop": 0.5}, {"schedule": "one-cycle"}, {"schedule": "warmup"}],
)
def test_a_drawn_schedule_is_the_one_that_runs(options: dict[str, Any]) -> None:
    class Rates(Callback):
        def __init__(self) -> None:
            self.seen: list[float] = []

        def on_step_end(self, state: TrainState) -> None:
            self.seen.append(state.lr)

    rates = Rates()
    lepton_nb.train(TinyNet, blobs(), epochs=3, batch_size=32, lr=0.02, callbacks=[rates], **options)
    plan = lepton_nb.schedule(data=blobs(), epochs=3, batch_size=32, lr=0.02, **options)
    assert plan.rates[options["schedule"]] == pytest.approx(rates.seen)


def test_a_step_schedule_drops_at_each_third_and_a_plateau_when_the_loss_stays() -> None:
    plan = lepton_nb.schedule("step", "plateau", epochs=9, lr=1.0, warmup=0.0, drop=0.1)
    step, plateau = plan.rates["step"], plan.rates["plateau"]
    assert [round(step[epoch * 100], 6) for epoch in range(9)] == [1, 1, 1, 0.1, 0.1, 0.1, 0.01, 0.01, 0.01]
    assert [round(plateau[epoch * 100], 6) for epoch in range(9)] == [1, 1, 1, 1, 0.1, 0.1, 0.1, 0.01, 0.01]
    assert "never improves" in str(plan)


def test_a_plateau_run_drops_when_the_validation_loss_stays() -> None:
    run = lepton_nb.train(
        TinyNet, blobs(), epochs=8, batch_size=64, lr=1e-7, schedule="plateau", drop_after=1, warmup=0.0
    )
    rates = run.history()["lr"][1]
    assert rates[-1] < rates[0]


def test_unknown_schedules_are_named_with_the_nearest() -> None:
    with pytest.raises(ArgumentError) as caught:
        lepton_nb.schedule("cosin")
    assert "cosine" in (caught.value.hint or "")
