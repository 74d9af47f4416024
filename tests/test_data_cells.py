"""What the cells of a table say: decimal commas, separators, marks for missing values, codes, dates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lepton_nb.data import DataBundle, arrays, csv, frame, from_spec, text
from lepton_nb.data.fitted import fitted
from lepton_nb.errors import DataError
from lepton_nb.tasks import InputError

COUNT = 120


def columns(bundle: DataBundle) -> dict[str, Any]:
    return {column["name"]: column for column in bundle.signature.preprocessing["columns"]}


def warned(bundle: DataBundle, *parts: str) -> bool:
    return any(all(part in warning for part in parts) for warning in bundle.report.warnings)


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes a table with the cells of `a` and `b` in turn, and classes ``p`` and ``q`` unless given."""

    def _write(
        a: Sequence[str], b: Sequence[str] = ("0.5", "0.25", "0.75"), y: Sequence[str] = "pq", sep: str = ";"
    ) -> Path:
        rows = [sep.join(cells[i % len(cells)] for cells in (a, b, y)) for i in range(COUNT)]
        path = tmp_path / "table.csv"
        path.write_text("\n".join([sep.join("aby"), *rows]), encoding="utf-8")
        return path

    return _write


@pytest.mark.parametrize(
    ("cells", "values", "said"),
    [
        (["1,5", "-2,25", "3"], [1.5, -2.25, 3], "decimal commas in 80 rows: '1,5' is read as 1.5"),
        (["1.234,56", "950,1"], [1234.56, 950.1], "decimal commas and thousands separators"),
        (
            ["1,234.5", "2,345"],
            [1234.5, 2345],
            "thousands separators in 120 rows: '1,234.5' is read as 1234.5",
        ),
        (["1,234", "2,345,678"], [1234, 2345678], "thousands separators"),
        (["12,34,567", "1,00,000.5"], [1234567, 100000.5], "thousands separators"),
        (["1 234", "2\u202f345", "7"], [1234, 2345, 7], "thousands separators in 80 rows"),
        (["1'234.5", "17"], [1234.5, 17], "thousands separators in 60 rows"),
        (["\u22121.5", "2.5"], [-1.5, 2.5], "'\u22121.5' is read as -1.5"),
        (["1,234", "0,5"], [1.234, 0.5], "decimal commas"),
        (["1,234", "2,345"], [1234, 2345], "'1,234' is read as 1234; if its comma is a decimal one"),
    ],
)
def test_numbers_are_read_by_how_the_whole_column_is_written(
    write: Callable[..., Path], cells: list[str], values: list[float], said: str
) -> None:
    bundle = csv(write(cells), val_fraction=0, test_fraction=0)
    assert warned(bundle, "'a'", said), bundle.report
    assert [bundle.train.raw(i)["a"] for i in range(len(values))] == values


def test_what_one_column_leaves_open_others_decide(write: Callable[..., Path]) -> None:
    for cells, value in ((["1,234", "2,345"], 1.234), (["1.234", "2.345"], 1234)):
        bundle = csv(write(cells, ["0,5", "1,25"]), val_fraction=0, test_fraction=0)
        assert warned(bundle, "'a'", "since other columns have decimal commas")
        assert bundle.train.raw(0)["a"] == value
    bundle = csv(write(["1.234", "2.345"]), val_fraction=0, test_fraction=0)
    assert bundle.train.raw(0)["a"] == 1.234
    assert not warned(bundle, "'a' holds")


def test_a_target_with_decimal_commas_is_a_quantity(write: Callable[..., Path]) -> None:
    path = write(["1", "2"], y=[f"{i},{i % 7}" for i in range(50)])
    for task in (None, "regression"):
        bundle = csv(path, target="y", task=task)
        assert bundle.signature.task == "tabular-regression"
        assert warned(bundle, "'y' holds numbers with decimal commas")


