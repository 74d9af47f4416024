"""Batches: their order, their randomness, resuming in mid-epoch, the device, and the bundle around them."""

from __future__ import annotations

import random
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor

from lepton_nb.data import DataBundle, arrays, digits
from lepton_nb.data.bundle import Loader
from lepton_nb.data.ordering import batch_count, epoch_order, generator
from lepton_nb.errors import ArgumentError, DataError, NotFoundError


@pytest.fixture(scope="module")
def data() -> DataBundle:
    return digits(augment="strong", limit=150)


def flat(batches: Iterator[tuple[object, Tensor]]) -> list[Tensor]:
    return [target for _, target in batches]


def loader(data: DataBundle, **options: object) -> Loader:
    return data.loader("train", batch_size=16, **options)  # type: ignore[arg-type]


def test_an_epoch_has_every_item_once(data: DataBundle) -> None:
    x = np.arange(50, dtype=np.float32).reshape(50, 1)
    rows = arrays(x, np.arange(50) % 2, val_fraction=0, test_fraction=0)
    inputs = torch.cat([inputs for inputs, _ in rows.loader("train", batch_size=8).batches(4)])  # type: ignore[misc]
    values = inputs.flatten().sort().values
    torch.testing.assert_close(values, rows.train.inputs.flatten().sort().values)  # type: ignore[attr-defined]


def test_the_order_depends_on_the_seed_and_the_epoch_alone(data: DataBundle) -> None:
    first = list(loader(data, seed=1).batches(3))
    torch.manual_seed(99)
    torch.rand(7)
    torch.testing.assert_close(list(loader(data, seed=1).batches(3)), first)
    others = [loader(data, seed=1).batches(4), loader(data, seed=2).batches(3)]
    for other in others:
        assert not torch.equal(torch.cat(flat(other)), torch.cat(flat(iter(first))))


def test_starting_in_mid_epoch_gives_the_batches_that_were_left(data: DataBundle) -> None:
    whole = list(loader(data).batches(2))
    torch.testing.assert_close(list(loader(data).batches(2, start=4)), whole[4:])
    assert list(loader(data).batches(2, start=len(whole))) == []


def test_loading_leaves_the_global_generators_alone(data: DataBundle) -> None:
    states = torch.get_rng_state(), random.getstate(), np.random.get_state(legacy=False)
    list(loader(data).batches(0))
    assert torch.equal(torch.get_rng_state(), states[0])
    assert random.getstate() == states[1]
    np.testing.assert_equal(np.random.get_state(legacy=False), states[2])


def test_only_shuffled_training_batches_are_augmented(data: DataBundle) -> None:
    plain = data.with_augment("none")
    for split, options in (("train", {"shuffle": False}), ("val", {}), ("val", {"shuffle": True})):
        ours, theirs = (d.loader(split, batch_size=16, **options) for d in (data, plain))  # type: ignore[arg-type]
        torch.testing.assert_close(list(ours.batches(1)), list(theirs.batches(1)))
    (ours, _), (theirs, _) = (next(d.loader("train", batch_size=16).batches(1)) for d in (data, plain))
    assert not torch.equal(ours, theirs)  # type: ignore[arg-type]


def test_augmentation_differs_between_epochs_and_pictures() -> None:
    pixels = np.zeros((40, 3, 33, 33), dtype=np.uint8)
    pixels[:, :, 10:20, 12] = 255  # the same picture forty times
    bundle = arrays(pixels, np.arange(40) % 2, val_fraction=0, test_fraction=0, augment="standard")
    (first, _), (second, _) = (next(bundle.loader("train", batch_size=40).batches(epoch)) for epoch in (0, 1))
    assert isinstance(first, Tensor)
    assert isinstance(second, Tensor)
    assert len(torch.unique(first.flatten(1), dim=0)) > 20
    assert not torch.equal(first, second)


def test_a_last_batch_of_one_is_left_out_of_shuffled_epochs_only() -> None:
    bundle = digits(val_fraction=0, test_fraction=0, limit=65)
    assert [len(target) for _, target in bundle.loader("train", batch_size=16).batches(0)] == [16] * 4
    shown = bundle.loader("train", batch_size=16, shuffle=False)
    assert [len(target) for _, target in shown.batches(0)] == [16] * 4 + [1]
    assert len(shown) == 5
    assert batch_count(1, 16, shuffle=True) == 1


