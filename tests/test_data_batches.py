"""What every kind of split feeds a model, bit for bit, as it was when these figures were taken."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from lepton_nb import data
from lepton_nb.batch import joined, leaves
from lepton_nb.data.memory import MemorySplit
from lepton_nb.data.own.splits import DatasetSplit, LoaderSplit
from lepton_nb.data.pictures import decoding, pixel_cache
from lepton_nb.data.pictures.lazy import LazySplit
from lepton_nb.data.shards import Shard
from tests.test_data_folder import make_folder

FIGURES = {
    "pixels": "228030b3efca8160",
    "rows": "d3197a3a81acb869",
    "files": "9e77ecf8cb86e5e9",
    "dataset": "8927c81f74e0dc82",
    "loader": "fa53603d58bcf946",
}


def items() -> TensorDataset:
    return TensorDataset(torch.arange(90.0).reshape(30, 3), torch.arange(30) % 2)


def pixels(_: Path) -> data.DataBundle:
    x = np.random.default_rng(0).integers(0, 256, (60, 3, 8, 8), dtype=np.uint8)
    return data.arrays(x, np.arange(60) % 2, augment="standard")


def rows(_: Path) -> data.DataBundle:
    return data.arrays(np.arange(180.0).reshape(60, 3), np.arange(60) % 2)


def files(path: Path) -> data.DataBundle:
    return data.folder(make_folder(path / "f", {"a": 15, "b": 15}), augment="standard", cache=False)


MAKERS: dict[str, tuple[Callable[[Path], data.DataBundle], type]] = {
    "pixels": (pixels, MemorySplit),
    "rows": (rows, MemorySplit),
    "files": (files, LazySplit),
    "dataset": (lambda _: data.dataset(items()), DatasetSplit),
    "loader": (lambda _: data.loaders(DataLoader(items(), batch_size=4, shuffle=True)), LoaderSplit),
}


def figure(bundle: data.DataBundle) -> str:
    """Of two epochs that are shuffled, one from its third batch on, and one in the order of the split."""
    seen = hashlib.sha256()
    for shuffle, epoch, start in ((True, 0, 0), (True, 1, 2), (False, 0, 0)):
        options: dict[str, Any] = {"batch_size": 4, "shuffle": shuffle, "seed": 7, "augment": shuffle}
        for batch in bundle.train.loader(**options).batches(epoch, start):
            for leaf in leaves(tuple(batch)):
                seen.update(f"{tuple(leaf.shape)}{leaf.dtype}".encode())
                seen.update(leaf.contiguous().numpy().data)
    return seen.hexdigest()[:16]


@pytest.mark.parametrize("name", FIGURES)
def test_batches_are_bit_for_bit_what_they_were(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "MEMORY_SHARE", 0)
    monkeypatch.setattr(pixel_cache, "MAP_SHARE", 0)
    make, kind = MAKERS[name]
    bundle = make(tmp_path)
    assert isinstance(bundle.train, kind)
    assert figure(bundle) == FIGURES[name]


def same(ours: data.Batch, theirs: data.Batch) -> bool:
    pairs = zip(leaves(tuple(ours)), leaves(tuple(theirs)), strict=True)
    return all(torch.equal(our, their) for our, their in pairs)


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("training", [True, False])
def test_the_shards_of_a_loader_are_its_batches_in_parts(name: str, training: bool, tmp_path: Path) -> None:
    split = MAKERS[name][0](tmp_path).train
    loader = split.loader(batch_size=4, shuffle=training, seed=7, augment=training)
    shards = [Shard(loader, rank, 3, training=training) for rank in range(3)]
    state = torch.get_rng_state()
    whole = list(loader.batches(1, 1))
    torch.set_rng_state(state)
    parts = []
    for shard in shards:
        torch.set_rng_state(state)
        parts.append(list(shard.batches(1, 1)))
    assert {len(shard) - 1 for shard in shards} == {len(mine) for mine in parts}, "as many for each"
    assert all(same(joined(list(cut)), batch) for *cut, batch in zip(*parts, whole, strict=False))
    if not training:
        assert sum(batch.items for mine in parts for batch in mine) == len(split) - 4


def test_a_last_batch_that_is_too_small_for_all_is_measured_once_and_trained_on_by_nobody() -> None:
    split = MemorySplit("train", torch.arange(33.0).reshape(11, 3), torch.arange(11), str)
    loader = split.loader(batch_size=3)
    measured = [[batch.items for batch in Shard(loader, rank, 3).batches(0)] for rank in range(3)]
    assert measured == [[1, 1, 1, 0], [1, 1, 1, 1], [1, 1, 1, 1]]
    trained = [
        [batch.items for batch in Shard(loader, rank, 3, training=True).batches(0)] for rank in range(3)
    ]
    assert trained == [[1, 1, 1]] * 3
