"""Labels in arrays, tables, texts, pictures and loaders: how they are found, and what is said of bad ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch.utils.data import DataLoader, Dataset, TensorDataset

import lepton_nb
from lepton_nb import data
from lepton_nb.errors import DataError

BINARY, SEVERAL = "binary-classification", "multi-label-classification"
RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 4)).astype("float32")
Y = (X[:, :3] > 0.3).astype(int)
LISTS = [[name for name, held in zip("abc", row, strict=True) if held] for row in Y]


def said(bundle: data.DataBundle) -> str:
    return "\n".join(finding.text for finding in bundle.report.findings)


def table(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame(X, columns=["p", "q", "r", "s"]).assign(**columns)


def loader(target: Any, inputs: Any = X) -> DataLoader[Any]:
    return DataLoader(TensorDataset(torch.as_tensor(inputs), torch.as_tensor(target)), batch_size=16)


@pytest.mark.parametrize("dtype", ["int64", "float32", "bool", "uint8"])
def test_a_matrix_of_zeros_and_ones_is_labels(dtype: str) -> None:
    bundle = data.arrays(X, Y.astype(dtype))
    assert (bundle.signature.task, bundle.signature.output.shape) == (SEVERAL, (3,))
    assert 'task="regression"' in said(bundle)
    assert data.arrays(X, Y.astype(dtype), task="regression").signature.task == "tabular-regression"
    assert bundle.report.sizes == {name: len(split) for name, split in bundle.splits.items()}
    str(bundle.report)


def test_one_hot_targets_stay_classes_unless_asked_for() -> None:
    hot = np.eye(3)[np.arange(120) % 3]
    assert data.arrays(X, hot).signature.task == "tabular-classification"
    assert SEVERAL in said(data.arrays(X, hot))
    assert data.arrays(X, hot, task=SEVERAL).signature.task == SEVERAL


def test_lists_of_names_are_labels_also_empty_ones() -> None:
    bundle = data.load((X, LISTS))
    assert bundle.signature.class_names == ("a", "b", "c")
    assert f"{LISTS.count([])} items without a label" in said(bundle)
    assert sum(len(split) for split in bundle.splits.values()) == 120
    again = data.arrays(X, Y, class_names="abc")
    assert torch.equal(bundle.train.targets, again.train.targets)
    with pytest.raises(DataError, match=r"unknown label 'c' in row \d+ \(\d+ such rows\)"):
        data.load((X, LISTS), class_names=["a", "b"])


@pytest.mark.parametrize(
    "make", [lambda y: data.arrays(X, y), lambda y: data.loaders(loader(y), task=SEVERAL)]
)
def test_a_two_among_labels_is_named_with_its_row(make: Any) -> None:
    y = Y.copy()
    y[7, 1] = y[9, 0] = 2
    with pytest.raises(DataError, match=r"holds 2 in row 7.*expected 0 or 1 \(2 such rows\)") as caught:
        make(y)
    assert 'task="regression"' in str(caught.value.hint)
    assert data.arrays(X, y, task="regression").signature.task == "tabular-regression"


def test_several_target_columns_are_labels(tmp_path: Path) -> None:
    frame = table(**dict(zip("abc", Y.T, strict=True)))
    bundle = data.load(frame, target="a,b,c")
    assert (bundle.signature.task, bundle.signature.class_names) == (SEVERAL, ("a", "b", "c"))
    assert [column["name"] for column in bundle.signature.preprocessing["columns"]] == ["p", "q", "r", "s"]
    assert data.load(frame, target=["a", "b", "c"]).fingerprint == bundle.fingerprint
    file = tmp_path / "rows.csv"
    frame.to_csv(file, index=False)
    stored = data.load(str(file), target="a,b,c")
    assert data.from_spec(stored.spec).fingerprint == stored.fingerprint
    run = lepton_nb.train(None, stored, epochs=1)
    assert lepton_nb.evaluate(run, frame.iloc[:50]).metrics.keys() >= {"f1_macro", "auroc_macro"}
    with pytest.raises(DataError, match="no column 'b', which the model predicts"):
        lepton_nb.evaluate(run, frame.drop(columns="b"))


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        (2, r"holds 2 in row 5 for 'b', expected 0 or 1"),
        (None, r"'b' is empty in row 5"),
        ("x", "holds 'x' in row 5"),
    ],
)
def test_a_label_column_with_something_else_is_refused(cell: Any, words: str) -> None:
    frame = table(**dict(zip("abc", Y.T.astype(object), strict=True)))
    frame.loc[5, "b"] = cell
    with pytest.raises(DataError, match=words):
        data.load(frame, target="a,b,c")


def test_a_wrong_name_among_target_columns_suggests_the_nearest() -> None:
    frame = table(alpha=Y[:, 0], beta=Y[:, 1])
    with pytest.raises(DataError) as caught:
        data.load(frame, target="alpha,betta")
    assert caught.value.hint == "Did you mean 'beta'?"


@pytest.mark.parametrize("separator", ["|", ";", " ; "])
def test_labels_with_a_separator_in_one_column_are_found(separator: str, tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    table(tags=[separator.join(names) for names in LISTS]).to_csv(file, index=False)
    bundle = data.load(str(file))
    assert (bundle.signature.task, bundle.signature.class_names) == (SEVERAL, ("a", "b", "c"))
    assert f"{LISTS.count([])} items without a label" in said(bundle)
    assert 'task="classification"' in said(bundle)
    whole = data.load(str(file), task="classification")
    assert whole.signature.task == "tabular-classification"


def test_a_class_with_a_separator_in_its_name_is_a_class() -> None:
    names = np.where(X[:, 0] > 0, "ham; eggs", "spam")
    assert data.load(table(meal=names)).signature.task == "tabular-classification"


def test_a_column_of_two_answers_is_binary_where_asked_for() -> None:
    frame = table(ok=np.where(Y[:, 0], "yes", "no"))
    bundle = data.load(frame, task=BINARY)
    assert (bundle.signature.task, bundle.signature.class_names) == (BINARY, ("no", "yes"))
    assert bundle.report.counts["train"].keys() == {"no", "yes"}
    with pytest.raises(DataError, match="binary classification takes two"):
        data.load(table(kind=np.array(["a", "b", "c"])[np.arange(120) % 3]), task=BINARY)


@pytest.mark.parametrize("columns", [["p", "q"], ["text"]])
def test_a_two_among_the_answers_of_one_label_is_named(columns: list[str], tmp_path: Path) -> None:
    ok = Y[:, 0].copy()
    ok[7] = 2
    frame = table(text=[f"some words of text number {i}" for i in range(120)], ok=ok)[[*columns, "ok"]]
    with pytest.raises(DataError, match=r"'ok' holds 2 in row 7, expected 0 or 1 \(1 such row\)"):
        data.load(frame, task=BINARY)
    frame.to_csv(tmp_path / "rows.csv", index=False)
    with pytest.raises(DataError, match=r"'ok' holds 2 in rows\.csv, line 9, expected 0 or 1"):
        data.load(str(tmp_path / "rows.csv"), task=BINARY)
    frame.assign(ok=Y[:, 0]).to_csv(tmp_path / "rows.csv", index=False)
    bundle = data.load(str(tmp_path / "rows.csv"), task=BINARY)
    assert (bundle.signature.task, bundle.signature.class_names) == (BINARY, ("0", "1"))
    assert bundle.signature.preprocessing["kind"] == ("text" if columns == ["text"] else "table")


@pytest.mark.parametrize("form", ["joined", "lists", "columns"])
def test_texts_with_several_labels(form: str) -> None:
    words = ("red", "blue", "fast")
    texts = [" ".join(RNG.choice([*words, "slow", "green"], size=6)) for _ in range(150)]
    held = [[word for word in words if word in text.split()] for text in texts]
    if form == "columns":
        columns: dict[str, Any] = {w: [int(w in names) for names in held] for w in words}
        target: str | None = ",".join(words)
    else:
        columns = {"label": ["|".join(n) for n in held] if form == "joined" else held}
        target = None
    frame = pd.DataFrame({"text": texts, **columns})
    bundle = data.load(frame, text="text", **({} if target is None else {"target": target}))
    assert (bundle.signature.task, bundle.signature.preprocessing["kind"]) == (SEVERAL, "text")
    assert set(bundle.signature.class_names) == set(words)
    run = lepton_nb.train(None, bundle, epochs=1)
    assert run.model == "BagOfEmbeddings"
    assert "f1_macro" in lepton_nb.evaluate(run, frame.iloc[:40]).metrics
    assert set(lepton_nb.predict(run, "red and fast")[0]["scores"]) == set(words)


def test_texts_of_a_file_are_labels_or_classes_as_asked(tmp_path: Path) -> None:
    file = tmp_path / "texts.csv"
    tags = ["|".join(names) or "none" for names in LISTS]
    pd.DataFrame({"text": [f"one text of some words {i}" for i in range(120)], "tags": tags}).to_csv(
        file, index=False
    )
    assert data.load(str(file)).signature.task == SEVERAL
    assert data.load(str(file), task=SEVERAL).signature.task == SEVERAL
    assert data.load(str(file), task="classification").signature.task == "text-classification"


def test_pictures_with_several_labels_are_answered_as_pictures() -> None:
    pictures = RNG.integers(0, 255, size=(120, 3, 8, 8)).astype("uint8")
    bundle = data.arrays(pictures, Y)
    assert (bundle.signature.task, bundle.signature.preprocessing["kind"]) == (SEVERAL, "image")
    assert bundle.report.figure() is not None
    run = lepton_nb.train(None, bundle, epochs=1)
    assert run.model == "SmallCNN"
    assert set(lepton_nb.predict(run, pictures[0])[0]["scores"]) == {"0", "1", "2"}
    assert lepton_nb.evaluate(run, (pictures, Y)).metrics["label_accuracy"] > 0


# -- loaders


@pytest.mark.parametrize(
    ("target", "task"),
    [
        (Y[:, 0].astype("float32"), BINARY),
        (Y[:, :1].astype("float32"), BINARY),
        (Y[:, 0].astype(bool), BINARY),
        (Y[:, :1], BINARY),
        (Y, SEVERAL),
        (Y.astype("float32"), SEVERAL),
        (Y.astype(bool), SEVERAL),
        (Y[:, 0], "tabular-classification"),
        (Y[:, 0] * 2.5, "tabular-regression"),
        (np.zeros(120, "float32"), "tabular-regression"),
    ],
)
def test_what_a_loader_yields_decides(target: Any, task: str) -> None:
    bundle = data.loaders(loader(target))
    assert bundle.signature.task == task
    if task in (BINARY, SEVERAL):
        assert 'task="regression"' in said(bundle)
        assert data.loaders(loader(target), task="regression").signature.task == "tabular-regression"
    if task == BINARY and target.ndim == 1:
        assert data.loaders(loader(target), task="classification").signature.task == "tabular-classification"


class Named(Dataset[Any]):
    """Items with the names of their labels, as tuples or in dicts."""

    def __init__(self, in_dicts: bool = False) -> None:
        self.in_dicts = in_dicts

    def __len__(self) -> int:
        return 120

    def __getitem__(self, i: int) -> Any:
        return {"x": X[i], "labels": LISTS[i]} if self.in_dicts else (X[i], LISTS[i])


def keep_lists(items: list[Any]) -> Any:
    return torch.tensor(np.stack([x for x, _ in items])), [names for _, names in items]


@pytest.mark.parametrize("in_dicts", [False, True])
def test_lists_of_names_of_a_dataset_and_a_loader_are_labels(in_dicts: bool, lepton_home: Path) -> None:
    bundle = data.load(Named(in_dicts))
    assert (bundle.signature.task, bundle.signature.class_names) == (SEVERAL, ("a", "b", "c"))
    batch = bundle.example(9)
    assert batch.target.shape == (9, 3)
    assert "multi-label classification" in said(bundle)
    kept = DataLoader(Named(), batch_size=16, collate_fn=keep_lists)
    loaded = data.loaders(kept, kept)
    assert torch.equal(loaded.example(120).target, torch.as_tensor(Y).float())
    if not in_dicts:
        run = lepton_nb.train(None, loaded, epochs=1)
        few = DataLoader(torch.utils.data.Subset(Named(), range(20)), batch_size=16, collate_fn=keep_lists)
        assert len(lepton_nb.evaluate(run, few).target) == 20
    with pytest.raises(DataError, match=r"The target of train' has the unknown label 'c'"):
        data.loaders(kept, class_names=["a", "b"])


def test_names_that_a_loader_turns_round_are_refused() -> None:
    turned = DataLoader(
        Named(), batch_size=16, collate_fn=lambda b: (keep_lists(b)[0], [("a", "b"), ("b", "c")])
    )
    with pytest.raises(DataError, match="2 lists of names for 16 items"):
        data.loaders(turned)


class Late(Dataset[Any]):
    """Quantities of which the first hundred happen to be zeros and ones."""

    def __len__(self) -> int:
        return 120

    def __getitem__(self, i: int) -> Any:
        return torch.from_numpy(X[i]), torch.tensor(float(i % 2) if i < 100 else 3.7)


def test_targets_are_read_to_the_end_before_they_are_taken_for_labels() -> None:
    assert data.loaders(DataLoader(Late(), batch_size=16)).signature.task == "tabular-regression"


def test_a_split_without_a_label_is_warned_of() -> None:
    y = Y.copy()
    y[100:, 2] = 0
    bundle = data.loaders(loader(y[:100], X[:100]), loader(y[100:], X[100:]), class_names=["a", "b", "c"])
    assert "No item of val has 'c'." in bundle.report.warnings
