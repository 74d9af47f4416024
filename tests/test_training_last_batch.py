"""A last batch of one item is refused before training, where a layer cannot train on it, and only there."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.data import BatchSampler, DataLoader, SequentialSampler, TensorDataset

import lepton_nb
from lepton_nb.errors import TrainingError
from tests.training_helpers import blobs


def rows(items: int = 17, **options: Any) -> DataLoader[Any]:
    inputs = torch.randn(items, 6)
    return DataLoader(TensorDataset(inputs, torch.arange(items) % 3), **options)


def norm() -> nn.Module:
    return nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Linear(8, 3))


@pytest.mark.parametrize(
    "loader", [{"batch_size": 16}, {"batch_size": 1}, {"batch_size": 8, "shuffle": True}]
)
def test_it_is_told_in_two_lines_before_there_is_a_run(loader: dict[str, Any]) -> None:
    with pytest.raises(TrainingError, match="`1` \\(batch norm\\) needs 2 or more") as caught:
        lepton_nb.train(norm(), train=rows(**loader), epochs=1)
    assert len(str(caught.value).split("\n")) == 2
    assert not list(lepton_nb.list_runs())


def test_the_remedy_works() -> None:
    with pytest.raises(TrainingError, match="drop_last=True"):
        lepton_nb.train(norm(), train=rows(batch_size=16), epochs=1)
    run = lepton_nb.train(norm(), train=rows(batch_size=16, drop_last=True), epochs=1)
    assert (run.status, run.step) == ("finished", 1)


def test_a_sampler_of_batches_by_torch_counts_and_one_of_the_users_decides_itself() -> None:
    of_torch = BatchSampler(SequentialSampler(range(17)), 16, drop_last=False)
    with pytest.raises(TrainingError, match="1 item, of 17"):
        lepton_nb.train(norm(), train=rows(batch_sampler=of_torch), epochs=1)
    own = [[0, 1, 2], [3, 4], [5, 6]]
    assert lepton_nb.train(norm(), train=rows(7, batch_sampler=own), epochs=1).step == 3


def test_where_one_item_is_enough_it_is_used() -> None:
    pictures = DataLoader(TensorDataset(torch.randn(9, 1, 6, 6), torch.arange(9) % 3), batch_size=4)
    spatial = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(64, 3))
    assert lepton_nb.train(spatial, train=pictures, epochs=1).step == 3
    still = norm()
    still[1].eval()
    assert lepton_nb.train(still, train=rows(batch_size=16), epochs=1).step == 2
    assert lepton_nb.train(nn.Linear(6, 3), train=rows(batch_size=16), epochs=1).step == 2


def test_data_of_our_own_in_batches_of_one() -> None:
    with pytest.raises(TrainingError, match="Every batch of train has 1 item"):
        lepton_nb.train(norm(), blobs(), epochs=1, batch_size=1)
