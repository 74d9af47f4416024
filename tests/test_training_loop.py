"""The loop: it trains, counts, validates, stops, pauses and survives."""

from __future__ import annotations

import copy
import math
import os
import signal
import threading
import time
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import lepton_nb
from lepton_nb import Callback, data
from lepton_nb.callbacks import LogRow, TrainState
from lepton_nb.errors import ArgumentError, LeptonError, TrainingError
from tests.training_helpers import TinyNet, blobs, same_weights


class Hook(Callback):
    """Runs a function at the end of a step."""

    def __init__(self, function: Callable[[TrainState], None]) -> None:
        self.function = function

    def on_step_end(self, state: TrainState) -> None:
        self.function(state)


def test_a_run_learns_and_is_recorded() -> None:
    run = lepton_nb.train(TinyNet, blobs(), epochs=8, batch_size=16, lr=1e-2, name="tiny")
    assert run.status == "finished"
    history = run.history()
    epochs, accuracy = history["val_accuracy"]
    assert len(epochs) == 8
    assert accuracy[-1] > 0.8
    steps, losses = history["loss"]
    assert steps == list(range(1, run.step + 1))
    assert sum(losses[-5:]) < sum(losses[:5])
    assert lepton_nb.get_run("tiny").id == run.id


def test_losses_equal_a_hand_written_loop() -> None:
    """Speed and safety are never bought with a different algorithm: fused kernels round the last bits."""
    inputs, target = torch.randn(96, 6), torch.randint(0, 3, (96,))
    loader = DataLoader(TensorDataset(inputs, target), batch_size=16)
    torch.manual_seed(1)
    ours = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 3))
    theirs = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 3))
    theirs.load_state_dict(ours.state_dict())

    expected = []
    optimizer = torch.optim.Adam(theirs.parameters(), lr=1e-2)
    for _ in range(3):
        for x, y in loader:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(theirs(x), y)
            loss.backward()
            optimizer.step()
            expected.append(loss.item())

    mine = torch.optim.Adam(ours.parameters(), lr=1e-2)
    run = lepton_nb.train(ours, train=loader, optimizer=mine, loss=nn.CrossEntropyLoss(), epochs=3)
    assert run.history()["loss"][1] == pytest.approx(expected, abs=1e-6)
    pairs = zip(ours.parameters(), theirs.parameters(), strict=True)
    assert all(torch.allclose(mine, other, atol=1e-5) for mine, other in pairs)


def test_the_textbook_loop_on_the_same_batches_has_the_same_losses() -> None:
    """Everything at its default for speed: to 1e-5, the rounding of fused kernels over twenty steps."""
    pictures = torch.randint(0, 256, (80, 3, 8, 8), dtype=torch.uint8)
    bundle = data.arrays(pictures, torch.arange(80) % 4, val_fraction=0.0, test_fraction=0.0)
    torch.manual_seed(3)
    ours = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1), nn.ReLU(), nn.Flatten(),
        nn.Linear(8 * 8 * 8, 16), nn.ReLU(), nn.Linear(16, 4),
    )  # fmt: skip
    theirs = copy.deepcopy(ours)
    optimizer, expected = torch.optim.Adam(theirs.parameters(), lr=1e-3), []
    for epoch in range(5):
        for images, labels in bundle.loader("train", batch_size=20, seed=0).batches(epoch):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(theirs(images), labels)
            loss.backward()
            optimizer.step()
            expected.append(loss.item())
    settings = {"optimizer": "adam", "lr": 1e-3, "weight_decay": 0.0, "schedule": "constant"}
    run = lepton_nb.train(ours, bundle, epochs=5, batch_size=20, seed=0, **settings)
    assert run.history()["loss"][1] == pytest.approx(expected, abs=1e-5)


def test_accumulation_equals_the_large_batch() -> None:
    inputs, target = torch.randn(64, 6), torch.randint(0, 3, (64,))
    dataset = TensorDataset(inputs, target)
    torch.manual_seed(1)
    small, large = nn.Linear(6, 3), nn.Linear(6, 3)
    large.load_state_dict(small.state_dict())
    common = {"epochs": 2, "optimizer": "sgd", "momentum": 0.0, "weight_decay": 0.0, "lr": 0.1}
    run = lepton_nb.train(small, train=DataLoader(dataset, batch_size=8), accumulation=4, **common)
    lepton_nb.train(large, train=DataLoader(dataset, batch_size=32), **common)
    assert run.step == 4
    assert torch.allclose(small.weight, large.weight, atol=1e-6)


