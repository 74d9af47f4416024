"""Fine-tuning: frozen layers, thawing, and learning rates by block."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

import lepton_nb
from lepton_nb import Callback, data
from lepton_nb.callbacks import TrainState
from lepton_nb.errors import ArgumentError
from lepton_nb.training import TrainConfig
from lepton_nb.training.blocks import frozen_modules, layer_blocks
from lepton_nb.training.optimizers import make_optimizer
from tests.test_training_resume import StopAt
from tests.training_helpers import TinyNet, blobs, same_weights

SETTINGS: dict[str, Any] = {"epochs": 4, "batch_size": 32, "lr": 1e-2, "restore_best": False}


class Snapshots(Callback):
    def __init__(self) -> None:
        self.epochs: list[dict[str, torch.Tensor]] = []

    def on_epoch_end(self, state: TrainState) -> None:
        self.epochs.append({name: value.clone() for name, value in state.model.state_dict().items()})


def changed(before: dict[str, torch.Tensor], after: dict[str, torch.Tensor]) -> set[str]:
    return {name for name in before if not torch.equal(before[name], after[name])}


def test_a_frozen_backbone_does_not_move_batch_norms_included() -> None:
    model = TinyNet()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    lepton_nb.train(model, blobs(), freeze="backbone", **SETTINGS)
    assert changed(before, model.state_dict()) == {"body.4.weight", "body.4.bias"}
    assert all(p.requires_grad for p in model.parameters())


def test_frozen_layers_thaw_after_the_epochs_asked_for() -> None:
    model, shots = TinyNet(), Snapshots()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    lepton_nb.train(model, blobs(), freeze="body.0,body.1", unfreeze_at=2, callbacks=[shots], **SETTINGS)
    assert changed(before, shots.epochs[1]) == {"body.4.weight", "body.4.bias"}
    assert "body.0.weight" in changed(shots.epochs[1], shots.epochs[2])


@pytest.mark.slow
@pytest.mark.parametrize("step", [7, 13])
def test_a_fine_tuned_run_resumes_to_the_same_weights(step: int) -> None:
    options: dict[str, Any] = {"freeze": "backbone", "unfreeze_at": 2, "lr_decay": 0.5, **SETTINGS}
    whole = lepton_nb.train(TinyNet, blobs(), **options)
    part = lepton_nb.train(TinyNet, blobs(), callbacks=[StopAt(step)], **options)
    resumed = lepton_nb.resume(part, model=TinyNet(), data=blobs())
    assert same_weights(whole.live["model"], resumed.live["model"])


def test_blocks_of_torchvision_models_follow_their_stages() -> None:
    from torchvision import models

    with torch.device("meta"):
        sizes = {
            name: len(layer_blocks(models.get_model(name))) for name in ("resnet18", "vit_b_16", "vgg11_bn")
        }
        model = models.get_model("resnet18")
        everything = sum(len(block) for block in layer_blocks(model))
    assert sizes["resnet18"] >= 6
    assert sizes["vit_b_16"] >= 13
    assert sizes["vgg11_bn"] >= 4
    assert everything == len(list(model.parameters()))


def test_each_block_learns_slower_than_the_one_after_it() -> None:
    model = nn.Sequential(*(nn.Linear(4, 4) for _ in range(4)))
    optimizer = make_optimizer(model, TrainConfig(lr=1.0, lr_decay=0.5))
    rates = {id(p): group["lr"] for group in optimizer.param_groups for p in group["params"]}
    assert [rates[id(layer.weight)] for layer in model] == [0.125, 0.25, 0.5, 1.0]
    assert [rates[id(layer.bias)] for layer in model] == [0.125, 0.25, 0.5, 1.0]
    assert optimizer.param_groups[0]["lr"] == 1.0


@pytest.mark.slow
def test_a_torchvision_model_by_name_is_fine_tuned() -> None:
    pictures = data.arrays(torch.rand(24, 3, 32, 32), torch.arange(24) % 3)
    run = lepton_nb.train(
        "shufflenet_v2_x0_5", pictures, freeze="stage*", epochs=1, batch_size=8, lr_decay=0.8
    )
    assert run.params["freeze"] == "stage*"
    assert run.status == "finished"


@pytest.mark.parametrize(
    ("names", "message", "hint"),
    [("bodi", "no layer 'bodi'", "'body'"), ("body", "leaves no parameter to train", "backbone")],
)
def test_a_wrong_layer_is_explained_before_there_is_a_run(names: str, message: str, hint: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        lepton_nb.train(TinyNet, blobs(), freeze=names)
    assert message in caught.value.message
    assert hint in (caught.value.hint or "")
    assert not lepton_nb.list_runs()


def test_wildcards_name_layers() -> None:
    model = TinyNet()
    assert frozen_modules(model, "body.[01]") == [model.body[0], model.body[1]]
