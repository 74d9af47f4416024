"""Measuring a run on data without splits: all of them, as the run's signature takes them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch import nn
from torch.utils.data import TensorDataset

from lepton_nb import train
from lepton_nb.data import arrays, folder, frame, text
from lepton_nb.data.splitting import split_as
from lepton_nb.errors import DataError
from lepton_nb.evaluation import evaluate
from lepton_nb.packaging import load_model
from lepton_nb.runs import Run, RunStore
from lepton_nb.signature import Signature
from lepton_nb.training import resume

pytestmark = pytest.mark.slow


def people(count: int = 150, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    age, city = rng.normal(50, 12, count).round(2), rng.choice(["Bern", "Genf", "Basel"], count)
    ids = [f"k{seed}-{i}" for i in range(count)]
    return pd.DataFrame({"id": ids, "age": age, "city": city, "buys": np.where(age > 50, "yes", "no")})


def reviews(count: int = 80) -> pd.DataFrame:
    words = np.random.default_rng(1).choice(["good", "poor"], count)
    texts = [f"a really {word} thing, number {i}" for i, word in enumerate(words)]
    return pd.DataFrame({"review": texts, "verdict": words})


def rows(count: int = 90) -> tuple[np.ndarray, np.ndarray]:
    x = np.random.default_rng(2).normal(size=(count, 4))
    return x, (x[:, 0] > 0).astype(np.int64)


def pixels(count: int, seed: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 8, 8, 3), dtype=np.uint8)


def pictures(root: Path, counts: dict[str, int], seed: int = 3) -> Path:
    items = iter(pixels(sum(counts.values()), seed))
    for name, count in counts.items():
        (root / name).mkdir(parents=True)
        for i in range(count):
            Image.fromarray(next(items)).save(root / name / f"{i}.png")
    return root


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a run on each kind of data; the pictures are beside it."""
    home = tmp_path_factory.mktemp("whole") / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEPTON_HOME", str(home))
        kept: dict[str, Any] = {
            "rows": frame(people(), target="buys"),
            "quantity": frame(people()[["city", "age"]].assign(pay=lambda t: (t.age * 3).round())),
            "texts": text(reviews(), text="review", label="verdict"),
            "numbers": arrays(*rows()),
            "sequences": arrays(rows()[0].reshape(-1, 2, 2), rows()[1]),
            "pictures": folder(pictures(home.parent / "p", {"cat": 20, "dog": 20})),
            "streamed": folder(home.parent / "p", stream=True, cache=False),
        }
        for name, bundle in kept.items():
            network = nn.Sequential(nn.Flatten(), nn.Linear(4, 2)) if name == "sequences" else None
            train(network, bundle, epochs=1, name=name, device="cpu")
    return home


@pytest.fixture
def run(trained: Path, lepton_home: Path) -> Callable[[str], Run]:
    shutil.copytree(trained, lepton_home)
    return lambda name: RunStore().get_run(name)


def test_all_rows_are_measured_as_the_run_takes_them(run: Callable[[str], Run]) -> None:
    table = people(40, seed=9)
    found = run("rows")
    whole = evaluate(found, table)
    assert (whole.split, len(whole.target)) == ("test", 40)
    assert whole.signature == Signature.from_dict(found.read_json("signature.json"))
    one_by_one = [evaluate(found, table[i : i + 1]).preds for i in range(40)]
    np.testing.assert_allclose(np.concatenate(one_by_one), whole.preds, atol=1e-5)
    shuffled = evaluate(found, table.drop(columns="id")[["buys", "city", "age"]][::-1])
    np.testing.assert_allclose(shuffled.preds[::-1], whole.preds, atol=1e-5)
    assert whole.worst(40) == [] or set(whole.worst(1)[0].input) == {"age", "city"}


def test_a_file_and_a_pair_say_what_the_frame_says(run: Callable[[str], Run], tmp_path: Path) -> None:
    table = people(30, seed=9)
    table.to_csv(tmp_path / "new.csv", index=False)
    expected = evaluate(run("rows"), table).preds
    pair = table.drop(columns="buys"), table["buys"]
    for source in (tmp_path / "new.csv", str(tmp_path / "new.csv"), pair):
        np.testing.assert_allclose(evaluate(run("rows"), source).preds, expected, atol=1e-6)


