"""Splits: by content, shares, mix of classes, seeds, limits, and what cannot be split."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch.utils.data import TensorDataset

from lepton_nb import data
from lepton_nb.data import DataBundle
from lepton_nb.data.options import Splitting
from lepton_nb.data.splitting import Parts, numbered, plan_parts, row_keys, split_as
from lepton_nb.errors import DataError

NAMES = ("a", "b", "c")
# By the version that split by position.
TEST_BY_POSITION = [0, 7, 8, 15, 37]
DIGITS_BY_POSITION = "895bdaac76c6acb78dc31e2f51994d84badf1dae90de9ecc6942576d9ccb08c5"


def labels(*counts: int) -> np.ndarray:
    return np.repeat(np.arange(len(counts)), counts)


def plan(values: np.ndarray, splitting: Splitting, given: Parts | None = None) -> Parts:
    parts, _ = plan_parts(
        given or {"train": np.arange(len(values))}, numbered(len(values)), values, NAMES, splitting
    )
    return parts


def mix(parts: Parts, values: np.ndarray) -> dict[str, list[int]]:
    return {name: np.bincount(values[rows], minlength=3).tolist() for name, rows in parts.items()}


def test_every_item_is_in_one_part_with_nearly_the_same_mix_of_classes() -> None:
    values = np.random.default_rng(0).permutation(labels(2000, 500, 100))
    parts = plan(values, Splitting())
    assert list(parts) == ["train", "val", "test"]
    assert sorted(np.concatenate(list(parts.values())).tolist()) == list(range(2600))
    for name, share in (("val", 0.1), ("test", 0.2)):
        shares = np.array(mix(parts, values)[name]) / [2000, 500, 100]
        assert np.abs(shares - share).max() < 0.1


def test_the_seed_decides_and_only_the_seed() -> None:
    values = labels(40, 40, 40)
    first, second, other = (plan(values, Splitting(seed=seed)) for seed in (3, 3, 4))
    assert all(np.array_equal(first[name], second[name]) for name in first)
    assert not np.array_equal(first["test"], other["test"])


@pytest.mark.parametrize("seed", range(20))
def test_every_class_of_three_is_in_every_part(seed: int) -> None:
    values = labels(2, 3, 40)
    found = mix(plan(values, Splitting(seed=seed)), values)
    assert [counts[:2] for counts in found.values()] == [[1, 1], [0, 1], [1, 1]]
    assert min(found["train"][2], found["val"][2], found["test"][2]) >= 1


@pytest.mark.parametrize("seed", range(20))
def test_items_that_are_added_move_none_from_train_to_another_part(seed: int) -> None:
    rng = np.random.default_rng(seed)
    keys, values = rng.integers(0, 2**63, 300).astype(np.uint64), rng.integers(0, 3, 300)
    splitting = Splitting(seed=seed)
    before, _ = plan_parts({"train": np.arange(250)}, keys[:250], values[:250], NAMES, splitting)
    order = rng.permutation(300)  # what is added may come first, and all may be in another order
    after, _ = plan_parts({"train": np.arange(300)}, keys[order], values[order], NAMES, splitting)
    trained = set(keys[before["train"]].tolist())
    for name in ("val", "test"):
        assert not trained & set(keys[order][after[name]].tolist())


def test_equal_items_are_in_the_same_part_whatever_their_class() -> None:
    keys = np.repeat(np.random.default_rng(0).integers(0, 2**63, 60).astype(np.uint64), 3)
    parts, _ = plan_parts({"train": np.arange(180)}, keys, np.arange(180) % 2, NAMES[:2], Splitting())
    sides = [set(keys[rows].tolist()) for rows in parts.values()]
    assert len(set.union(*sides)) == sum(map(len, sides)) == 60


def tagged(seed: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Keys, and labels of which the first is frequent and each further one half as frequent."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 2**63, count).astype(np.uint64), rng.random((count, 7)) < 0.5 ** np.arange(1, 8)


@pytest.mark.parametrize("seed", range(20))
def test_every_part_has_some_of_every_label_and_data_that_grow_send_none_to_the_test(seed: int) -> None:
    keys, truth = tagged(seed, 900)
    before: Parts = {}
    for count in (300, 500, 900):
        rows = np.arange(count)
        parts, _ = plan_parts({"train": rows}, keys[:count], truth[:count], (), Splitting(seed=seed))
        for name in before.keys() - {"test"}:
            assert not np.isin(parts["test"], before[name]).any()
        before = parts
        enough = truth[:count].sum(axis=0) >= 12
        assert all(truth[rows].any(axis=0)[enough].all() for rows in parts.values())
        assert abs(len(parts["test"]) / count - 0.2) < 0.06


@pytest.mark.parametrize("seed", range(20))
def test_a_label_that_is_held_out_is_learned_too(seed: int) -> None:
    keys, truth = tagged(seed, 60)
    parts, _ = plan_parts({"train": np.arange(60)}, keys, truth, (), Splitting(seed=seed))
    assert not (truth[parts["val"]].any(axis=0) & ~truth[parts["train"]].any(axis=0)).any()


def test_items_of_several_labels_are_folded() -> None:
    keys, truth = tagged(0, 100)
    rows = {"train": np.arange(100)}
    tests = [plan_parts(rows, keys, truth, (), Splitting(fold=(i, 4)))[0]["test"] for i in range(4)]
    assert sorted(np.concatenate(tests).tolist()) == list(range(100))


def test_labels_split_before_they_were_mixed_are_split_as_they_were(tmp_path: Path) -> None:
    keys, truth = tagged(1, 60)
    rows = {"train": np.arange(60)}
    with split_as("content"):
        before, _ = plan_parts(rows, keys, truth, (), Splitting())
    plain, _ = plan_parts(rows, keys, None, (), Splitting())
    now, _ = plan_parts(rows, keys, truth, (), Splitting())
    assert all(np.array_equal(before[name], plain[name]) for name in plain)
    assert not np.array_equal(before["test"], now["test"])
    frame = pd.DataFrame({"x": keys % np.uint64(97), **{f"l{i}": truth[:, i].astype(int) for i in range(7)}})
    frame.to_csv(tmp_path / "rows.csv", index=False)
    target = ",".join(frame.columns[1:])
    with split_as("content"):
        old = data.csv(tmp_path / "rows.csv", target=target)
    assert (spec_of(old)["split"], spec_of(data.csv(tmp_path / "rows.csv", target=target))["split"]) == (
        "content",
        "labels",
    )
    assert data.from_spec(spec_of(old)).fingerprint == old.fingerprint


def test_rows_of_few_values_are_cases_of_their_own() -> None:
    keys = np.tile(np.array([3, 5, 7, 11], dtype=np.uint64), 100)
    values = np.tile([0, 1, 0, 1], 100)
    parts, _ = plan_parts({"train": np.arange(400)}, row_keys(keys), values, NAMES[:2], Splitting())
    assert all(set(keys[rows].tolist()) == {3, 5, 7, 11} for rows in parts.values())
    assert np.array_equal(row_keys(keys[:12]), keys[:12])  # each three times: these may be doubles


def test_a_share_of_nothing_makes_no_part() -> None:
    values = labels(1, 5, 5)
    assert list(plan(values, Splitting(0, 0))) == ["train"]
    assert list(plan(labels(5, 5, 5), Splitting(0, 0.2))) == ["train", "test"]


def test_splits_of_the_source_are_kept() -> None:
    values = labels(30, 30, 30)
    order = np.random.default_rng(0).permutation(90)
    with_test = plan(values, Splitting(), {"train": order[:60], "test": order[60:]})
    assert np.array_equal(with_test["test"], order[60:])
    assert 3 <= len(with_test["val"]) <= 9
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
    everything = {"train": np.arange(1000)}
    parts, said = plan_parts(everything, numbered(1000), None, (), Splitting(0.15, 0.25, seed=1))
    assert np.abs(np.array([len(rows) for rows in parts.values()]) - [600, 150, 250]).max() < 50
    assert len(np.unique(np.concatenate(list(parts.values())))) == 1000
    assert "about 15% val, about 25% test" in said[0].text
    few, _ = plan_parts(everything, numbered(1000), None, (), Splitting(limit=7))
    assert len(few["train"]) == 7


def test_a_class_of_one_and_too_few_items_are_refused() -> None:
    with pytest.raises(DataError, match=r"Class 'b' has 1 item(.|\n)*val_fraction=0, test_fraction=0"):
        plan(labels(5, 1, 5), Splitting())
    with pytest.raises(DataError, match="2 items cannot be split into 3 parts"):
        plan_parts({"train": np.arange(2)}, numbered(2), None, (), Splitting())


def test_what_was_split_by_position_still_is() -> None:
    values = np.random.default_rng(0).permutation(labels(200, 50, 10))
    with split_as(None):
        parts = plan(values, Splitting())
        quantities, said = plan_parts({"train": np.arange(100)}, numbered(100), None, (), Splitting(seed=1))
    assert mix(parts, values) == {"train": [140, 35, 7], "val": [20, 5, 1], "test": [40, 10, 2]}
    assert parts["test"][:5].tolist() == TEST_BY_POSITION
    assert [len(rows) for rows in quantities.values()] == [70, 10, 20]
    assert said == []


# ---- the same through every kind of source


def table(count: int) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    return pd.DataFrame({"a": rng.normal(size=200), "n": rng.integers(0, 9, 200), "y": ["p", "q"] * 100})[
        :count
    ]


def sentences(count: int) -> pd.DataFrame:
    return pd.DataFrame(
        {"text": [f"sentence {i * i} of some words" for i in range(count)], "y": ["p", "q"] * (count // 2)}
    )


def inputs(count: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(6).integers(0, 256, (200, *shape), dtype=np.uint8)[:count]


def pictures(root: Path, count: int) -> Path:
    for i, pixels in enumerate(inputs(count, 6, 6, 3)):
        place = root / "ab"[i % 2]
        place.mkdir(parents=True, exist_ok=True)
        # The newer a picture is, the earlier is its name.
        Image.fromarray(pixels).save(place / f"{1000 - i}.png")
    return root


def tensors(count: int) -> TensorDataset:
    return TensorDataset(torch.tensor(inputs(count, 4)).float(), torch.arange(count) % 2)


MAKERS: dict[str, Callable[[Path, int], DataBundle]] = {
    "table": lambda _, n: data.load(table(n)[::-1]),
    "numbers with a gap": lambda _, n: data.load(table(n).assign(n=table(n)["n"].where(np.arange(n) < 150))),
    "texts": lambda _, n: data.load(sentences(n)[::-1], text="text", label="y"),
    "rows": lambda _, n: data.load((inputs(n, 4).astype(float), np.arange(n) % 2)),
    "sequences": lambda _, n: data.load((inputs(n, 3, 4).astype(float) + 0.5, np.arange(n) % 2)),
    "picture arrays": lambda _, n: data.load((inputs(n, 6, 6, 3), np.arange(n) % 2)),
    "quantities": lambda _, n: data.load((inputs(n, 4).astype(float), np.arange(n) / 7)),
    "dataset": lambda _, n: data.load(tensors(n)),
    "folder": lambda root, n: data.folder(pictures(root, n)),
    "stream": lambda root, n: data.folder(pictures(root, n), stream=True, cache=False),
}


@pytest.mark.parametrize("kind", MAKERS)
def test_data_that_grows_keeps_its_training_items_out_of_the_other_parts(kind: str, tmp_path: Path) -> None:
    before, after = (MAKERS[kind](tmp_path, count) for count in (150, 200))
    trained = before.contents["train"]
    assert len(trained) == len(before.train)
    assert np.isin(trained, after.contents["train"]).all()
    assert all(len(after.contents[name]) == len(split) for name, split in after.splits.items())
    assert "Split by content" in str(after.report)


def test_a_copy_of_a_file_is_in_the_same_part(tmp_path: Path) -> None:
    root = pictures(tmp_path / "p", 40)
    before = data.folder(root)
    for file in list(root.glob("a/*.png")):
        (root / "a" / f"copy-{file.name}").write_bytes(file.read_bytes())
    after = data.folder(root)
    assert not after.report.warnings
    assert after.report.sizes["train"] == before.report.sizes["train"] + before.report.counts["train"]["a"]


def spec_of(bundle: DataBundle) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(bundle.spec))
    return found


def test_an_old_spec_gets_the_split_it_had(tmp_path: Path) -> None:
    with split_as(None):
        old = data.folder(pictures(tmp_path, 40))
    spec = spec_of(old)
    assert spec.pop("split") is None  # as it was written before
    again = data.from_spec(spec)
    assert again.fingerprint == old.fingerprint
    assert spec_of(again)["split"] is None
    new = data.folder(tmp_path)
    assert new.fingerprint != old.fingerprint
    assert data.from_spec(spec_of(new)).fingerprint == new.fingerprint


def test_an_old_spec_of_the_digits_is_that_of_every_version() -> None:
    spec = {
        "source": "digits",
        "where": "digits",
        "options": {"name": "digits", "augment": "none", "val_fraction": 0.1, "test_fraction": 0.2}
        | {"seed": 0, "limit": None},
        "fingerprint": DIGITS_BY_POSITION,
        "sizes": {"train": 1259, "val": 179, "test": 359},
    }
    assert data.from_spec(spec).report.sizes == spec["sizes"]


@pytest.mark.parametrize("seed", [-1, 1.5, True, "0"])
def test_a_seed_is_a_whole_number(seed: object) -> None:
    with pytest.raises(DataError, match="seed is"):
        Splitting(seed=seed)  # type: ignore[arg-type]
