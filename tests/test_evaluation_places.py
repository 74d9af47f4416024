"""What is measured and answered item by item: files, rows, probabilities, importance, folds, many answers."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import lepton_nb
from lepton_nb import data
from lepton_nb.data import DataBundle
from lepton_nb.errors import ArgumentError
from lepton_nb.runs import Run


@pytest.fixture
def people() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"who": [f"C{i:04}" for i in range(240)], "age": rng.integers(18, 90, 240)})
    table["noise"] = rng.normal(size=240)
    table["since"] = pd.Series(pd.date_range("2020-01-01", periods=240)).dt.strftime("%d/%m/%Y")
    table["plan"] = np.where(table["age"] > 50, "old", "young")
    return table


@pytest.fixture
def run(people: pd.DataFrame) -> Run:
    return lepton_nb.train("MLP", data.frame(people, target="plan"), epochs=8, lr=0.02, progress=False)


def pictures(folder: Path) -> DataBundle:
    for name in "ab":
        (folder / name).mkdir(parents=True)
        for i in range(30):
            noise = np.random.default_rng(i).integers(0, 100, (8, 8, 3), dtype=np.uint8)
            Image.fromarray(noise + 120 * (name == "b")).save(folder / name / f"{name}{i:02}.png")
    return data.folder(folder)


def test_a_wrong_label_is_put_right_where_the_mistake_says(tmp_path: Path) -> None:
    bundle = pictures(tmp_path / "p")
    assert bundle.test is not None
    wrong = next(p for i in range(len(bundle.test)) if (p := Path(bundle.test.origin(i))).parent.name == "b")
    shutil.move(wrong, tmp_path / "p" / "a" / wrong.name)
    bundle = data.folder(tmp_path / "p", test_fraction=0.5)
    run = lepton_nb.train("SmallCNN", bundle, epochs=4, progress=False)
    result = lepton_nb.evaluate(run, tmp_path / "p")
    (worst,) = (m for m in result.worst(60) if m.file is not None and Path(m.file).name == wrong.name)
    assert worst.truth == "a"
    assert any(
        f"a · {wrong.name}" == item.truth
        for chart in result.charts
        if chart.name == "worst"
        for item in chart.items
    )
    shutil.move(worst.file, tmp_path / "p" / "b" / wrong.name)
    again = lepton_nb.evaluate(run, tmp_path / "p")
    assert again.metrics["accuracy"] > result.metrics["accuracy"]
    table = again.predictions()
    assert set(table["file"]) == {str(p) for p in (tmp_path / "p").rglob("*.png")}
    np.testing.assert_allclose(table["a"] + table["b"], 1, atol=1e-5)


def test_predictions_of_a_table_name_the_row(run: Run, people: pd.DataFrame) -> None:
    table = lepton_nb.evaluate(run).predictions()
    assert (people["plan"][table["row"]].to_numpy() == table["truth"]).all()
    assert list(table.columns[-2:]) == ["old", "young"]


def test_what_a_column_counts_is_how_much_worse_it_is_without(run: Run) -> None:
    result = lepton_nb.evaluate(run, importance=True)
    assert result.importance is not None
    assert result.importance.index[0] == "age"
    assert result.importance["rise"]["age"] > 5 * abs(result.importance["rise"]["noise"])
    assert "importance" in result.figure_names


def test_a_table_is_answered_row_by_row(run: Run, people: pd.DataFrame, tmp_path: Path) -> None:
    test = people.drop(columns="plan").head(20)
    test.to_csv(tmp_path / "test.csv", index=False)
    for given in (test, tmp_path / "test.csv", people.head(20)):
        answers = lepton_nb.predict(run, given)
        assert list(answers.columns) == ["who", "prediction", "old", "young"]
        assert answers["who"].tolist() == test["who"].tolist()
        np.testing.assert_allclose(answers["old"] + answers["young"], 1, atol=1e-5)
    with pytest.raises(ArgumentError, match="has no column 'age', which the model takes"):
        lepton_nb.predict(run, test.drop(columns="age"))
    extra = lepton_nb.predict(run, test.assign(more=1))
    assert extra.attrs["notes"] == ["1 column that the model does not take left out: more."]
    row = test.drop(columns="who").iloc[0].to_dict()
    assert lepton_nb.predict(run, row)[0]["scores"]["old"] == pytest.approx(answers["old"][0], abs=1e-5)


def test_a_folder_is_answered_but_for_what_is_damaged(tmp_path: Path) -> None:
    run = lepton_nb.train("SmallCNN", pictures(tmp_path / "p"), epochs=1, progress=False)
    (tmp_path / "p" / "a" / "bad.png").write_bytes(b"no picture")
    answers = lepton_nb.predict(run, tmp_path / "p").set_index("file")
    assert len(answers) == 61
    assert answers.loc["a/bad.png"].isna().all()
    assert "a/bad.png: " in answers.attrs["notes"][0]
    one = lepton_nb.predict(run, tmp_path / "p" / "b" / "b03.png")[0]
    assert answers.loc["b/b03.png", "b"] == pytest.approx(one["scores"]["b"], abs=1e-5)
    with pytest.raises(ArgumentError, match="The model takes image inputs"):
        lepton_nb.predict(run, pd.DataFrame({"a": [1]}))


def test_each_fold_is_measured_once_by_a_model_that_has_not_seen_it(people: pd.DataFrame) -> None:
    bundle = data.frame(people, target="plan", group="since")
    found = lepton_nb.cross_validate("MLP", bundle, folds=3, epochs=2, name="cv")
    measured = [row for result in found.results for row in result.predictions()["row"]]
    assert sorted(measured) == list(range(240))
    assert [run.name for run in found.runs] == ["cv-fold1", "cv-fold2", "cv-fold3"]
    frame = found.frame()
    accuracy = [result.metrics["accuracy"] for result in found.results]
    assert frame.loc["accuracy", "mean"] == pytest.approx(np.mean(accuracy))
    assert frame.loc["accuracy", "low"] <= min(accuracy) + 1e-9 or len(set(accuracy)) == 3
    assert "3 folds" in str(found)
    with pytest.raises(ArgumentError, match="folds is 1"):
        lepton_nb.cross_validate("MLP", bundle, folds=1)


def test_a_fold_of_a_file_is_read_again(people: pd.DataFrame, tmp_path: Path) -> None:
    people.to_csv(tmp_path / "t.csv", index=False)
    found = lepton_nb.cross_validate("MLP", data.csv(tmp_path / "t.csv", target="plan"), folds=2, epochs=1)
    again = lepton_nb.evaluate(found.runs[1].ref)
    assert again.metrics == found.results[1].metrics
