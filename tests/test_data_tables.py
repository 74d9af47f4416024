"""Tables: target, columns, missing cells, splits, files, and everything that can be wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from lepton_nb.data import DataBundle, csv, frame, from_spec
from lepton_nb.errors import DataError


@pytest.fixture
def people() -> pd.DataFrame:
    """Two hundred rows with everything that real tables have."""
    rng = np.random.default_rng(0)
    count = 200
    return pd.DataFrame(
        {
            "person_id": np.arange(count) + 1000,
            "name": [f"person {i}" for i in range(count)],
            "age": rng.integers(18, 80, count).astype(float),
            "height": rng.normal(170, 10, count),
            "city": rng.choice(["Bern", "Genf ", "Basel"], count),
            "member": rng.choice([True, False], count),
            "planet": "Earth",
            "empty": np.nan,
            "since": pd.date_range("2020-01-01", periods=count),
            "bought": rng.choice(["yes", "no"], count),
        }
    )


def text(bundle: DataBundle) -> str:
    return str(bundle.report)


def columns(bundle: DataBundle) -> dict[str, Any]:
    return {column["name"]: column for column in bundle.signature.preprocessing["columns"]}


def test_the_last_column_is_the_target_and_the_report_says_so(people: pd.DataFrame) -> None:
    bundle = frame(people)
    assert bundle.signature.task == "tabular-classification"
    assert bundle.signature.class_names == ("no", "yes")
    assert bundle.signature.target == {"name": "bought"}
    assert "The target is the last column, 'bought'" in text(bundle)
    assert "last column" not in text(frame(people, target="bought"))


def test_columns_a_model_cannot_learn_from_are_left_out_with_the_reason(people: pd.DataFrame) -> None:
    bundle = frame(people)
    assert list(columns(bundle)) == ["age", "height", "city", "member", "since"]
    for reason in (
        "person_id: numbers the rows",
        "name: another text in every row",
        "planet: always Earth",
        "empty: empty in every row",
    ):
        assert reason in text(bundle)


def test_numbers_are_standardised_by_the_training_rows(people: pd.DataFrame) -> None:
    bundle = frame(people, target="bought")
    settings = columns(bundle)["height"]
    heights = [bundle.train.raw(i)["height"] for i in range(len(bundle.train))]
    assert settings["mean"] == pytest.approx(np.mean(heights))
    assert settings["std"] == pytest.approx(np.std(heights))
    assert settings["fill"] == pytest.approx(np.median(heights))
    inputs, _ = bundle.example(len(bundle.train))
    assert isinstance(inputs, torch.Tensor)
    torch.testing.assert_close(inputs[:, 1].mean(), torch.tensor(0.0), atol=1e-5, rtol=0)


def test_rows_are_encoded_as_the_service_encodes_them(people: pd.DataFrame) -> None:
    people.loc[::7, "age"] = np.nan
    people.loc[::5, "city"] = None
    bundle = frame(people)
    rows = [bundle.split("test").raw(i) for i in range(20)]
    (prepared,) = bundle.task.codec(bundle.signature).prepare(rows)
    np.testing.assert_array_equal(bundle.example(20, "test")[0], prepared)
    assert bundle.signature.inputs[0].shape == (2 + 3 + 2 + 3,)  # of a date month, day and weekday


def test_empty_cells_are_counted_and_filled(people: pd.DataFrame) -> None:
    people.loc[:19, "age"] = np.nan
    people.loc[20, "height"] = np.inf
    bundle = frame(people, val_fraction=0, test_fraction=0)
    assert "age: 20 empty, filled with the median" in text(bundle)
    assert "1 infinite cell in 'height'" in text(bundle)
    inputs, _ = bundle.example(200)
    assert torch.isfinite(inputs).all()  # type: ignore[arg-type]
    assert bundle.train.raw(0)["age"] is None


def test_texts_that_are_nearly_all_numbers_become_numbers(people: pd.DataFrame) -> None:
    people.insert(0, "total", [f"{i * 1.5}" if i % 50 else "unknown" for i in range(200)])
    bundle = frame(people)
    assert columns(bundle)["total"]["kind"] == "number"
    assert "4 cells of 'total' without a number" in text(bundle)
    assert "'unknown'" in text(bundle)


def test_only_the_most_frequent_of_many_categories_count(people: pd.DataFrame) -> None:
    people.insert(0, "street", [f"street {i % 90}" for i in range(200)])
    bundle = frame(people, val_fraction=0, test_fraction=0)
    assert len(columns(bundle)["street"]["values"]) == 50
    assert "street: 40 rare values" in text(bundle)


def test_a_column_that_counts_the_rows_is_no_input_but_a_year_is(people: pd.DataFrame) -> None:
    people.insert(0, "Unnamed: 0", range(200))
    people.insert(0, "year", range(1800, 2000))
    used = columns(frame(people))
    assert "Unnamed: 0" not in used
    assert "year" in used


def test_spaces_around_labels_are_merged_and_case_is_a_warning(people: pd.DataFrame) -> None:
    people.loc[0, "bought"] = " yes"
    people.loc[1:10, "bought"] = "Yes"
    bundle = frame(people)
    assert bundle.signature.class_names == ("Yes", "no", "yes")
    assert "1 label of 'bought' differed only by spaces" in text(bundle)
    assert any("upper and lower case" in warning for warning in bundle.report.warnings)


def test_rows_without_a_target_are_left_out(people: pd.DataFrame) -> None:
    people.loc[5:9, "bought"] = None
    bundle = frame(people)
    assert sum(bundle.report.sizes.values()) == 195
    assert "5 rows without a value in 'bought'" in text(bundle)


@pytest.mark.parametrize(
    ("values", "task", "expected"),
    [
        (np.arange(200) % 3, None, "classification"),
        (np.arange(200) % 3 + 1.0, None, "classification"),
        (np.arange(200) % 3, "regression", "regression"),
        (np.arange(200) // 2, None, "regression"),
        (np.arange(200) % 50, "classification", "classification"),
        (np.arange(200) % 50, "tabular-classification", "classification"),
        (np.arange(200) / 7, None, "regression"),
        (np.arange(200) % 2 == 0, None, "classification"),
        (np.array(["1", "2"])[np.arange(200) % 2], None, "classification"),
        (np.array([f"{i}.5" for i in range(200)]), "regression", "regression"),
    ],
)
def test_the_values_decide_between_classes_and_quantities(
    people: pd.DataFrame, values: np.ndarray, task: str | None, expected: str
) -> None:
    bundle = frame(people.assign(y=values), target="y", task=task)
    assert bundle.signature.task == f"tabular-{expected}"
    assert bundle.task.name == bundle.signature.task


def test_classes_of_numbers_are_named_without_decimals_and_in_order(people: pd.DataFrame) -> None:
    bundle = frame(people.assign(y=np.arange(200) % 12 + 1.0), target="y")
    assert bundle.signature.class_names == tuple(map(str, range(1, 13)))


def test_quantities_are_standardised_by_the_training_rows(people: pd.DataFrame) -> None:
    bundle = frame(people, target="height")
    signature = bundle.signature
    _, target = bundle.example(len(bundle.train))
    assert target.dtype == torch.float32
    assert target.shape == (128, 1)
    assert abs(float(target.mean())) < 1e-6
    assert float(target.std(correction=0)) == pytest.approx(1, abs=1e-5)
    own = target.double() * signature.target["std"] + signature.target["mean"]
    known = set(people["height"].round(3))
    assert {round(float(value), 3) for value in own.flatten()} <= known
    assert bundle.report.counts["train"] == {"": 128}


def test_equal_rows_in_two_splits_are_reported_and_left_in() -> None:
    table = pd.DataFrame({"a": [1, 2, 3, 4] * 25, "b": [0, 1] * 50, "y": ["p", "q", "p", "q"] * 25})
    bundle = frame(table)
    assert sum(bundle.report.sizes.values()) == 100
    assert any("also in test: left in both" in warning for warning in bundle.report.warnings)


def test_splits_are_stratified_and_seeded(people: pd.DataFrame) -> None:
    people["bought"] = ["rare"] * 20 + ["often"] * 180
    bundle = frame(people, seed=4)
    assert bundle.report.counts == {
        "train": {"often": 134, "rare": 12},
        "val": {"often": 16, "rare": 4},
        "test": {"often": 30, "rare": 4},
    }
    assert frame(people, seed=4).fingerprint == bundle.fingerprint
    assert frame(people, seed=5).fingerprint != bundle.fingerprint


def test_pandas_own_missing_values_and_types_are_read(people: pd.DataFrame) -> None:
    people["member"] = people["member"].astype(object)
    people.loc[::9, ["age", "city", "member"]] = None
    modern = people.convert_dtypes().astype({"city": "category"})
    modern.insert(0, "tags", [["a"]] * 200)
    modern.insert(0, "wait", pd.to_timedelta(np.arange(200), unit="h"))
    bundle = frame(modern)
    assert list(columns(bundle)) == ["wait", "age", "height", "city", "member", "since"]
    assert "taken as numbers of days" in text(bundle)
    assert "tags: cells of type list" in text(bundle)
    rows = [bundle.train.raw(i) for i in range(30)]
    (prepared,) = bundle.task.codec(bundle.signature).prepare(rows)
    np.testing.assert_array_equal(bundle.example(30)[0], prepared)
    assert any(row["age"] is None for row in rows)


def test_the_users_table_is_not_changed(people: pd.DataFrame) -> None:
    before = people.copy(deep=True)
    frame(people)
    pd.testing.assert_frame_equal(people, before)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_a_file_is_read_with_its_own_delimiter(people: pd.DataFrame, tmp_path: Path, separator: str) -> None:
    path = tmp_path / "people.csv"
    people.to_csv(path, sep=separator, index=False)
    bundle = csv(path)
    assert bundle.name == "people"
    assert bundle.signature.class_names == ("no", "yes")
    assert list(columns(bundle)) == ["age", "height", "city", "member", "since"]


def test_a_file_in_another_encoding_is_read_with_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    rows = "".join(f"{i % 7},{'Zürich' if i % 2 else 'Genève'},{'ab'[i % 2]}\n" for i in range(40))
    path.write_bytes(("n,city,y\n" + rows).encode("latin-1"))
    bundle = csv(path)
    assert columns(bundle)["city"]["values"] == ["Genève", "Zürich"]
    assert any("not UTF-8" in warning for warning in bundle.report.warnings)


def test_a_header_of_numbers_is_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("".join(f"{i % 7}.5,{i % 5}.25,{'ab'[i % 2]}\n" for i in range(40)))
    assert any("has it no header" in warning for warning in csv(path).report.warnings)


def test_a_folder_with_train_and_test_tables_keeps_them(people: pd.DataFrame, tmp_path: Path) -> None:
    people[:150].to_csv(tmp_path / "train.csv", index=False)
    people[150:].to_csv(tmp_path / "test.csv", index=False)
    bundle = csv(tmp_path, target="bought")
    assert bundle.report.sizes == {"train": 132, "val": 18, "test": 50}
    assert bundle.split("test").raw(0)["height"] == pytest.approx(people["height"][150])
    assert bundle.spec is not None
    assert from_spec(bundle.spec).fingerprint == bundle.fingerprint


def test_a_test_table_without_the_target_is_left_out(people: pd.DataFrame, tmp_path: Path) -> None:
    people.to_csv(tmp_path / "train.csv", index=False)
    people.drop(columns="bought").to_csv(tmp_path / "test.csv", index=False)
    bundle = csv(tmp_path)
    assert "test.csv has no column 'bought': left out" in text(bundle)
    assert list(bundle.splits) == ["train", "val", "test"]
    assert sum(bundle.report.sizes.values()) == 200


def test_a_spec_rebuilds_a_file_and_notices_more_rows(people: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    people.to_csv(path, index=False)
    bundle = csv(path, target="age", seed=2)
    assert bundle.spec is not None
    assert from_spec(bundle.spec).fingerprint == bundle.fingerprint
    pd.concat([people, people[:50]]).to_csv(path, index=False)
    with pytest.raises(DataError, match="it had 144 train, 17 val, 39 test, now it has 181"):
        from_spec(bundle.spec)


@pytest.mark.parametrize(
    ("change", "options", "expected"),
    [
        ({}, {"target": "bougt"}, "Did you mean 'bought'"),
        ({"bought": None}, {}, "empty in every row"),
        ({"bought": "yes"}, {}, "one class only ('yes')"),
        ({}, {"target": "name"}, "200 different values in 200 items: no classes"),
        ({}, {"target": "city", "task": "regression"}, "is to be a number but holds"),
        ({}, {"task": "clustering"}, "it is classification, regression or the name of a task"),
        ({"bought": ["yes"] * 199 + ["no"]}, {}, "Class 'no' has 1 item"),
        ({"height": 1.5}, {"target": "height", "task": "regression"}, "is 1.5 in every training row"),
        ({"age": 1, "height": 2, "city": "x", "member": True}, {"drop": "since"}, "can be learned from"),
        ({}, {"limit": -1}, "limit is -1"),
        ({}, {"val_fraction": 1}, "val_fraction is 1"),
    ],
)
def test_a_table_that_cannot_be_learned_from_is_explained(
    people: pd.DataFrame, change: dict[str, Any], options: dict[str, Any], expected: str
) -> None:
    with pytest.raises(DataError) as caught:
        frame(people.assign(**change), **options)
    assert expected in str(caught.value)


def test_two_columns_of_one_name_and_one_column_are_refused(people: pd.DataFrame) -> None:
    with pytest.raises(DataError, match="two columns 'age'"):
        frame(pd.concat([people, people[["age"]]], axis=1))
    with pytest.raises(DataError, match="200 rows and 1 column;"):
        frame(people[["age"]])
    with pytest.raises(DataError, match="0 rows"):
        frame(people[:0])


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "is empty"),
        (b"a,b,c\n", "has a header but no rows"),
        (b"\x89PNG\0\0\0\n\0\0", "is not a text file"),
        (b"a,b\n1,2\n1,2,3,4\n", "cannot be read as a table"),
    ],
)
def test_a_file_that_is_no_table_is_explained(tmp_path: Path, content: bytes, expected: str) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=expected):
        csv(path)


def test_a_missing_file_suggests_the_nearest(people: pd.DataFrame, tmp_path: Path) -> None:
    people.to_csv(tmp_path / "people.csv", index=False)
    with pytest.raises(DataError, match=r"Did you mean 'people.csv'"):
        csv(tmp_path / "poeple.csv")
    with pytest.raises(DataError, match=r"has no train.csv"):
        csv(tmp_path)