@pytest.mark.parametrize("mark", ["-", "--", "?", ".", "n/a", "NA", "null", "None", "NaN", "#N/A", "unknown"])
def test_a_mark_among_numbers_is_an_empty_cell(write: Callable[..., Path], mark: str) -> None:
    bundle = csv(write([mark, "3", "4", "5"]), val_fraction=0, test_fraction=0)
    assert columns(bundle)["a"]["kind"] == "number"
    assert warned(bundle, f"30 cells of 'a' without a number ({mark!r} in 30 rows): taken as empty")
    assert bundle.train.raw(0)["a"] is None
    assert [bundle.train.raw(i)["a"] for i in (1, 2, 3)] == [3, 4, 5]


def test_a_mark_among_class_numbers_leaves_the_row_out(write: Callable[..., Path]) -> None:
    bundle = csv(write(["1", "2", "4"], y=["0", "1", "?", "2"]))
    assert bundle.signature.class_names == ("0", "1", "2")
    assert warned(bundle, "30 cells of 'y' without a number ('?' in 30 rows)")
    assert sum(bundle.report.sizes.values()) == 90


@pytest.mark.parametrize("label", ["None", "NA", "null", "nan", "N/A"])
def test_a_label_that_programs_take_for_missing_is_a_class(write: Callable[..., Path], label: str) -> None:
    bundle = csv(write(["1", "2", "4"], y=[label, "mild", "severe"]), target="y")
    assert set(bundle.signature.class_names) == {label, "mild", "severe"}
    assert warned(bundle, "'y'", f"{label!r} in 40 rows")
    assert sum(bundle.report.sizes.values()) == COUNT


def test_namibia_is_a_country_and_an_empty_cell_is_none(write: Callable[..., Path]) -> None:
    bundle = csv(write(["NA", "ZA", "", "DE"]), val_fraction=0, test_fraction=0)
    assert columns(bundle)["a"]["values"] == ["DE", "NA", "ZA"]
    assert warned(bundle, "'a'", "'NA' in 30 rows")
    assert bundle.train.raw(2)["a"] is None
    rows = [bundle.train.raw(i) for i in range(4)]
    (prepared,) = bundle.task.codec(bundle.signature).prepare(rows)
    np.testing.assert_array_equal(bundle.example(4)[0], prepared)


def test_one_number_and_a_mark_are_two_texts(write: Callable[..., Path]) -> None:
    assert columns(csv(write(["1", "NA"], y="ppq")))["a"]["values"] == ["1", "NA"]


def test_the_labels_of_texts_are_kept_too(tmp_path: Path) -> None:
    path = tmp_path / "texts.csv"
    lines = [f"this is the text of number {i},{('None', 'good')[i % 2]}" for i in range(60)]
    path.write_text("\n".join(["text,label", *lines]))
    bundle = text(path)
    assert bundle.signature.class_names == ("None", "good")
    assert warned(bundle, "'label'", "'None' in 30 rows")


def test_columns_of_objects_in_a_table_are_read_alike_and_missing_cells_are_no_news() -> None:
    table = pd.DataFrame(
        {
            "comma": ["1,5", "2,5", "-", None] * 30,
            "mixed": [1, 2.5, "?", 4] * 30,
            "country": ["NA", "DE", None, "FR"] * 30,
            "gaps": [1.0, np.nan, 3.0, 4.0] * 30,
            "truth": [True, False, None, True] * 30,
            "y": ["p", "q"] * 60,
        }
    )
    bundle = frame(table)
    kinds = {name: column["kind"] for name, column in columns(bundle).items()}
    assert kinds == dict.fromkeys(("comma", "mixed", "gaps"), "number") | dict.fromkeys(
        ("country", "truth"), "category"
    )
    assert warned(bundle, "'comma'", "'1,5' is read as 1.5")
    assert warned(bundle, "30 cells of 'mixed' without a number ('?' in 30 rows)")
    assert not any("'gaps'" in w for w in bundle.report.warnings if "alone tells" not in w)


@pytest.mark.parametrize("sep", [",", ";", "\t"])
def test_leading_zeros_stay_where_a_few_rows_have_them(write: Callable[..., Path], sep: str) -> None:
    path = write(["10115", "99084", "20095", "01067"], y=["01", "02", "10"], sep=sep)
    bundle = csv(path)
    assert columns(bundle)["a"]["values"] == ["01067", "10115", "20095", "99084"]
    assert bundle.signature.class_names == ("01", "02", "10")
    for name in "ay":
        assert f"'{name}' has leading zeros" in str(bundle.report)
    table = pd.read_csv(path, sep=sep, dtype=str)
    assert columns(frame(table))["a"] == columns(bundle)["a"]


