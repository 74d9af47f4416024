"""Packages of several graphs and outputs, of models of dicts, and the packages of before."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from lepton_nb.errors import PackageError
from lepton_nb.packaging import Manifest, Package
from lepton_nb.packaging.parity import Reference, measure_parity
from lepton_nb.packaging.runners import load_graphs
from lepton_nb.serve.backend import load_backend
from lepton_nb.signature import TensorSpec
from lepton_nb.tasks import get_task
from lepton_nb.tasks.padding import joined
from tests.graphs_support import (
    BRANCHING_SPELLER,
    MASKED,
    MASKING,
    NAMED,
    SOME_IDS,
    SOME_MASKED,
    SOME_NAMED,
    SPELLER,
    SPELLING,
    TWINS,
    package_of,
    tasks_installed,
)
from tests.serving_support import make_package

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def tasks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with tasks_installed(tmp_path_factory.mktemp("tasks")):
        yield


@pytest.fixture(scope="module")
def speller(tmp_path_factory: pytest.TempPathFactory) -> Package:
    return package_of(tmp_path_factory.mktemp("packages") / "speller", SPELLER, SPELLING, SOME_IDS)


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> Package:
    return package_of(tmp_path_factory.mktemp("packages") / "twins", TWINS, NAMED, SOME_NAMED)


def test_every_graph_is_exported_and_checked_with_the_loop_around_them(speller: Package) -> None:
    manifest = speller.manifest
    assert (manifest.formats, manifest.graphs, manifest.batchable) == (
        ("onnx", "pt2"),
        ("encode", "step"),
        True,
    )
    assert manifest.graph_files("onnx") == ["encode.onnx", "step.onnx"]
    assert {"encode.pt2", "step.pt2"} <= set(manifest.files)
    assert manifest.parity["onnx"]["relative"] < 1e-4
    assert speller.read_example().outputs[0].dtype == np.int64
    assert Manifest.from_json(manifest.to_json()) == manifest


@pytest.mark.parametrize("format_", ["onnx", "pt2"])
def test_free_dimensions_take_any_length(speller: Package, format_: str) -> None:
    graphs = load_graphs(speller.path, format_, speller.manifest.graphs)
    for items, length, said in ((1, 1, 1), (2, 9, 6)):
        (memory,) = graphs["encode"]((np.ones((items, length), np.int64),))
        (logits,) = graphs["step"]((memory, np.ones((items, said), np.int64)))
        assert logits.shape == (items, said, 9)


def test_a_graph_that_cannot_be_exported_leaves_the_source_for_all(tmp_path: Path) -> None:
    package = package_of(tmp_path / "speller", BRANCHING_SPELLER, SPELLING, SOME_IDS)
    assert package.manifest.formats == ("source",)
    assert not package.manifest.graph_files("onnx")
    backend = load_backend(package, "", "cpu", 1, trusted=True)
    assert backend.parity.relative == 0
    assert set(backend.graphs) == {"encode", "step"}


def test_a_graph_with_another_answer_is_not_taken_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    true = onnxruntime.InferenceSession.run
    shifted = lambda *given: [output + 1 for output in true(*given)]  # noqa: E731
    monkeypatch.setattr(onnxruntime.InferenceSession, "run", shifted)
    package = package_of(tmp_path / "speller", SPELLER, SPELLING, SOME_IDS)
    assert package.manifest.formats == ("pt2",)
    assert "differ from the model's" in package.manifest.rejected["onnx"]
    assert not package.manifest.graph_files("onnx")


def test_a_manifest_that_names_graphs_elsewhere_is_refused(speller: Package, tmp_path: Path) -> None:
    shutil.copytree(speller.path, tmp_path / "package")
    for file in ("encode.onnx", "step.onnx"):
        shutil.copy(speller.file(file), tmp_path / file)
    path = tmp_path / "package" / "manifest.json"
    content = {**json.loads(path.read_text()), "graphs": ["../encode", "../step"]}
    path.write_text(json.dumps(content))
    with pytest.raises(PackageError, match=r"has no \.\./encode\.onnx"):
        load_backend(Package.load(tmp_path / "package"), "", "cpu", 1, trusted=False)


def test_a_model_of_names_and_a_dataclass_becomes_one_of_positions(twins: Package) -> None:
    assert twins.manifest.formats == ("onnx", "pt2")
    assert twins.manifest.graphs == ("model",)
    session = onnxruntime.InferenceSession(twins.file("model.onnx"))
    assert [item.name for item in session.get_inputs()] == ["mask", "x"]
    assert [item.name for item in session.get_outputs()] == ["logits", "ids"]
    reference = twins.read_example()
    logits, ids = session.run(None, {"mask": reference.inputs[0], "x": reference.inputs[1]})
    np.testing.assert_allclose(logits, reference.outputs[0], atol=1e-5)
    np.testing.assert_array_equal(ids, reference.outputs[1])


def test_a_model_of_names_takes_any_length_where_its_inputs_do(tmp_path: Path) -> None:
    package = package_of(tmp_path / "net", MASKED, MASKING, SOME_MASKED)
    assert package.manifest.formats == ("onnx", "pt2")
    for format_ in package.manifest.formats:
        graph = load_graphs(package.path, format_, package.manifest.graphs)["model"]
        for items, length in ((1, 1), (2, 9)):
            ids = np.ones((items, length), np.int64)
            (logits,) = graph((ids, ids))
            assert logits.shape == (items, 2)


def test_a_model_that_gives_something_else_than_in_training_is_refused(tmp_path: Path) -> None:
    source = TWINS.replace("return Output(logits, logits.argmax(-1))", 'return {"logits": logits}')
    with pytest.raises(PackageError, match="gives a dict of logits; expected logits, ids"):
        package_of(tmp_path / "net", source, NAMED, SOME_NAMED)


def test_whole_numbers_are_compared_exactly() -> None:
    big = np.array([[10_000_000, 3]])
    assert measure_parity(big, big.copy()).ok
    assert not measure_parity(big, big + 1).ok
    masked = np.array([[1.0, -np.inf]], np.float32)
    assert measure_parity(masked, masked.copy()).ok
    assert not measure_parity(masked, np.array([[-np.inf, 1.0]], np.float32)).ok


def test_what_is_filled_up_may_end_elsewhere() -> None:
    spec = TensorSpec("said", "int64", (None,), pad=0)
    (both,) = joined([(np.array([[1, 2, 3]]),), (np.array([[4]]),)], (spec,))
    assert both.tolist() == [[1, 2, 3], [4, 0, 0]]
    reference = Reference((both,), (both,), (spec,), batchable=False, align=lambda _, answered: answered)
    assert reference.check(lambda _: (np.array([[1, 2, 3, 0, 0]]),)).ok
    assert not reference.check(lambda _: (np.array([[1, 2, 3, 4, 0]]),)).ok


def test_a_package_of_one_graph_is_written_as_ever(tmp_path: Path) -> None:
    package = make_package(tmp_path / "net")
    manifest = json.loads((package.path / "manifest.json").read_text())
    assert "graphs" not in manifest  # a version that knows nothing of them reads it
    from safetensors.numpy import load_file

    assert set(load_file(package.file("example.safetensors"))) == {"input.0", "output"}
    assert package.manifest.graphs == ("model",)
    assert Manifest.from_json(json.dumps(manifest)) == package.manifest


def test_a_run_answers_here_as_in_its_package(twins: Package) -> None:
    codec = get_task("generic").codec(twins.signature)
    backend = load_backend(twins, "", "cpu", 1, trusted=False)
    inputs = twins.read_example().inputs
    answers = codec.encode(codec.run(backend.graphs, inputs))
    assert set(answers[0]["outputs"]) == {"logits", "ids"}
    assert isinstance(torch.tensor(answers[0]["outputs"]["ids"]).item(), int)
