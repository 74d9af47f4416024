"""A scheduler of the user's: stepped as in a plain loop, kept in checkpoints, left as it came."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from torch.optim import lr_scheduler as schedulers

import lepton_nb
from lepton_nb.errors import ArgumentError, LeptonError, TrainingError
from tests.test_training_background import ended, wait_for
from tests.training_helpers import TinyNet, blobs, same_weights

EPOCHS, STEPS = 4, 11  # steps an epoch, of the blobs in batches of 16


def sgd(net: TinyNet) -> torch.optim.Optimizer:
    return torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, fused=False)


def warmed(optimizer: torch.optim.Optimizer) -> Any:
    first = schedulers.LinearLR(optimizer, 0.1, total_iters=2)
    return schedulers.SequentialLR(optimizer, [first, schedulers.MultiStepLR(optimizer, [1])], [2])


def one_cycle(optimizer: torch.optim.Optimizer, total_steps: int) -> Any:
    return schedulers.OneCycleLR(optimizer, max_lr=0.2, total_steps=total_steps)


def linear_to_zero(optimizer: torch.optim.Optimizer, num_training_steps: int) -> Any:
    return schedulers.LambdaLR(optimizer, lambda step: 1.0 - step / num_training_steps)


MAKERS: dict[str, Any] = {
    "partial": partial(schedulers.StepLR, step_size=2, gamma=0.5),
    "class": schedulers.CosineAnnealingLR,
    "sequential": warmed,
    "plateau": partial(schedulers.ReduceLROnPlateau, patience=0, threshold=1.0),
    "one cycle": partial(schedulers.OneCycleLR, max_lr=0.2),
    "by steps": linear_to_zero,
    "cyclic": partial(schedulers.CyclicLR, base_lr=0.01, max_lr=0.1, step_size_up=5),
    "restarts": partial(schedulers.CosineAnnealingWarmRestarts, T_0=2),
    "chained": lambda o: schedulers.ChainedScheduler(
        [schedulers.ConstantLR(o, 0.5, total_iters=2), schedulers.ExponentialLR(o, 0.9)]
    ),
}


def plain_rates(maker: Any) -> list[float]:
    """The rate of every step in a loop written by hand."""
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=0.1, momentum=0.9)
    total = EPOCHS * STEPS
    named = {
        "one cycle": {"total_steps": total},
        "by steps": {"num_training_steps": total},
        "class": {"T_max": EPOCHS},
    }
    name = next(name for name, known in MAKERS.items() if known is maker)
    scheduler = maker(optimizer, **named.get(name, {}))
    rates = []
    for epoch in range(EPOCHS):
        for _ in range(STEPS):
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            if name in ("one cycle", "by steps", "cyclic"):
                scheduler.step()
        if name == "plateau":
            scheduler.step(float(epoch == 0))  # with this threshold nothing is ever better
        elif name not in ("one cycle", "by steps", "cyclic"):
            scheduler.step()
    return rates


def trained(maker: Any, net: TinyNet, stop: int | None = None, **options: Any) -> Any:
    callbacks = [] if stop is None else [lambda s: s.control.stop() if s.epoch == stop else None]
    return lepton_nb.train(
        net,
        blobs(),
        optimizer=sgd(net),
        scheduler=maker,
        epochs=EPOCHS,
        batch_size=16,
        restore_best=False,
        callbacks=callbacks,
        **options,
    )


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("maker", MAKERS.values(), ids=MAKERS.keys())
def test_rates_are_those_of_a_plain_loop_and_a_resumed_run_ends_alike(maker: Any) -> None:
    torch.manual_seed(0)
    net, other = TinyNet(), TinyNet()
    other.load_state_dict(net.state_dict())
    whole = trained(maker, net)
    assert whole.history()["lr"][1] == pytest.approx(plain_rates(maker))
    half = trained(maker, other, stop=1)
    half.live.clear()
    again = {"scheduler": maker} if half.read_json("own.json")["scheduler"]["kwargs"] is None else {}
    half = lepton_nb.resume(half.ref, model=other, data=blobs(), **again)
    assert half.history()["lr"][1] == whole.history()["lr"][1]
    assert same_weights(net, other)
    assert half.params["schedule"] == half.read_json("own.json")["scheduler"]["class"]


def test_an_instance_is_left_as_it_came_and_a_cell_run_twice_trains_alike() -> None:
    net = TinyNet()
    optimizer = sgd(net)
    scheduler = schedulers.StepLR(optimizer, 1, 0.5)
    rates = []
    for _ in range(2):
        run = lepton_nb.train(net, blobs(), scheduler=scheduler, epochs=3)
        rates.append(run.history()["lr"][1])
        assert optimizer.param_groups[0]["lr"] == 0.1
    assert rates[0] == rates[1]
    assert run.params["optimizer"] == "SGD", "that of the scheduler"


def test_when_it_is_stepped_is_said_and_can_be_told() -> None:
    net = TinyNet()
    run = trained(partial(schedulers.StepLR, step_size=STEPS, gamma=0.5), net, scheduler_by="step")
    assert "StepLR is stepped after each step" in run.log_path.read_text()
    rates = run.history().frame().groupby("epoch")["lr"].last().tolist()
    assert rates[:2] == pytest.approx([0.1, 0.05])


def test_the_settings_optimizer_takes_one_too() -> None:
    run = lepton_nb.train(TinyNet(), blobs(), scheduler=schedulers.CosineAnnealingLR, lr=0.01, epochs=2)
    rates = run.history().frame().groupby("epoch")["lr"].first().tolist()
    assert rates == pytest.approx([0.01, 0.005])


@pytest.mark.parametrize(
    ("scheduler", "options", "said"),
    [
        (schedulers.StepLR, {}, "StepLR cannot be made: .*step_size"),
        (3, {}, "The scheduler is a int"),
        (lambda optimizer: optimizer, {}, "gives a SGD; expected a torch.optim.lr_scheduler"),
        (
            schedulers.CosineAnnealingLR,
            {"schedule": "cosine"},
            "--schedule has no effect beside your own scheduler",
        ),
        (None, {"scheduler_by": "step"}, "--scheduler-by has no effect"),
    ],
)
def test_what_is_none_or_overruled_is_refused(scheduler: Any, options: dict[str, Any], said: str) -> None:
    with pytest.raises(ArgumentError, match=said):
        trained(scheduler, TinyNet(), **options)


def test_one_of_another_optimizer_or_too_short_is_refused_before_the_first_step() -> None:
    other = schedulers.StepLR(sgd(TinyNet()), 1)
    with pytest.raises(LeptonError, match="moves another optimizer"):
        trained(other, TinyNet())
    with pytest.raises(TrainingError, match="OneCycleLR ends after 3 steps, the run has 44"):
        trained(partial(schedulers.OneCycleLR, max_lr=0.1, total_steps=3), TinyNet())


def test_another_rate_on_resume_scales_what_the_scheduler_gives() -> None:
    net = TinyNet()
    run = trained(MAKERS["class"], net, stop=0)
    run = lepton_nb.resume(run.ref, model=net, data=blobs(), lr=0.01)
    rates = run.history().frame().groupby("epoch")["lr"].last().tolist()
    assert rates[1] == pytest.approx(0.01)
    assert rates[1] / rates[2] == pytest.approx(0.0853553 / 0.05, rel=1e-4)


@pytest.mark.slow
def test_an_instance_moves_its_optimizer_in_the_background_too() -> None:
    net = TinyNet()
    optimizer = sgd(net)
    scheduler = schedulers.StepLR(optimizer, 1, 0.5)
    run = lepton_nb.train(net, blobs(), optimizer=optimizer, scheduler=scheduler, epochs=2, background=True)
    wait_for(lambda: ended(run))
    assert run.status == "finished", run.log_path.read_text()
    assert run.history().frame().groupby("epoch")["lr"].last().tolist() == pytest.approx([0.1, 0.05])