def test_a_class_of_zeros_is_a_code(write: Callable[..., Path]) -> None:
    assert csv(write(["1", "2", "4"], y=["00", "01", "10"])).signature.class_names == ("00", "01", "10")


def test_three_decimals_beside_words_with_commas_are_decimals(write: Callable[..., Path]) -> None:
    bundle = csv(write(["1,5 kg", "size 2,5", "none"], y=[f"1.{i}" for i in range(100, 150)]), target="y")
    assert bundle.signature.task == "tabular-regression"
    assert 1 < bundle.signature.target["mean"] < 2


def test_decimals_below_one_and_a_plain_zero_are_no_codes(write: Callable[..., Path]) -> None:
    bundle = csv(write(["0", "10", "20"], ["0.5", "00.25", "1.5"]))
    assert {name: column["kind"] for name, column in columns(bundle).items()} == {
        "a": "number",
        "b": "number",
    }


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (["1", "2", "3", "4", "low"], "80% of the cells of 'a' are numbers, but not 'low' in 24 rows"),
        (["1.5", "2,5"], "written in several ways ('2,5' in 60 rows)"),
        (["12%", "15%"], "with signs, or written in several ways ('12%' in 60 rows"),
        (["$1,200", "$950"], "'$1,200' in 60 rows"),
    ],
)
def test_texts_that_look_like_numbers_stay_texts_with_a_word(
    write: Callable[..., Path], cells: list[str], said: str
) -> None:
    bundle = csv(write(cells))
    assert columns(bundle)["a"]["values"] == sorted(cells)
    assert warned(bundle, "'a'", said)


@pytest.mark.parametrize(
    ("dates", "order"),
    [
        (["2023-01-05", "2023-11-30"], "year first: '2023-01-05' is read as 2023-01-05"),
        (["05/01/2023", "30/11/2023"], "day first: '05/01/2023' is read as 2023-01-05"),
        (["1/5/23", "11/30/23"], "month first: '1/5/23' is read as 2023-01-05"),
        (["5.1.2023", "30.11.2023"], "day first: '5.1.2023' is read as 2023-01-05"),
        (["5 Jan 2023", "30 November 2023"], "day first: '5 Jan 2023' is read as 2023-01-05"),
        (["Jan 5, 2023", "November 30, 2023"], "month first: 'Jan 5, 2023' is read as 2023-01-05"),
        (["2023-01-05 10:30", "2023-11-30T10:45:15.5Z"], "'2023-01-05 10:30' is read as 2023-01-05"),
    ],
)
def test_dates_as_texts_are_features_by_their_parts(
    write: Callable[..., Path], dates: list[str], order: str
) -> None:
    bundle = csv(write(dates))
    parts = ["month", "day", *(["hour"] if ":" in dates[0] else [])]
    assert [part["name"] for part in columns(bundle)["a"]["parts"]] == parts
    assert warned(bundle, f"'a' holds dates as texts in {COUNT} rows", order)
    raw = bundle.train.raw(0)
    (prepared,) = bundle.task.codec(bundle.signature).prepare([raw, raw | {"a": dates[0]}, raw | {"a": None}])
    np.testing.assert_array_equal(bundle.example(1)[0], prepared[:1])
    assert (prepared[2, : len(parts)] == 0).all()
    fitted = evaluate_rows(bundle, pd.DataFrame([raw | {"a": dates[0], "y": "p"}]))
    np.testing.assert_array_equal(fitted, prepared[1:2])


def evaluate_rows(bundle: DataBundle, table: pd.DataFrame) -> np.ndarray:
    """The rows of a table as a model of the bundle's takes them."""
    found = fitted(table, bundle.signature)
    assert found is not None
    return np.asarray(found.example(len(table), "test")[0])