def test_quantities_are_in_the_units_of_the_run(run: Callable[[str], Run]) -> None:
    table = people(12, seed=4)[["city", "age"]].assign(pay=60)
    result = evaluate(run("quantity"), table)  # one whole number: neither a class nor a scale of its own
    assert [row["truth"] for row in result.predictions().to_dict("records")] == ["60"] * 12
    predicted = result.preds * result.signature.target["std"] + result.signature.target["mean"]
    assert result.metrics["mae"] == pytest.approx(np.abs(predicted - 60).mean(), rel=1e-4)


def test_rows_without_an_answer_and_new_categories_are_named(run: Callable[[str], Run]) -> None:
    table = people(10, seed=5)
    table.loc[0, "buys"] = None
    table.loc[1:2, "city"] = "Chur"
    result = evaluate(run("rows"), table)
    assert len(result.target) == 9
    notes = "\n".join(result.notes)
    assert "1 row without a value in 'buys' left out" in notes
    assert "2 rows with a value of 'city' that is no category of the model: read as empty. 'Chur'" in notes


@pytest.mark.parametrize(
    ("change", "message", "hint"),
    [
        (lambda t: t.assign(buys="perhaps"), "classes that the model does not know: 'perhaps'", "'yes'"),
        (lambda t: t.drop(columns="buys"), "no column 'buys', which the model predicts", "'age'"),
        (lambda t: t.rename(columns={"city": "citty"}), "no column 'city', which the model takes", "citty"),
        (lambda t: t.assign(age="old"), "'age' is to hold numbers but holds 'old'", "repair"),
        (lambda t: t.assign(buys=None), "No row has a value in 'buys'", None),
        (lambda t: (np.zeros((3, 2)), [0, 1, 0]), "have no columns; the model takes age, city", "DataFrame"),
    ],
)
def test_a_table_that_does_not_fit_says_why(
    run: Callable[[str], Run], change: Callable[[pd.DataFrame], Any], message: str, hint: str | None
) -> None:
    with pytest.raises(DataError) as caught:
        evaluate(run("rows"), change(people(8)))
    assert message in caught.value.message
    assert hint is None or hint in (caught.value.hint or "")


def test_arrays_of_one_class_and_unknown_ones(run: Callable[[str], Run]) -> None:
    x, y = rows()
    ones = x[y == 1]
    assert len(evaluate(run("numbers"), (ones, np.ones(len(ones)))).target) == len(ones)
    assert len(evaluate(run("numbers"), (torch.tensor(x), np.eye(2)[y])).target) == 90
    np.testing.assert_array_equal(evaluate(run("sequences"), (x.reshape(-1, 2, 2), y)).target, y)
    with pytest.raises(DataError, match="does not know: '7'"):
        evaluate(run("numbers"), (x[:3], [0, 1, 7]))
    with pytest.raises(DataError, match=r"have the shape \(90, 4\); the model takes"):
        evaluate(run("sequences"), (x, y))


def test_texts_in_a_list_and_in_a_table(run: Callable[[str], Run]) -> None:
    table = reviews()
    whole = evaluate(run("texts"), table)
    assert len(whole.target) == 80
    listed = evaluate(run("texts"), (table["review"].tolist(), table["verdict"].tolist()))
    np.testing.assert_allclose(listed.preds, whole.preds, atol=1e-6)
    assert len(evaluate(run("texts"), (["fine"], ["good"])).target) == 1
    with pytest.raises(DataError, match="does not know: 'meh'"):
        evaluate(run("texts"), (["fine"], ["meh"]))


def test_a_folder_of_pictures_is_measured_whole(run: Callable[[str], Run], tmp_path: Path) -> None:
    root = pictures(tmp_path / "new", {"dog": 6}, seed=8)
    (root / "dog" / "broken.png").write_text("no picture")
    found = run("pictures")
    result = evaluate(found, root)
    assert result.target.tolist() == [1] * 6
    assert "broken.png" in result.notes[-1]
    assert [mistake.input.size for mistake in result.worst(1)] in ([], [(8, 8)])
    codec = result.task.codec(result.signature)
    (inputs,) = codec.prepare([root / "dog" / f"{i}.png" for i in range(6)])
    with torch.inference_mode():
        expected = load_model(found)(torch.from_numpy(inputs))
    np.testing.assert_allclose(result.preds, expected, atol=1e-5)
    for given in (pixels(6, seed=8), [Image.fromarray(each) for each in pixels(6, seed=8)]):
        np.testing.assert_allclose(evaluate(found, (given, ["dog"] * 6)).preds, expected, atol=1e-5)
    pictures(tmp_path / "other", {"cat": 2, "horse": 2})
    with pytest.raises(DataError, match="does not know: 'horse'"):
        evaluate(found, tmp_path / "other")


