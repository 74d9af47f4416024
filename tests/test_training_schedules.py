"""Learning-rate schedules, against torch's own where torch has them."""

from __future__ import annotations

import pytest
import torch

from lepton_nb.training.schedules import make_schedule


@pytest.mark.parametrize("total", [20, 100, 1000])
def test_one_cycle_equals_torchs(total: int) -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    theirs = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1.0, total_steps=total)
    ours = make_schedule("one-cycle", total, warmup=0.0)
    for step in range(total):
        assert ours(step) == pytest.approx(theirs.get_last_lr()[0], abs=1e-9)
        optimizer.step()
        if step < total - 1:
            theirs.step()


@pytest.mark.parametrize("name", ["cosine", "linear"])
def test_warm_up_rises_then_the_rate_falls_to_zero(name: str) -> None:
    factor = make_schedule(name, 100, warmup=0.1)
    values = [factor(step) for step in range(101)]
    assert values[:11] == sorted(values[:11])
    assert values[10:] == sorted(values[10:], reverse=True)
    assert max(values) == pytest.approx(1.0)
    assert values[100] == pytest.approx(0.0, abs=1e-9)
    assert values[0] > 0


def test_constant_is_constant() -> None:
    factor = make_schedule("constant", 100, warmup=0.1)
    assert {factor(step) for step in range(100)} == {1.0}


@pytest.mark.parametrize("name", ["cosine", "linear", "one-cycle"])
@pytest.mark.parametrize("total", [1, 2, 3])
def test_the_shortest_runs_work(name: str, total: int) -> None:
    factor = make_schedule(name, total, warmup=0.5)
    assert all(0 <= factor(step) <= 1 for step in range(total))
    assert factor(0) > 0


def test_a_run_without_a_length_keeps_its_rate() -> None:
    assert make_schedule("cosine", None, warmup=0.1)(12345) == 1.0