def test_a_service_takes_dates_as_training_had_them_and_says_what_it_expects(
    write: Callable[..., Path],
) -> None:
    bundle = csv(write(["05/01/2023", "30/11/2023"]))
    codec = bundle.task.codec(bundle.signature)
    raw = bundle.train.raw(0)
    day, iso = codec.prepare(raw | {"a": "04/03/2023"}), codec.prepare(raw | {"a": "2023-03-04"})
    np.testing.assert_array_equal(day[0], iso[0])
    with pytest.raises(InputError, match=r"'a' in row must be a date like 2024-01-31, or null, got 'soon'"):
        codec.prepare(raw | {"a": "soon"})
    assert codec.prepare(codec.example()["row"])[0].shape == day[0].shape


def test_a_doubtful_order_of_dates_is_said_and_a_word_among_them_is_empty(write: Callable[..., Path]) -> None:
    assert warned(csv(write(["05/01/2023", "06/11/2023"])), "where the month is first", "pd.to_datetime")
    bundle = csv(write([*(f"2023-01-{day:02}" for day in range(1, 28)), "soon"]))
    assert warned(bundle, "cells of 'a' without a date ('soon' in")


def test_versions_are_no_dates(write: Callable[..., Path]) -> None:
    assert columns(csv(write(["1.2.10", "3.11.9"])))["a"]["kind"] == "category"


def test_dates_may_be_left_out_as_before(write: Callable[..., Path]) -> None:
    bundle = csv(write(["2023-01-05", "2023-11-30"]), dates=False)
    assert list(columns(bundle)) == ["b"]
    assert "(dates=True makes features of them)" in str(bundle.report)
    assert bundle.spec is not None
    old = {**bundle.spec, "options": {k: v for k, v in bundle.spec["options"].items() if k != "dates"}}
    assert from_spec(old).fingerprint == bundle.fingerprint


def test_categories_keep_the_order_that_somebody_gave_them() -> None:
    values = pd.Categorical(["mid", "high", "low"] * 40, ["low", "mid", "high", "never"], ordered=True)
    bundle = frame(pd.DataFrame({"a": np.arange(COUNT) % 7, "y": values}))
    assert bundle.signature.class_names == ("low", "mid", "high")


@pytest.mark.parametrize(
    "content",
    [
        "sep=;\na;b;y\n" + "1,5;2,5;p\n2,5;1,5;q\n" * 60,
        '"a, in kg";"b, in m";y\n' + "1.5;2;p\n2.5;1;q\n" * 60,
        "a, in kg;b, in m;y\n" + "1,5;2,0;p\n2,5;1,5;q\n" * 60,
        "a b y\n" + "1.5   2 p\n2.5   1 q\n" * 60,
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_file_is_parted_as_its_lines_say(tmp_path: Path, content: str, encoding: str) -> None:
    path = tmp_path / "table.csv"
    path.write_text(content, encoding=encoding)
    bundle = csv(path, val_fraction=0, test_fraction=0)
    assert [column["kind"] for column in columns(bundle).values()] == ["number", "number"]
    assert bundle.signature.class_names == ("p", "q")
    assert next(iter(bundle.train.raw(0).values())) == 1.5


def test_names_that_pandas_makes_up_are_said(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("a,a,y\n" + "1,2,p\n2,1,q\n" * 60)
    assert warned(csv(path), "two columns 'a'", "'a.1'")
    path.write_text("a,y\n" + "r1,2,p\nr2,1,q\n" * 60)
    assert warned(csv(path), "more cells than its header")


def test_a_split_without_any_answer_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("a,y\n" + "1,p\n2,q\n" * 60)
    (tmp_path / "test.csv").write_text("a,y\n" + "1,\n" * 20)
    with pytest.raises(DataError, match=r"Nothing is left of test\. 20 rows without a value in 'y'"):
        csv(tmp_path, target="y")


@pytest.mark.parametrize("missing", [None, np.nan])
def test_missing_labels_of_arrays_are_no_class(missing: Any) -> None:
    y = np.array(["p", "q", missing, "q"] * 10, dtype=object)
    with pytest.raises(DataError, match="y holds 10 missing values"):
        arrays(np.random.default_rng(0).normal(size=(40, 3)), y)