def test_the_same_seed_gives_the_same_weights_and_leaves_the_callers_generator_alone() -> None:
    torch.manual_seed(7)
    before = torch.get_rng_state()
    first = lepton_nb.train(TinyNet, blobs(), epochs=2).live["model"]
    assert torch.equal(torch.get_rng_state(), before)
    second = lepton_nb.train(TinyNet, blobs(), epochs=2).live["model"]
    other = lepton_nb.train(TinyNet, blobs(), epochs=2, seed=1).live["model"]
    assert same_weights(first, second)
    assert not same_weights(first, other)


def test_a_lazy_layer_is_seeded_too() -> None:
    def make() -> nn.Module:
        return nn.Sequential(nn.LazyLinear(8), nn.ReLU(), nn.LazyLinear(3))

    torch.manual_seed(1)
    first = lepton_nb.train(make, blobs(), epochs=1).live["model"]
    torch.manual_seed(2)
    assert same_weights(first, lepton_nb.train(make, blobs(), epochs=1).live["model"])


def test_the_model_ends_with_the_best_weights() -> None:
    run = lepton_nb.train(
        TinyNet, blobs(), epochs=6, optimizer="sgd", schedule="constant", lr=0.8, batch_size=8
    )
    _, saved = run.load_checkpoint("best")
    model = run.live["model"]
    assert not model.training
    assert all(torch.equal(saved["model"][key], value) for key, value in model.state_dict().items())
    assert run.best_value == max(run.history()["val_accuracy"][1])


def test_balanced_class_weights_weigh_rare_classes_up() -> None:
    inputs, target = torch.randn(120, 6), torch.cat([torch.zeros(100), torch.ones(20)]).long()
    run = lepton_nb.train(nn.Linear(6, 2), (inputs, target), epochs=20, lr=0.05, class_weights="balanced")
    share = run.live["model"](inputs).argmax(1).float().mean()
    plain = lepton_nb.train(nn.Linear(6, 2), (inputs, target), epochs=20, lr=0.05)
    assert share > plain.live["model"](inputs).argmax(1).float().mean()


def test_the_text_log_tells_the_story_of_the_run() -> None:
    run = lepton_nb.train(TinyNet, blobs(), epochs=2, name="logged")
    lines = run.log_path.read_text().splitlines()
    assert "started: TinyNet on blobs, cpu (" in lines[0]
    assert "epoch 2 of 2: train_loss" in lines[-2]
    assert "val_accuracy" in lines[-2]
    assert "finished at step" in lines[-1]


def test_without_held_out_data_the_training_loss_is_watched() -> None:
    loader = DataLoader(TensorDataset(torch.randn(32, 6), torch.randint(0, 3, (32,))), batch_size=8)
    run = lepton_nb.train(TinyNet(), train=loader, epochs=2)
    assert (run.monitor, run.mode) == ("train_loss", "min")
    assert run.best_value == min(run.history()["train_loss"][1])


def test_a_stop_request_ends_between_two_steps_and_keeps_the_checkpoint() -> None:
    def stop(state: TrainState) -> None:
        if state.step == 7:
            state.control.stop()

    run = lepton_nb.train(TinyNet, blobs(), epochs=50, batch_size=16, callbacks=[Hook(stop)])
    assert (run.status, run.step) == ("stopped", 7)
    checkpoint, _ = run.load_checkpoint("last")
    assert checkpoint.step == 7


def test_a_stop_in_mid_epoch_leaves_the_best_weights_in_the_model() -> None:
    bundle = blobs()
    steps = len(bundle.loader("train", batch_size=16))

    def stop(state: TrainState) -> None:
        if state.step == steps + 3:
            state.control.stop()

    run = lepton_nb.train(TinyNet, bundle, epochs=50, batch_size=16, callbacks=[Hook(stop)])
    _, saved = run.load_checkpoint("best")
    assert saved["step"] == steps
    state = run.live["model"].state_dict()
    assert all(torch.equal(saved["model"][key], value) for key, value in state.items())


def test_an_interrupt_stops_gracefully_and_returns_the_run() -> None:
    def interrupt(state: TrainState) -> None:
        if state.step == 5:
            os.kill(os.getpid(), signal.SIGINT)

    handler = signal.getsignal(signal.SIGINT)
    run = lepton_nb.train(TinyNet, blobs(), epochs=50, batch_size=16, callbacks=[Hook(interrupt)])
    assert run.status == "stopped"
    assert run.step <= 6
    assert signal.getsignal(signal.SIGINT) is handler


def test_a_second_interrupt_ends_at_once_and_leaves_the_run_consistent() -> None:
    def interrupt(state: TrainState) -> None:
        if state.step == 5:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.1)

    with pytest.raises(KeyboardInterrupt):
        lepton_nb.train(TinyNet, blobs(), epochs=50, name="twice", callbacks=[Hook(interrupt)])
    run = lepton_nb.get_run("twice")
    assert run.status == "stopped"
    assert lepton_nb.resume(run, data=blobs(), model=TinyNet(), epochs=3).status == "finished"