def test_a_source_with_splits_of_its_own_gives_the_one_asked_for(
    run: Callable[[str], Run], tmp_path: Path
) -> None:
    root = pictures(tmp_path / "s", {"train/cat": 3, "train/dog": 3, "test/cat": 2, "test/dog": 2})
    assert len(evaluate(run("pictures"), root).target) == 4
    assert len(evaluate(run("pictures"), root, split="train").target) == 6
    with pytest.raises(DataError, match="no split 'val'; it has 'train', 'test'"):
        evaluate(run("pictures"), root, split="val")


def test_a_model_without_a_run_is_measured_on_all_items() -> None:
    x, y = rows()
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
    assert len(evaluate((model, (x.reshape(-1, 2, 2), y))).target) == 90


# ---- what the run was trained on


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("rows", lambda home: people()),
        ("quantity", lambda home: people()[["city", "age"]].assign(pay=lambda t: (t.age * 3).round())),
        ("texts", lambda home: reviews()),
        ("numbers", lambda home: rows()),
        ("sequences", lambda home: (rows()[0].reshape(-1, 2, 2), rows()[1])),
        ("pictures", lambda home: home.parent / "p"),
        ("streamed", lambda home: home.parent / "p"),
    ],
)
def test_items_of_the_training_are_counted(
    run: Callable[[str], Run], trained: Path, name: str, source: Callable[[Path], Any]
) -> None:
    found = run(name)
    known = len(np.load(found.path / "trained.npy"))
    result = evaluate(found, source(trained))
    assert f"{known} of {len(result.target)} items of test were trained on by {name}@1." in result.notes
    assert 0.5 < known / len(result.target) < 0.9


def test_another_split_of_the_same_data_is_noticed(run: Callable[[str], Run], trained: Path) -> None:
    again = folder(trained.parent / "p", seed=5)
    seen = np.isin(again.contents["test"], np.load(run("pictures").path / "trained.npy")).sum()
    assert seen
    assert f"{seen} of {len(again.split('test'))} items of test" in evaluate(run("pictures"), again).notes[0]
    assert not any("trained on" in note for note in evaluate(run("pictures")).notes)


def test_a_dataset_of_ones_own_is_known_again(lepton_home: Path) -> None:
    x, y = (torch.tensor(part) for part in rows())
    data = TensorDataset(x.float(), y)
    found = train(nn.Linear(4, 2), train=data, epochs=1, name="own", device="cpu")
    assert "90 of 90 items of test were trained on by own@1." in evaluate(found, data).notes
    assert not any("trained on" in note for note in evaluate(found, TensorDataset(x.float() + 1, y)).notes)


def test_a_run_that_goes_on_with_more_data_knows_them_too(run: Callable[[str], Run]) -> None:
    more = frame(people(150, seed=6), target="buys")
    found = resume(run("rows"), model=load_model(run("rows")), data=more, epochs=2)
    assert f"{len(more.train)} of {len(more.train)} items" in evaluate(found, more, split="train").notes[0]


def test_of_a_run_of_an_older_version_nothing_is_claimed(run: Callable[[str], Run]) -> None:
    (run("rows").path / "trained.npy").unlink()
    assert not any("trained on" in note for note in evaluate(run("rows"), people()).notes)


def test_the_data_of_an_older_run_are_measured_as_they_were_split(trained: Path, lepton_home: Path) -> None:
    root = trained.parent / "p"
    with split_as(None):
        found = train("SmallCNN", folder(root), epochs=1, name="older", device="cpu")
    (found.path / "trained.npy").unlink()
    spec = found.read_json("data.json")
    del spec["split"]
    found.write_json("data.json", spec)
    expected = found.live["data"].split("test").targets
    older = RunStore().get_run("older")
    own = evaluate(older)
    assert own.target.tolist() == expected.tolist()
    assert not any("split another way" in note for note in own.notes)
    assert "may hold items that older@1 was trained on" in "\n".join(evaluate(older, folder(root)).notes)
    assert not any("data" in warning for warning in resume(older, epochs=2).warnings)
    assert lepton_home.is_dir()
