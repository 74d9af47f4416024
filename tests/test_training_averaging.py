"""Averages of the weights: the right numbers, validated, kept, and resumed to the bit."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

import lepton_nb
from lepton_nb import Callback
from lepton_nb.callbacks import TrainState
from lepton_nb.errors import ArgumentError
from lepton_nb.training.schedules import schedule_of
from tests.training_helpers import TinyNet, blobs, same_weights

pytestmark = pytest.mark.slow

SETTINGS: dict[str, Any] = {"epochs": 4, "batch_size": 32, "lr": 1e-2, "restore_best": False}


class Watch(Callback):
    """The model's own weights after each step, and at the end of each epoch."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.stop_at = stop_at
        self.steps: list[dict[str, torch.Tensor]] = []
        self.epochs: list[dict[str, torch.Tensor]] = []

    def on_step_end(self, state: TrainState) -> None:
        self.steps.append({name: value.clone() for name, value in state.model.state_dict().items()})
        if state.step == self.stop_at:
            state.control.stop()

    def on_epoch_end(self, state: TrainState) -> None:
        self.epochs.append({name: value.clone() for name, value in state.model.state_dict().items()})


def test_ema_is_the_average_of_the_weights_after_each_step() -> None:
    torch.manual_seed(0)
    model = TinyNet()
    average = {name: value.clone() for name, value in model.state_dict().items()}
    watch = Watch()
    run = lepton_nb.train(model, blobs(), ema=0.9, callbacks=[watch], **SETTINGS)
    for step, weights in enumerate(watch.steps, 1):
        decay = min(0.9, (1 + step) / (10 + step))
        for name, value in weights.items():
            average[name] = average[name].float() * decay + value.float() * (1 - decay)
    assert torch.allclose(model.state_dict()["body.0.weight"], average["body.0.weight"], atol=1e-5)
    assert torch.allclose(model.state_dict()["body.1.running_var"], average["body.1.running_var"], atol=1e-5)
    _, saved = run.load_checkpoint("last")
    assert torch.equal(saved["model"]["body.0.weight"], model.state_dict()["body.0.weight"])


def test_what_is_validated_is_the_average() -> None:
    model = TinyNet()
    run = lepton_nb.train(model, blobs(), ema=0.99, **SETTINGS)
    preds, target = [], []
    for inputs, wanted in blobs().loader("val", batch_size=64).batches(0):
        preds.append(model(inputs))
        target.append(wanted)
    loss = nn.functional.cross_entropy(torch.cat(preds), torch.cat(target)).item()
    assert run.history()["val_loss"][1][-1] == pytest.approx(loss, rel=1e-5)


def test_swa_is_the_mean_over_the_last_epochs_with_batch_norms_measured_again() -> None:
    model, watch = TinyNet(), Watch()
    lepton_nb.train(model, blobs(), swa=0.5, callbacks=[watch], **SETTINGS)
    mean = (watch.epochs[2]["body.0.weight"] + watch.epochs[3]["body.0.weight"]) / 2
    assert torch.allclose(model.state_dict()["body.0.weight"], mean, atol=1e-6)
    hidden = []
    for inputs, _ in blobs().loader("train", batch_size=32).batches(3):
        hidden.append(model.body[0](inputs).mean(0))
    expected = torch.stack(hidden).mean(0)
    assert torch.allclose(model.state_dict()["body.1.running_mean"], expected, atol=1e-4)
    assert not torch.allclose(watch.epochs[3]["body.1.running_mean"], expected, atol=1e-4)
    assert model.body[1].momentum == 0.1


def test_the_learning_rate_holds_while_weights_are_averaged() -> None:
    schedule = schedule_of(lepton_nb.TrainConfig(epochs=8, swa=0.25), steps_per_epoch=10)
    assert schedule(59) > schedule(60) == schedule(79) > 0


@pytest.mark.parametrize("option", [{"ema": 0.95}, {"swa": 0.5}, {"schedule": "plateau", "drop_after": 1}])
@pytest.mark.parametrize("step", [3, 11, 14, 18])
def test_a_stopped_run_resumes_to_the_same_weights_and_averages(option: dict[str, Any], step: int) -> None:
    whole = lepton_nb.train(TinyNet, blobs(), **option, **SETTINGS)
    part = lepton_nb.train(TinyNet, blobs(), callbacks=[Watch(step)], **option, **SETTINGS)
    assert part.status == "stopped"
    resumed = lepton_nb.resume(part, model=TinyNet(), data=blobs())
    assert same_weights(whole.live["model"], resumed.live["model"])
    for key in ("loss", "lr", "val_loss"):
        assert whole.history()[key] == resumed.history()[key]


def test_the_best_checkpoint_holds_the_weights_that_were_best() -> None:
    run = lepton_nb.train(TinyNet, blobs(), ema=0.9, epochs=4, batch_size=32, lr=1e-2)
    _, saved = run.load_checkpoint("best")
    assert all(
        torch.equal(value, saved["model"][name]) for name, value in run.live["model"].state_dict().items()
    )


def test_two_ways_to_average_are_refused() -> None:
    with pytest.raises(ArgumentError, match="Both ema and swa"):
        lepton_nb.TrainConfig(ema=0.9, swa=0.5)
