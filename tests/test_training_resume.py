"""A run that was cut off goes on to the very weights of one that was not."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import lepton_nb
from lepton_nb import Callback
from lepton_nb.callbacks import TrainState
from lepton_nb.errors import NotFoundError, TrainingError
from tests.training_helpers import TinyNet, blobs, same_weights

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
SETTINGS = {"epochs": 6, "batch_size": 16, "lr": 1e-2, "restore_best": False}


class StopAt(Callback):
    def __init__(self, step: int) -> None:
        self.step = step

    def on_step_end(self, state: TrainState) -> None:
        if state.step == self.step:
            state.control.stop()


@pytest.mark.parametrize("step", [1, 7, 10, 11, 25])
@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_a_stopped_run_resumes_to_the_same_weights_and_history(step: int, optimizer: str) -> None:
    whole = lepton_nb.train(TinyNet, blobs(), optimizer=optimizer, **SETTINGS)
    part = lepton_nb.train(TinyNet, blobs(), optimizer=optimizer, callbacks=[StopAt(step)], **SETTINGS)
    assert part.status == "stopped"
    resumed = lepton_nb.resume(part, model=TinyNet(), data=blobs())
    assert resumed.status == "finished"
    assert same_weights(whole.live["model"], resumed.live["model"])
    for key in ("loss", "val_loss", "val_accuracy", "lr"):
        assert whole.history()[key] == resumed.history()[key], key


def test_the_users_own_shuffling_loader_and_optimizer_resume_too() -> None:
    """The order of a DataLoader comes from the global generator; dropout draws from it in between."""

    def make() -> tuple[nn.Module, DataLoader[tuple[torch.Tensor, ...]], torch.optim.Optimizer]:
        torch.manual_seed(3)
        dataset = TensorDataset(torch.randn(100, 6), torch.arange(100) % 3)
        model = TinyNet()
        return (
            model,
            DataLoader(dataset, batch_size=16, shuffle=True),
            torch.optim.Adam(model.parameters(), lr=1e-2),
        )

    settings = {"epochs": 4, "restore_best": False, "loss": nn.CrossEntropyLoss()}
    model, loader, optimizer = make()
    whole = lepton_nb.train(model, train=loader, optimizer=optimizer, **settings)
    model, loader, optimizer = make()
    part = lepton_nb.train(model, train=loader, optimizer=optimizer, callbacks=[StopAt(11)], **settings)
    resumed = lepton_nb.resume(part, model=TinyNet(), data=loader)
    assert same_weights(whole.live["model"], resumed.live["model"])


CHILD = """
import sys, time
import lepton_nb
from lepton_nb import Callback
from tests.training_helpers import TinyNet, blobs

class Slow(Callback):
    def on_step_end(self, state):
        time.sleep(0.01)
        if state.step == {signal_at}:
            print("go", flush=True)

settings = dict({settings!r}, checkpoint_every=0.05, progress=False)
lepton_nb.train(TinyNet, blobs(), callbacks=[Slow()], name="killed", **settings)
"""


@pytest.mark.parametrize("step", [2, 13, 31])
def test_a_run_killed_with_sigkill_resumes_to_the_same_weights(step: int) -> None:
    whole = lepton_nb.train(TinyNet, blobs(), name="whole", **SETTINGS)
    code = CHILD.format(signal_at=step, settings=SETTINGS)
    child = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "go\n"
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    killed = lepton_nb.get_run("killed")
    assert killed.status == "interrupted"
    resumed = lepton_nb.resume("killed", data=blobs(), model=TinyNet())
    assert same_weights(whole.live["model"], resumed.live["model"])
    assert whole.history()["loss"] == resumed.history()["loss"]


def test_a_complete_run_says_how_to_train_longer_and_does() -> None:
    run = lepton_nb.train(TinyNet, blobs(), epochs=2, name="done")
    with pytest.raises(TrainingError, match="already has all of its epochs \\(2\\)") as caught:
        lepton_nb.resume("done", data=blobs(), model=TinyNet())
    assert "--epochs" in (caught.value.hint or "")
    longer = lepton_nb.resume(run, data=blobs(), model=TinyNet(), epochs=3)
    assert len(longer.history()["val_accuracy"][0]) == 3


def test_other_data_on_resume_are_said() -> None:
    part = lepton_nb.train(TinyNet, blobs(), callbacks=[StopAt(7)], **SETTINGS)
    resumed = lepton_nb.resume(part, data=blobs(seed=1))
    assert any("is not what run" in warning for warning in resumed.warnings)


def test_a_tie_is_broken_by_the_validation_loss() -> None:
    run = lepton_nb.train(nn.Linear(6, 3), blobs(), epochs=30, lr=1e-2)
    history = run.history()
    accuracy, loss = history["val_accuracy"][1], history["val_loss"][1]
    ties = [epoch for epoch, value in enumerate(accuracy) if value == max(accuracy)]
    assert len(ties) > 1
    _, saved = run.load_checkpoint("best")
    assert saved["best_epoch"] == min(ties, key=loss.__getitem__)


def test_an_unknown_run_is_named_with_the_nearest() -> None:
    lepton_nb.train(TinyNet, blobs(), epochs=1, name="digits-cnn")
    with pytest.raises(NotFoundError) as caught:
        lepton_nb.resume("digit-cnn")
    assert "digits-cnn" in (caught.value.hint or "")


def test_a_class_of_a_file_and_built_in_data_resume_from_the_name_alone() -> None:
    settings = {"epochs": 2, "batch_size": 128, "restore_best": False}
    whole = lepton_nb.train("SmallCNN", "digits", **settings)
    lepton_nb.train("SmallCNN", "digits", name="named", callbacks=[StopAt(8)], **settings)
    started = time.monotonic()
    resumed = lepton_nb.resume("named")
    assert time.monotonic() - started < 60
    assert same_weights(whole.live["model"], resumed.live["model"])
