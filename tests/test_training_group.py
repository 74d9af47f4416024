"""What the members of a group decide together, seen from one of them."""

from __future__ import annotations

import math
from collections import deque
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lepton_nb.batch import Batch
from lepton_nb.data.memory import MemorySplit
from lepton_nb.data.shards import Shard
from lepton_nb.models.objectives import compared
from lepton_nb.tasks.meters import Gathered, Mean
from lepton_nb.training.gradients import backward
from lepton_nb.training.group import ALONE, Alone, merged, summed
from lepton_nb.training.validation import validate


class Pair(Alone):
    """One of two; what the other says is given."""

    world = 2

    def __init__(self, *others: Any) -> None:
        self.others = deque(others)

    def any(self, happened: bool) -> bool:
        return happened or bool(self.others.popleft())

    def gather(self, value: Any) -> list[Any]:
        return [value, self.others.popleft()]


def step(group: Alone) -> tuple[float, Tensor | None]:
    torch.manual_seed(0)
    model = nn.Linear(3, 2)
    batch = Batch(torch.ones(4, 3), torch.zeros(4, dtype=torch.int64))
    scaler = torch.amp.GradScaler("cpu", enabled=False)
    objective = compared(nn.CrossEntropyLoss())
    return backward(objective, model, batch, torch.autocast("cpu", enabled=False), scaler, group=group), (
        model.weight.grad
    )


def test_a_loss_that_is_not_finite_elsewhere_leaves_our_backward_out_too() -> None:
    alone, gradient = step(ALONE)
    assert math.isfinite(alone)
    assert gradient is not None
    assert step(Pair(False))[0] == alone
    value, gradient = step(Pair(True))
    assert math.isnan(value)
    assert gradient is None


def test_meters_and_sums_are_those_of_all() -> None:
    mean = lambda seen: Mean(lambda outputs, target: {"hits": (seen, 2.0)})  # noqa: E731
    ours, theirs = mean(1.0), mean(2.0)
    ours.update(None, None)
    theirs.update(None, None)
    assert merged(Pair(theirs), ours).compute() == {"hits": 0.75}
    assert summed(Pair((3, 4.0)), 1, 2.0) == [4, 6.0]
    assert summed(ALONE, 1, 2.0) == [1, 2.0]


class Batches:
    batch_size, num_items = 2, 4

    def __len__(self) -> int:
        return 2

    def batches(self, epoch: int, start: int = 0) -> Any:
        yield from (Batch(torch.full((2, 1), float(i)), torch.full((2, 1), float(i))) for i in range(2))


def count(preds: Tensor, target: Tensor) -> dict[str, float]:
    return {"items": float(len(preds))}


def test_an_epoch_is_measured_over_all_members() -> None:
    model, theirs = nn.Identity(), Gathered(count)
    theirs.update(torch.zeros(6, 1), torch.zeros(6, 1))
    group = Pair(False, False, (10.0, 6, 6), theirs)
    found = validate(
        model, Batches(), compared(nn.MSELoss()), Gathered(count), keep_going=lambda: True, group=group
    )
    assert found == {"val_loss": pytest.approx(1.0), "val_items": 10.0}


def test_a_part_of_no_items_is_not_measured() -> None:
    rest = Shard(MemorySplit("val", torch.ones(5, 2), torch.ones(5, 2), str).loader(batch_size=4), 0, 2)
    assert [batch.items for batch in rest.batches(0)] == [2, 0]
    model = nn.Sequential(nn.Flatten(0), nn.Linear(4, 1), nn.Flatten(0))  # takes two items, and no others
    measured = compared(lambda outputs, target: outputs.mean() - target.mean())
    found = validate(model, rest, measured, Gathered(count), keep_going=lambda: True)
    assert found is not None
    assert found["val_items"] == 1.0


def test_whoever_stops_stops_all() -> None:
    meter = Gathered(count)
    found = validate(
        nn.Identity(), Batches(), compared(nn.MSELoss()), meter, keep_going=lambda: True, group=Pair(True)
    )
    assert found is None
