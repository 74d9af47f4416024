"""Splits: shares, mix of classes, seeds, limits, and what cannot be split."""

from __future__ import annotations

import numpy as np
import pytest

from lepton_nb.data.splitting import Parts, Splitting, plan_parts
from lepton_nb.errors import DataError

NAMES = ("a", "b", "c")


def labels(*counts: int) -> np.ndarray:
    return np.repeat(np.arange(len(counts)), counts)


def plan(values: np.ndarray | None, splitting: Splitting, given: Parts | None = None) -> Parts:
    count = 0 if values is None else len(values)
    return plan_parts(given or {"train": np.arange(count)}, values, NAMES, splitting)


def mix(parts: Parts, values: np.ndarray) -> dict[str, list[int]]:
    return {name: np.bincount(values[rows], minlength=3).tolist() for name, rows in parts.items()}


def test_every_item_is_in_one_part_with_the_same_mix_of_classes() -> None:
    values = np.random.default_rng(0).permutation(labels(200, 50, 10))
    parts = plan(values, Splitting())
    assert mix(parts, values) == {"train": [140, 35, 7], "val": [20, 5, 1], "test": [40, 10, 2]}
    assert sorted(np.concatenate(list(parts.values())).tolist()) == list(range(260))
    assert list(parts) == ["train", "val", "test"]


def test_the_seed_decides_and_only_the_seed() -> None:
    values = labels(40, 40, 40)
    first, second, other = (plan(values, Splitting(seed=seed)) for seed in (3, 3, 4))
    assert all(np.array_equal(first[name], second[name]) for name in first)
    assert not np.array_equal(first["test"], other["test"])


def test_small_classes_are_in_train_first_then_in_test_then_in_val() -> None:
    values = labels(2, 3, 40)
    assert mix(plan(values, Splitting()), values) == {
        "train": [1, 1, 28],
        "val": [0, 1, 4],
        "test": [1, 1, 8],
    }


def test_a_share_of_nothing_makes_no_part() -> None:
    values = labels(1, 5, 5)
    assert list(plan(values, Splitting(0, 0))) == ["train"]
    assert list(plan(labels(5, 5, 5), Splitting(0, 0.2))) == ["train", "test"]


def test_splits_of_the_source_are_kept() -> None:
    values = labels(30, 30, 30)
    order = np.random.default_rng(0).permutation(90)
    with_test = plan(values, Splitting(), {"train": order[:60], "test": order[60:]})
    assert np.array_equal(with_test["test"], order[60:])
    assert 5 <= len(with_test["val"]) <= 7
    with_val = plan(values, Splitting(), {"train": order[:60], "val": order[60:]})
    assert list(with_val) == ["train", "val"]
    assert sorted(with_val["train"]) == sorted(order[:60])


def test_a_limit_keeps_the_mix_and_every_class() -> None:
    values = labels(500, 250, 5)
    parts = plan(values, Splitting(limit=30))
    assert [len(rows) for rows in parts.values()] == [30, 30, 30]
    assert mix(parts, values)["train"][2] >= 1
    assert mix(parts, values)["train"][0] in (18, 19, 20)
    full = plan(values, Splitting())
    assert all(np.isin(parts[name], full[name]).all() for name in parts)


def test_quantities_are_split_at_random() -> None:
    parts = plan_parts({"train": np.arange(100)}, None, (), Splitting(0.15, 0.25, seed=1))
    assert [len(rows) for rows in parts.values()] == [60, 15, 25]
    assert len(np.unique(np.concatenate(list(parts.values())))) == 100
    assert len(plan_parts({"train": np.arange(100)}, None, (), Splitting(limit=7))["train"]) == 7


def test_a_class_of_one_and_too_few_items_are_refused() -> None:
    with pytest.raises(DataError, match=r"Class 'b' has 1 item(.|\n)*val_fraction=0, test_fraction=0"):
        plan(labels(5, 1, 5), Splitting())
    with pytest.raises(DataError, match="2 items cannot be split into 3 parts"):
        plan_parts({"train": np.arange(2)}, None, (), Splitting())


@pytest.mark.parametrize("seed", [-1, 1.5, True, "0"])
def test_a_seed_is_a_whole_number(seed: object) -> None:
    with pytest.raises(DataError, match="seed is"):
        Splitting(seed=seed)  # type: ignore[arg-type]