def test_unshuffled_batches_line_up_with_the_raw_items_and_the_targets(data: DataBundle) -> None:
    split = data.split("test")
    (inputs, target) = next(data.loader("test", batch_size=10).batches(0))
    assert split.targets is not None
    assert torch.equal(target, split.targets[:10])
    (prepared,) = data.task.codec(data.signature).prepare([split.raw(i) for i in range(10)])
    np.testing.assert_allclose(inputs, prepared, atol=1e-6)  # type: ignore[arg-type]
    assert np.array_equal(np.asarray(split.raw(-1)), np.asarray(split.raw(len(split) - 1)))
    with pytest.raises(IndexError):
        split.raw(len(split))


def test_targets_and_inputs_are_on_the_device_asked_for(data: DataBundle) -> None:
    inputs, target = next(data.loader("train", batch_size=4, device="meta").batches(0))
    assert inputs.device.type == target.device.type == "meta"  # type: ignore[union-attr]


def test_an_example_is_the_first_items_as_the_model_gets_them(data: DataBundle) -> None:
    inputs, target = data.example(3)
    assert isinstance(inputs, Tensor)
    assert inputs.shape == (3, 1, 8, 8)
    assert inputs.dtype == torch.float32
    assert target.dtype == torch.int64
    torch.testing.assert_close(data.example(3), (inputs, target))
    assert len(data.example(10_000)[1]) == len(data.train)


def test_an_unknown_split_names_those_there_are() -> None:
    bundle = digits(test_fraction=0, limit=50)
    assert bundle.test is None
    assert bundle.val is not None
    with pytest.raises(NotFoundError, match=r"no split 'test'(.|\n)*'train', 'val'"):
        bundle.loader("test", batch_size=2)


def test_another_augmentation_shares_the_pixels_and_says_so() -> None:
    bundle = digits()
    strong = bundle.with_augment("standard").with_augment("strong")
    assert strong.augment == "strong"
    assert strong.train.inputs is bundle.train.inputs  # type: ignore[attr-defined]
    assert str(strong.report).count("Training pictures are augmented") == 1
    assert strong.spec is not None
    assert strong.spec["options"]["augment"] == "strong"
    assert strong.fingerprint == bundle.fingerprint
    assert bundle.with_augment("none") is bundle
    with pytest.raises(DataError, match="Did you mean 'strong'"):
        bundle.with_augment("strng")


def test_tables_cannot_be_augmented() -> None:
    rows = arrays(np.random.default_rng(0).normal(size=(40, 3)), np.arange(40) % 2)
    with pytest.raises(ArgumentError, match="is for pictures"):
        rows.with_augment("standard")


def test_draws_are_a_function_of_the_numbers() -> None:
    assert torch.equal(torch.rand(3, generator=generator(1, 2)), torch.rand(3, generator=generator(1, 2)))
    assert not torch.equal(torch.rand(3, generator=generator(1, 2)), torch.rand(3, generator=generator(2, 1)))
    assert epoch_order(5, seed=0, epoch=0, shuffle=False).tolist() == [0, 1, 2, 3, 4]
    assert sorted(epoch_order(50, seed=-3, epoch=7, shuffle=True).tolist()) == list(range(50))


def test_small_batches_gathered_together_are_the_same_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = arrays(torch.randn(500, 4), torch.arange(500) % 3, val_fraction=0.0, test_fraction=0.0)
    loader = bundle.loader("train", batch_size=8, seed=3)
    together = [list(loader.batches(1, start)) for start in (0, 5)]
    monkeypatch.setattr("lepton_nb.data.memory.BLOCK", 1)
    apart = [list(loader.batches(1, start)) for start in (0, 5)]
    for left, right in zip(together, apart, strict=True):
        assert len(left) == len(right)
        assert all(
            torch.equal(a, c) and torch.equal(b, d) for (a, b), (c, d) in zip(left, right, strict=True)
        )
