"""What people hold data in: other packages' tables, dicts, bunches, splits, files of tables and arrays."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import lepton_nb
from lepton_nb.data import from_spec, load
from lepton_nb.errors import DataError

COUNT = 90


@pytest.fixture
def table() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "zip": rng.choice(["01067", "99084"], COUNT),
            "x": rng.normal(size=COUNT),
            "y": ["p", "q"] * (COUNT // 2),
        }
    )


def columns(bundle: Any) -> list[str]:
    return [column["name"] for column in bundle.signature.preprocessing["columns"]]


@pytest.mark.parametrize("package", ["polars", "lazy", "pyarrow", "datasets"])
def test_tables_of_other_packages_are_read_as_dataframes(package: str, table: pd.DataFrame) -> None:
    if package in ("polars", "lazy"):
        polars = pytest.importorskip("polars")
        other = polars.from_pandas(table)
        other = other.lazy() if package == "lazy" else other
    elif package == "pyarrow":
        other = pytest.importorskip("pyarrow").Table.from_pandas(table)
    else:
        other = pytest.importorskip("datasets").Dataset.from_pandas(table)
    bundle = load(other, target="y")
    assert columns(bundle) == ["zip", "x"]
    assert bundle.fingerprint == load(table, target="y").fingerprint
    run = lepton_nb.train("MLP", bundle, epochs=1, progress=False)
    assert lepton_nb.evaluate(run, other).items == COUNT


def test_classes_of_hugging_face_have_their_names_and_its_splits_stay() -> None:
    datasets = pytest.importorskip("datasets")
    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["bad", "good"])}
    )
    made = {
        split: datasets.Dataset.from_dict(
            {"text": [f"{split} sentence of number {i} here" for i in range(n)], "label": [0, 1] * (n // 2)},
            features=features,
        )
        for split, n in (("train", 40), ("validation", 10), ("test", 20), ("unsupervised", 6))
    }
    bundle = load(datasets.DatasetDict(made))
    assert bundle.task.name == "text-classification"
    assert bundle.signature.class_names == ("bad", "good")
    assert bundle.report.sizes == {"train": 40, "val": 10, "test": 20}


def shapes(bundle: Any) -> tuple[dict[str, int], Any]:
    return bundle.report.sizes, bundle.signature.inputs[0].shape


X, Y = np.random.default_rng(0).normal(size=(COUNT, 3)), np.arange(COUNT) % 2
PARTS = {"train": 60, "test": 30}


@pytest.mark.parametrize(
    "given",
    [
        pytest.param([X[:60], X[60:], Y[:60], Y[60:]], id="train_test_split"),
        pytest.param((X[:60], Y[:60], X[60:], Y[60:]), id="pairs in turn"),
        pytest.param(((X[:60], Y[:60]), (X[60:], Y[60:])), id="two pairs"),
        pytest.param({"train": (X[:60], Y[:60]), "test": (X[60:], Y[60:])}, id="dict of pairs"),
        pytest.param({"x_train": X[:60], "y_train": Y[:60], "x_test": X[60:], "y_test": Y[60:]}, id="keras"),
        pytest.param(
            [pd.DataFrame(X[:60]), pd.DataFrame(X[60:]), pd.Series(Y[:60]), pd.Series(Y[60:])], id="frames"
        ),
        pytest.param(
            [pd.DataFrame(X[:60]).assign(y=Y[:60]), pd.DataFrame(X[60:]).assign(y=Y[60:])], id="two frames"
        ),
    ],
)
def test_splits_that_are_there_are_kept(given: Any) -> None:
    bundle = load(given, val_fraction=0)
    assert shapes(bundle) == (PARTS, (3,))
    assert bundle.signature.class_names == ("0", "1")


@pytest.mark.parametrize(
    "given",
    [
        {"x": X, "y": Y},
        {"data": X, "labels": Y},
        (X.tolist(), Y.tolist()),
        (torch.tensor(X), Y.tolist()),
        (pd.DataFrame(X), pd.Series(Y)),
        (pd.DataFrame(X), pd.DataFrame({"y": Y})),
        {"a": X[:, 0], "b": X[:, 1], "c": X[:, 2], "y": Y},
        [{"a": a, "b": b, "c": c, "y": int(y)} for (a, b, c), y in zip(X, Y, strict=True)],
        np.rec.fromarrays([*X.T, Y], names="a,b,c,y"),
    ],
)
def test_inputs_and_targets_are_told_apart(given: Any) -> None:
    sizes, shape = shapes(load(given))
    assert (sum(sizes.values()), shape) == (COUNT, (3,))


def test_a_bunch_has_its_names() -> None:
    from sklearn.datasets import load_diabetes, load_iris

    bundle = load(load_iris())
    assert bundle.signature.class_names == ("setosa", "versicolor", "virginica")
    assert columns(bundle)[0] == "sepal length (cm)"
    assert load(load_iris(as_frame=True)).task.name == "tabular-classification"
    assert load(load_diabetes()).task.name == "tabular-regression"


def test_texts_in_lists_and_series_are_texts() -> None:
    texts = [f"a sentence of number {i} that is read" for i in range(40)]
    for given in ((texts, [0, 1] * 20), (pd.Series(texts), pd.Series(["a", "b"] * 20, name="kind"))):
        bundle = load(given)
        assert bundle.task.name == "text-classification"
    assert bundle.signature.target == {"name": "kind"}


def test_what_is_not_read_names_the_line_that_converts_it() -> None:
    sparse = pytest.importorskip("scipy.sparse")
    with pytest.raises(DataError, match=r"(?s)a csr_matrix.*Convert it: \(data\.toarray\(\), y\)"):
        load(sparse.csr_matrix(X))
    with pytest.raises(DataError, match=r"(?s)keys 'a', 'b'.*Give a pair"):
        load({"a": X, "b": 3})
    with pytest.raises(DataError, match=r"(?s)is an address.*pd\.read_csv\('https://example\.org/i\.csv'\)"):
        load("https://example.org/i.csv")


WRITERS: dict[str, Callable[[pd.DataFrame, Path], Any]] = {
    "t.parquet": lambda table, path: table.to_parquet(path),
    "t.feather": lambda table, path: table.to_feather(path),
    "t.jsonl": lambda table, path: table.to_json(path, orient="records", lines=True),
    "t.json": lambda table, path: table.to_json(path, orient="records"),
    "t.xlsx": lambda table, path: table.to_excel(path, index=False),
    "t.csv.gz": lambda table, path: table.to_csv(path, index=False),
    "t.tsv.bz2": lambda table, path: table.to_csv(path, index=False, sep="\t"),
    "t.csv.xz": lambda table, path: table.to_csv(path, index=False),
}


@pytest.mark.parametrize("name", WRITERS)
def test_files_of_tables_are_read_with_their_codes(name: str, table: pd.DataFrame, tmp_path: Path) -> None:
    WRITERS[name](table, tmp_path / name)
    bundle = load(tmp_path / name, target="y")
    kinds = {column["name"]: column for column in bundle.signature.preprocessing["columns"]}
    assert kinds["zip"]["values"] == ["01067", "99084"]
    assert kinds["x"]["kind"] == "number"
    assert bundle.spec is not None
    assert from_spec(bundle.spec).fingerprint == bundle.fingerprint


def test_arrays_in_a_file_are_read_and_read_again(tmp_path: Path) -> None:
    np.savez(tmp_path / "t.npz", x=X, y=Y)
    bundle = load(tmp_path / "t.npz")
    assert (bundle.name, shapes(bundle)[1]) == ("t", (3,))
    assert bundle.spec is not None
    assert from_spec(bundle.spec).fingerprint == bundle.fingerprint
    np.savez(tmp_path / "odd.npz", emb=X, cls=Y)
    assert load(tmp_path / "odd.npz", target="cls").signature.class_names == ("0", "1")
    with pytest.raises(DataError, match=r"(?s)keys 'emb', 'cls'.*Give a pair"):
        load(tmp_path / "odd.npz")
    (tmp_path / "bad.npz").write_bytes(b"PK no archive")
    with pytest.raises(DataError, match="cannot be read"):
        load(tmp_path / "bad.npz")


def test_sheets_that_are_not_read_are_said(table: pd.DataFrame, tmp_path: Path) -> None:
    with pd.ExcelWriter(tmp_path / "t.xlsx") as book:
        table.to_excel(book, sheet_name="one", index=False)
        table.to_excel(book, sheet_name="two", index=False)
    assert any("2 sheets: the first one, 'one'" in w for w in load(tmp_path / "t.xlsx").report.warnings)


def test_extension_types_and_levels_of_names_are_read() -> None:
    pytest.importorskip("pyarrow")
    plain = pd.DataFrame({"n": [1, 2, None] * 30, "t": ["a", "b", None] * 30, "b": [True, False, True] * 30})
    plain["d"] = pd.date_range("2024-01-01", periods=COUNT)
    plain["y"] = ["p", "q"] * (COUNT // 2)
    arrow = plain.convert_dtypes(dtype_backend="pyarrow")
    bundle, other = load(arrow), load(plain)
    assert columns(bundle) == columns(other) == ["n", "t", "b", "d"]
    np.testing.assert_allclose(bundle.example(9).inputs, other.example(9).inputs, rtol=1e-6)
    levels = pd.DataFrame(X, columns=pd.MultiIndex.from_tuples([("a", "x"), ("a", "z"), ("b", "")]))
    levels[("c", "y")] = Y
    bundle = load(levels)
    assert columns(bundle) == ["a x", "a z", "b"]
    assert bundle.signature.target == {"name": "c y"}
    sparse = plain.assign(n=pd.arrays.SparseArray([0.0, 1.0, 2.0] * 30))
    assert "n" in columns(load(sparse))