def test_pause_waits_and_resume_goes_on() -> None:
    seen = []

    def pause(state: TrainState) -> None:
        if state.step == 3:
            state.control.pause()
            timer = threading.Timer(0.4, state.control.resume)
            timer.start()
            seen.append(time.monotonic())
        if state.step == 4:
            seen.append(time.monotonic())

    run = lepton_nb.train(TinyNet, blobs(), epochs=1, batch_size=16, callbacks=[Hook(pause)])
    assert run.status == "finished"
    assert seen[1] - seen[0] >= 0.35


def test_another_process_stops_a_run_through_the_store() -> None:
    def request(state: TrainState) -> None:
        if state.step == 3:
            lepton_nb.get_run("asked").request("stop")
        time.sleep(0.02)

    run = lepton_nb.train(TinyNet, blobs(), epochs=100, name="asked", callbacks=[Hook(request)])
    assert run.status == "stopped"
    assert run.step < 100


def test_patience_stops_when_nothing_improves() -> None:
    linear = nn.Linear(6, 3)  # nothing in it moves at a learning rate of zero, not even batch statistics
    run = lepton_nb.train(linear, blobs(), epochs=50, patience=2, lr=0.0, schedule="constant")
    assert run.status == "stopped"
    assert len(run.history()["val_accuracy"][0]) == 3


def test_a_loss_that_is_not_a_number_ends_the_run_with_a_remedy() -> None:
    def explode(preds: Tensor, target: Tensor) -> Tensor:
        return nn.functional.cross_entropy(preds, target) * (math.nan if explode.calls > 3 else 1.0)  # type: ignore[attr-defined]

    explode.calls = 0  # type: ignore[attr-defined]

    def count(_: TrainState) -> None:
        explode.calls += 1  # type: ignore[attr-defined]

    with pytest.raises(TrainingError, match=r"loss became nan at step \d+"):
        lepton_nb.train(TinyNet, blobs(), epochs=5, loss=explode, name="nan", callbacks=[Hook(count)])
    run = lepton_nb.get_run("nan")
    assert run.status == "failed"
    assert "loss became nan" in (run.error or "")
    run.load_checkpoint("last")


def test_a_callback_that_raises_ends_the_run_as_failed() -> None:
    def fail(state: TrainState) -> None:
        raise ValueError("my own mistake")

    with pytest.raises(ValueError, match="my own mistake"):
        lepton_nb.train(TinyNet, blobs(), name="broken", callbacks=[Hook(fail)])
    assert lepton_nb.get_run("broken").status == "failed"


def test_callbacks_see_every_point_once() -> None:
    class Points(Callback):
        def __init__(self) -> None:
            self.steps: list[int] = []

        def on_log(self, state: TrainState, rows: list[LogRow]) -> None:
            self.steps += [step for step, _, metrics in rows if "loss" in metrics]

    points = Points()
    run = lepton_nb.train(TinyNet, blobs(), epochs=3, batch_size=16, callbacks=[points])
    assert points.steps == list(range(1, run.step + 1))


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        ({}, "no data", "--data"),
        ({"data": "digits", "epochs": 0}, "epochs is 0", ""),
        ({"data": "digits", "recipe": "cifar100"}, "no recipe", "cifar10"),
        ({"data": "digits", "device": "cuda"}, "no cuda device", "--device"),
        ({"data": "digits", "device": "gpu"}, "no device 'gpu'", "cuda"),
        ({"data": "digits", "loss": "CrossEntropy"}, "no loss 'CrossEntropy'", "CrossEntropyLoss"),
        ({"data": "digits", "loss": 3}, "loss is a int", "nn.CrossEntropyLoss()"),
        ({"data": "digits", "optimizer": 3}, "optimizer is a int", "torch.optim"),
    ],
)
def test_a_wrong_argument_is_explained_before_a_run_exists(
    arguments: dict[str, object], message: str, hint: str
) -> None:
    if torch.accelerator.is_available() and arguments.get("device") == "cuda":
        pytest.skip("this machine has the device")
    with pytest.raises(LeptonError) as caught:
        lepton_nb.train(None, **arguments)
    assert message in caught.value.message
    assert hint in (caught.value.hint or "")
    assert not lepton_nb.list_runs()


def test_an_optimizer_of_another_model_is_refused() -> None:
    optimizer = torch.optim.Adam(TinyNet().parameters())
    with pytest.raises(TrainingError, match="another model"):
        lepton_nb.train(TinyNet(), blobs(), optimizer=optimizer)


def test_data_and_loaders_together_are_refused() -> None:
    with pytest.raises(ArgumentError, match="Both"):
        lepton_nb.train(TinyNet, blobs(), train=blobs())
