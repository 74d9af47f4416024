"""What a table's report says: leaks, rare classes, columns left out by name, groups, rows by their file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lepton_nb.data import csv, frame, text
from lepton_nb.errors import DataError


def rows(count: int = 400) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    y = (rng.random(count) < 0.2).astype(int)
    return pd.DataFrame(
        {
            "calls": rng.poisson(2, count),
            "plan": rng.choice(["a", "b", "c"], count),
            "refund": np.where(y == 1, rng.integers(5, 50, count), 0),
            "reason": np.where(y == 1, "left", None),
            "y": y,
        }
    )


def leaks(table: pd.DataFrame) -> list[str]:
    warnings = frame(table, target="y").report.warnings
    return [warning.split("'")[1] for warning in warnings if "or a leak (drop=" in warning]


def test_a_column_that_alone_tells_the_target_is_named() -> None:
    table = rows()
    assert leaks(table) == ["refund", "reason"]
    assert leaks(table.drop(columns=["refund", "reason"])) == []
    price = np.random.default_rng(1).normal(size=400)
    own = table.assign(tax=price * 0.19, y=price)
    assert leaks(own[["calls", "tax", "y"]]) == ["tax"]
    assert (
        leaks(own.assign(tax=price + np.random.default_rng(2).normal(size=400))[["calls", "tax", "y"]]) == []
    )


def test_a_code_of_the_rows_is_no_leak() -> None:
    table = rows().drop(columns=["refund", "reason"]).assign(zip=np.arange(400) % 190 + 10_000)
    assert leaks(table) == []


@pytest.mark.parametrize(
    ("shares", "said"), [((0.09, 0.91), "9."), ((0.09, 0.4, 0.51), "9."), ((0.3, 0.7), "")]
)
def test_a_rare_class_is_said(shares: tuple[float, ...], said: str) -> None:
    rng = np.random.default_rng(0)
    names = np.repeat(list("abc")[: len(shares)], (np.array(shares) * 1000).round().astype(int))
    bundle = frame(pd.DataFrame({"x": rng.normal(size=len(names)), "y": names}))
    warnings = [w for w in bundle.report.warnings if "imbalanced" in w]
    assert bool(warnings) == bool(said)
    assert all("'a' is " in w and "always saying" in w for w in warnings)


def test_columns_are_chosen_by_name() -> None:
    def used(**options: object) -> list[str]:
        bundle = frame(rows(), target="y", **options)
        return [column["name"] for column in bundle.signature.preprocessing["columns"]]

    assert used(drop=("refund", "reason")) == ["calls", "plan"]
    assert used(columns=("plan", "refund")) == ["plan", "refund"]
    assert used(columns=("plan", "refund"), drop="refund") == ["plan"]
    with pytest.raises(DataError, match=r"(?s)drop is 'reson'.*Did you mean 'reason'"):
        used(drop="reson")
    with pytest.raises(DataError, match="Every column but the target is left out"):
        used(drop=("calls", "plan", "refund", "reason"))


def test_rows_of_a_group_stay_together_and_the_group_is_no_feature() -> None:
    table = rows().assign(patient=np.arange(400) // 8)
    bundle = frame(table, target="y", group="patient")
    assert "patient" not in bundle.train.raw(0)
    places = [
        {table["patient"][split.origin(i)] for i in range(len(split))} for split in bundle.splits.values()
    ]
    assert sum(map(len, places)) == len(set.union(*places)) == 50
    more = pd.concat([table, table.assign(patient=table["patient"] + 100)], ignore_index=True)
    again = frame(more, target="y", group="patient")
    kept = {table["patient"][bundle.train.origin(i)] for i in range(len(bundle.train))}
    assert kept.isdisjoint({more["patient"][again.test.origin(i)] for i in range(len(again.test))})
    with pytest.raises(DataError, match="group is 'patent', but there is no such column"):
        frame(table, target="y", group="patent")


def test_texts_of_a_group_stay_together() -> None:
    table = pd.DataFrame(
        {"t": [f"a sentence of number {i}" for i in range(60)], "who": np.arange(60) // 3, "y": [0, 1] * 30}
    )
    bundle = text(table, text="t", label="y", group="who")
    who = [
        {int(split.raw(i).split()[-1]) // 3 for i in range(len(split))} for split in bundle.splits.values()
    ]
    assert sum(map(len, who)) == 20


def test_rows_are_told_by_their_number_in_the_file(tmp_path: Path) -> None:
    table = rows().astype({"y": object})
    table.loc[[0, 7, 30], "y"] = None
    table.to_csv(tmp_path / "t.csv", index=False)
    bundle = csv(tmp_path / "t.csv", target="y")
    for split in bundle.splits.values():
        for i in range(0, len(split), 9):
            assert table["calls"][split.origin(i)] == split.raw(i)["calls"]


def test_equal_rows_are_called_equal_in_the_columns_used() -> None:
    table = pd.DataFrame(
        {"name": [f"n{i}" for i in range(200)], "a": np.arange(200) % 7, "y": np.arange(200) % 2}
    )
    assert any(
        "also in test (equal in the columns used): left in both" in w for w in frame(table).report.warnings
    )


def test_an_infinite_target_says_how_to_leave_it_out() -> None:
    table = pd.DataFrame({"a": np.arange(90.0) % 7, "y": np.random.default_rng(0).normal(size=90)})
    table.loc[4, "y"] = np.inf
    with pytest.raises(DataError, match=r"(?s)holds inf \(1 such row\).*df\[np\.isfinite"):
        frame(table)


def test_levels_of_an_index_are_not_lost_without_a_word() -> None:
    table = rows().assign(k=np.arange(400), m=np.arange(400) % 5).set_index(["k", "m"])
    assert any("index holds 'k', 'm'" in w for w in frame(table, target="y").report.warnings)
