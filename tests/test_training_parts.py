"""What the user set to stand still stands still: parts in evaluation mode, and frozen ones."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import lepton_nb
from tests.training_helpers import blobs


class Tuned(nn.Module):
    """A backbone with a batch norm, and a head."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.5))
        self.norm = nn.BatchNorm1d(8)
        self.head = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.norm(self.backbone(x)))


def means(model: nn.Module) -> tuple[Tensor, Tensor]:
    return model.backbone[1].running_mean.clone(), model.norm.running_mean.clone()


def moved(model: nn.Module, before: tuple[Tensor, Tensor]) -> tuple[bool, bool]:
    backbone, norm = (not torch.equal(a, b) for a, b in zip(means(model), before, strict=True))
    return backbone, norm


def test_a_part_in_evaluation_mode_stays_in_it_whatever_is_frozen() -> None:
    for freeze in (True, False):
        model = Tuned()
        model.backbone.requires_grad_(not freeze).eval()
        before = means(model)
        run = lepton_nb.train(model, blobs(), epochs=2)
        assert moved(model, before) == (False, True)
        assert "in evaluation mode throughout, as given: backbone\n" in run.log_path.read_text()


def test_the_same_cell_again_trains_alike() -> None:
    model = Tuned()
    model.backbone.eval()  # trainable, yet in evaluation mode; afterwards all of the model is in it
    lepton_nb.train(model, blobs(), epochs=1)
    before = means(model)
    lepton_nb.train(model, blobs(), epochs=1)
    assert moved(model, before) == (False, True)


def test_a_model_wholly_in_evaluation_mode_trains_but_for_its_frozen_parts() -> None:
    model = Tuned().eval()
    before = means(model)
    lepton_nb.train(model, blobs(), epochs=1)
    assert moved(model, before) == (True, True)
    model = Tuned().eval()
    model.backbone.requires_grad_(False)
    before = means(model)
    lepton_nb.train(model, blobs(), epochs=1)
    assert moved(model, before) == (False, True)


def test_an_evaluation_between_leaves_every_mode() -> None:
    model = Tuned()
    model.backbone.eval()
    lepton_nb.evaluate((model, blobs()), split="val")
    assert [model.training, model.backbone[3].training, model.norm.training] == [True, False, True]


def test_a_resumed_run_keeps_still_what_stood_still() -> None:
    model = Tuned()
    model.backbone.requires_grad_(False).eval()

    def stop(state: lepton_nb.TrainState) -> None:
        state.control.stop()

    run = lepton_nb.train(model, blobs(), epochs=3, name="part", callbacks=[stop], restore_best=False)
    before = means(model)
    again = lepton_nb.resume("part", data=blobs())  # made again from its source, where nothing is frozen
    assert again.live["model"] is not model
    assert moved(again.live["model"], before) == (False, True)
    assert not any(p.requires_grad for p in again.live["model"].backbone.parameters())
    assert run.id == again.id


@pytest.mark.slow
def test_in_the_background_as_well() -> None:
    from tests.test_training_background import ended, wait_for

    model = Tuned()
    model.backbone.eval()
    before = means(model)
    run = lepton_nb.train(model, blobs(), epochs=2, background=True)
    wait_for(lambda: ended(run))
    assert moved(lepton_nb.load_model(run), before) == (False, True)


def test_swa_and_lr_find_leave_still_parts_alone() -> None:
    model = Tuned()
    model.backbone.eval()
    before = means(model)
    lepton_nb.lr_find(model, blobs(), steps=10)
    assert moved(model, before) == (False, False)
    assert not model.backbone.training
    lepton_nb.train(model, blobs(), epochs=2, swa=0.5, restore_best=False)
    assert moved(model, before) == (False, True)


def test_a_failed_run_leaves_freely_trainable_what_it_froze_itself() -> None:
    model = Tuned()

    def fail(state: lepton_nb.TrainState) -> None:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        lepton_nb.train(model, blobs(), epochs=2, freeze="backbone", callbacks=[fail])
    before = means(model)
    lepton_nb.train(model, blobs(), epochs=1)
    assert moved(model, before) == (True, True)
