"""Mixup and cutmix: what they do to a batch, and what they say where they cannot."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

import lepton_nb
from lepton_nb import data
from lepton_nb.errors import ArgumentError
from lepton_nb.training.mixing import MixedLoader
from tests.test_training_resume import StopAt
from tests.training_helpers import TinyNet, blobs, same_weights


def pictures(items: int = 64) -> data.DataBundle:
    generator = torch.Generator().manual_seed(0)
    target = torch.arange(items) % 4
    return data.arrays(torch.rand(items, 3, 8, 8, generator=generator) + target.view(-1, 1, 1, 1), target)


def mixed(**options: Any) -> list[Any]:
    plain = pictures().loader("train", batch_size=16)
    loader = MixedLoader(plain, **{"mixup": 0.0, "cutmix": 0.0, "classes": 4, "seed": 0, **options})
    return [plain.batches(0), loader.batches(0)]


def test_mixup_blends_each_item_and_its_target_with_the_one_before() -> None:
    for (inputs, target), (blended, soft) in zip(*mixed(mixup=0.4), strict=True):
        one_hot = nn.functional.one_hot(target, 4).float()
        different = (target != target.roll(1)).nonzero().flatten()
        share = soft[different, target[different]][0]
        assert torch.allclose(soft, share * one_hot + (1 - share) * one_hot.roll(1, 0), atol=1e-6)
        assert torch.allclose(blended, share * inputs + (1 - share) * inputs.roll(1, 0), atol=1e-5)


def test_cutmix_pastes_a_box_and_counts_its_pixels() -> None:
    areas = []
    for (inputs, target), (pasted, soft) in zip(*mixed(cutmix=1.0), strict=True):
        pairs = (target != target.roll(1)).nonzero().flatten()
        from_other = (pasted == inputs.roll(1, 0)).all(1)
        from_self = (pasted == inputs).all(1)
        assert bool((from_other | from_self).all())
        item = int(pairs[0])
        area = float(from_other[item].float().mean())
        assert soft[item, target[item]].item() == pytest.approx(1 - area, abs=1e-6)
        areas.append(area)
    assert len(set(areas)) > 1


def test_the_draws_depend_on_the_batch_and_not_on_where_the_epoch_was_entered() -> None:
    loader = MixedLoader(pictures().loader("train", batch_size=16), mixup=1.0, cutmix=1.0, classes=4, seed=3)
    whole, part = list(loader.batches(2)), list(loader.batches(2, start=1))
    assert torch.equal(whole[1][0], part[0][0])
    assert torch.equal(whole[1][1], part[0][1])


@pytest.mark.slow
def test_a_mixed_run_learns_and_resumes_to_the_same_weights() -> None:
    settings: dict[str, Any] = {
        "epochs": 6,
        "batch_size": 16,
        "lr": 1e-2,
        "mixup": 0.2,
        "restore_best": False,
    }
    whole = lepton_nb.train(TinyNet, blobs(), label_smoothing=0.1, class_weights="balanced", **settings)
    assert whole.history()["val_accuracy"][1][-1] > 0.8
    part = lepton_nb.train(
        TinyNet, blobs(), label_smoothing=0.1, class_weights="balanced", callbacks=[StopAt(7)], **settings
    )
    resumed = lepton_nb.resume(part, model=TinyNet(), data=blobs())
    assert same_weights(whole.live["model"], resumed.live["model"])


def test_values_are_mixed_as_they_are() -> None:
    inputs = torch.randn(64, 6)
    bundle = data.arrays(inputs, inputs.sum(1), name="sums")
    run = lepton_nb.train(nn.Linear(6, 1), bundle, mixup=0.5, epochs=2)
    assert run.status == "finished"


def test_what_cannot_be_mixed_is_said_before_there_is_a_run() -> None:
    with pytest.raises(ArgumentError, match=r"cutmix pastes boxes.*is \(6,\)"):
        lepton_nb.train(TinyNet, blobs(), cutmix=1.0)
    with pytest.raises(ArgumentError, match="which your loss does not take") as caught:
        lepton_nb.train(TinyNet, blobs(), mixup=0.2, loss=nn.MultiMarginLoss())
    assert "CrossEntropyLoss" in (caught.value.hint or "")
    assert not lepton_nb.list_runs()
