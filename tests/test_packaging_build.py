"""From a run to a package: what is in it, when it is built again, and when it is refused."""

from __future__ import annotations

import gc
import io
import logging
import os
import subprocess
import sys
import warnings
import zipfile
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import numpy as np
import pytest
import torch

from lepton_nb.errors import ModelError, PackageError
from lepton_nb.models import ModelSpec
from lepton_nb.packaging import Package, build_package, load_model
from lepton_nb.packaging.draft import write_package
from lepton_nb.packaging.manifest import Origin
from lepton_nb.packaging.parity import TOLERANCE
from lepton_nb.packaging.runners import onnx_runner
from lepton_nb.runs import RunStore
from lepton_nb.signature import Signature, TensorSpec
from tests.serving_support import LINEAR_SOURCE, built, make_run, pictures, source_spec

pytestmark = pytest.mark.slow

BRANCHING = LINEAR_SOURCE.replace(
    "return self.fc(x.flatten(1))",
    "return self.fc(x.flatten(1)) if float(x.sum()) < 1e9 else self.fc(x.flatten(1) * 2)",
)
ACROSS = LINEAR_SOURCE.replace("self.fc(x.flatten(1))", "self.fc(x.flatten(1) - x.flatten(1).mean(0))")
DROPOUT = LINEAR_SOURCE.replace("self.fc(x.flatten(1))", "nn.functional.dropout(self.fc(x.flatten(1)))")
EXPLODING = LINEAR_SOURCE.replace("self.fc(x.flatten(1))", "self.fc(x.flatten(1)) / 0")
PAIR = LINEAR_SOURCE.replace("return self.fc(x.flatten(1))", "return self.fc(x.flatten(1)), x")
TIED = """\
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.down = nn.Linear(64, 64, bias=False)
        self.up = nn.Linear(64, 64, bias=False)
        self.up.weight = self.down.weight
        self.norm = nn.BatchNorm1d(64)
        self.fc = nn.Linear(64, 3)

    def forward(self, x):
        return self.fc(self.norm(self.up(self.down(x.flatten(1)))))
"""


def run_onnx(package: Package, inputs: np.ndarray) -> np.ndarray:
    import onnxruntime

    session = onnxruntime.InferenceSession(package.file("model.onnx"))
    return session.run(["logits"], {"image": inputs})[0]


@pytest.fixture(scope="module")
def built_once(tmp_path_factory: pytest.TempPathFactory) -> Package:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEPTON_HOME", str(tmp_path_factory.mktemp("home")))
        return build_package(make_run())


def test_a_package_holds_every_form_of_the_model(built_once: Package) -> None:
    assert built_once.manifest.formats == ("onnx", "pt2")
    assert built_once.manifest.rejected == {}
    assert {path.name for path in built_once.path.iterdir()} == {
        "manifest.json",
        "model.json",
        "model.onnx",
        "model.pt2",
        "weights.safetensors",
        "signature.json",
        "source.py",
        "requirements.txt",
        "example.safetensors",
    }
    assert "class Net" in built_once.file("source.py").read_text()
    assert built_once.manifest.batchable


def test_onnx_answers_as_the_model_at_any_batch(built_once: Package) -> None:
    model = built(LINEAR_SOURCE)
    for count in (1, 2, 7):
        inputs = pictures(count)
        expected = model(inputs).detach().numpy()
        np.testing.assert_allclose(run_onnx(built_once, inputs.numpy()), expected, atol=1e-5)


def test_the_exported_program_answers_as_the_model_at_any_batch(built_once: Package) -> None:
    program = torch.export.load(built_once.file("model.pt2")).module()
    model = built(LINEAR_SOURCE)
    for count in (1, 5):
        torch.testing.assert_close(program(pictures(count)), model(pictures(count)))


def test_the_parity_of_each_form_is_written_down(built_once: Package) -> None:
    for format_ in ("onnx", "pt2"):
        assert built_once.manifest.parity[format_]["relative"] < TOLERANCE
    reference = built_once.read_example()
    np.testing.assert_allclose(
        reference.outputs[0], built(LINEAR_SOURCE)(torch.from_numpy(reference.inputs[0])).detach(), atol=1e-5
    )


def test_nothing_in_a_package_is_pickled(built_once: Package) -> None:
    for path in built_once.path.iterdir():
        assert b"torch._utils\n_rebuild" not in path.read_bytes(), path.name
        if zipfile.is_zipfile(path):
            for name in zipfile.ZipFile(path).namelist():
                content = zipfile.ZipFile(path).read(name)
                assert not (name.endswith((".pkl", "/model.pt")) and content), name


def test_a_package_names_no_path_of_this_machine(built_once: Package) -> None:
    for path in built_once.path.iterdir():
        content = path.read_bytes()
        if zipfile.is_zipfile(path):
            archive = zipfile.ZipFile(path)
            content = b"".join(archive.read(name) for name in archive.namelist())
        for word in (str(Path(torch.__file__).parent).encode(), str(Path.cwd()).encode()):
            assert word not in content, path.name


def test_requirements_are_pinned_and_need_no_torch_for_onnx(built_once: Package) -> None:
    lines = built_once.file("requirements.txt").read_text().splitlines()
    assert all("==" in line for line in lines), lines
    names = {line.partition("==")[0] for line in lines}
    assert {"onnxruntime", "pillow", "uvicorn"} <= names
    assert "torch" not in names


def test_a_run_can_be_packaged_when_its_data_is_gone() -> None:
    from torch.utils.data import DataLoader, TensorDataset

    from lepton_nb.training import train

    labels = torch.arange(12) % 3
    loader = DataLoader(TensorDataset(pictures(12), labels), batch_size=4)
    name = train(built(LINEAR_SOURCE), train=loader, val=loader, epochs=1, name="live").name
    run = RunStore().get_run(name)  # as another notebook finds it: no object of this one is left
    assert run.read_json("data.json") is None
    run.live["model"] = built(LINEAR_SOURCE)
    assert "onnx" in build_package(run).manifest.formats


def test_a_run_without_example_or_data_says_what_is_missing() -> None:
    run = make_run()
    (run.path / "example.safetensors").unlink()
    with pytest.raises(PackageError, match="needs a few real inputs"):
        build_package(run)


def test_packaging_the_same_run_again_gives_the_same_package() -> None:
    run = make_run()
    first = build_package(run)
    assert build_package(run.ref).path == first.path
    assert len(RunStore().list_packages("net")) == 1


def test_a_better_checkpoint_makes_another_version() -> None:
    run = make_run()
    first = build_package(run)
    state = {"model": built(LINEAR_SOURCE, seed=9).state_dict(), "epoch": 2}
    run.save_checkpoint(state, step=2, epoch=2, value=0.95, best=True, keep=1)
    second = build_package(run)
    assert (first.version, second.version) == (1, 2)
    assert second.path.name == "2"
    with pytest.raises(AssertionError):
        np.testing.assert_allclose(
            run_onnx(first, pictures().numpy()), run_onnx(second, pictures().numpy()), atol=1e-3
        )


def test_a_damaged_package_is_built_again() -> None:
    run = make_run()
    first = build_package(run)
    first.file("weights.safetensors").write_bytes(b"gone")
    second = build_package(run)
    assert second.version == 2
    Package.load(second.path)


def test_the_package_is_recorded_with_its_digest() -> None:
    package = build_package(make_run())
    record = RunStore().find_package_by_sha(package.sha256)
    assert record is not None
    assert record.path == package.path
    assert tuple(record.formats) == ("onnx", "pt2")


@pytest.mark.parametrize("enabled", [True, False])
def test_the_garbage_collector_is_left_as_it_was(enabled: bool) -> None:
    run = make_run()
    gc.collect()
    (gc.enable if enabled else gc.disable)()
    try:
        before = gc.get_stats()[2]["collections"]
        build_package(run)
        assert gc.isenabled() == enabled
        assert gc.get_stats()[2]["collections"] - before <= 1, (
            "it did not look through all of torch meanwhile"
        )
    finally:
        gc.enable()


def test_a_failed_build_leaves_nothing_behind(lepton_home: Path) -> None:
    with pytest.raises(PackageError):
        build_package(make_run(source=PAIR))
    assert [path for path in (lepton_home / "packages").rglob("*") if path.is_file()] == []
    assert RunStore().list_packages() == []


FULL = """
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from lepton_nb.errors import StoreError
from lepton_nb.packaging import build_package
from lepton_nb.runs.home import needs_room
from tests.serving_support import files_of_at_most, make_run, with_routes


def check(size, work):
    try:
        with files_of_at_most(size):
            work()
    except StoreError as error:
        assert "no room left to write" in error.message, error.message
    else:
        raise AssertionError(size)


def save():
    with needs_room(Path("arrays")):
        save_file({"x": np.zeros(999)}, "arrays")


whole = build_package(make_run())
again = make_run(seed=1)  # packaged anew, as another version
for name in ("model.onnx", "model.pt2"):
    check(whole.manifest.files[name].size - 1, lambda: build_package(again))
check(50, lambda: with_routes(whole, "def use(n: int) -> int:\\n    return n", "use"))
check(50, save)
"""


def test_a_full_disk_is_told_and_the_process_lives(lepton_home: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    subprocess.run([sys.executable, "-c", FULL], check=True, cwd=tmp_path, env=environment)
    assert sorted(path.name for path in (lepton_home / "packages").iterdir()) == ["net"]
    assert [path.name for path in (lepton_home / "packages" / "net").iterdir()] == ["1"]
    assert len(RunStore().list_packages("net")) == 1


def test_control_flow_on_data_falls_back_to_source() -> None:
    package = build_package(make_run(source=BRANCHING))
    assert package.manifest.formats == ("source",)
    assert package.manifest.runs_source
    assert set(package.manifest.rejected) == {"onnx", "pt2"}
    assert "torch" in package.file("requirements.txt").read_text()
    assert not (package.path / "model.onnx").exists()


def test_neither_graph_nor_source_is_an_error_that_names_the_variable() -> None:
    spec = ModelSpec(kind="live", name="Net", missing=["scaler: StandardScaler (not a literal)"])
    run = make_run(source=BRANCHING, spec=spec)
    run.live["model"] = built(BRANCHING)
    with pytest.raises(PackageError) as caught:
        build_package(run)
    assert "scaler" in caught.value.message
    assert caught.value.hint


def test_an_uncaptured_model_is_exported_from_memory() -> None:
    run = make_run(spec=ModelSpec(kind="live", name="Net", missing=["x: object"]))
    run.live["model"] = built(LINEAR_SOURCE, seed=4)  # other weights: the checkpoint's count
    package = build_package(run)
    assert package.manifest.formats == ("onnx", "pt2")
    expected = built(LINEAR_SOURCE)(pictures()).detach().numpy()
    np.testing.assert_allclose(run_onnx(package, pictures().numpy()), expected, atol=1e-5)


def test_items_that_influence_each_other_are_not_batched() -> None:
    package = build_package(make_run(source=ACROSS))
    assert not package.manifest.batchable


def test_a_model_that_never_answers_twice_alike_is_refused() -> None:
    with pytest.raises(PackageError, match="differently each time") as caught:
        build_package(make_run(source=DROPOUT))
    assert "self.training" in (caught.value.hint or "")


def test_a_model_that_answers_nan_is_refused() -> None:
    with pytest.raises(PackageError, match="NaN"):
        build_package(make_run(source=EXPLODING))


def test_a_model_that_returns_a_tuple_is_refused() -> None:
    with pytest.raises(PackageError, match="tuple"):
        build_package(make_run(source=PAIR))


@pytest.mark.parametrize("parameters", ["a, b", "*parts"])
def test_several_inputs_share_the_batch(tmp_path: Path, parameters: str) -> None:
    joined = "torch.cat([a, b], 1)" if parameters == "a, b" else "torch.cat(parts, 1)"
    source = LINEAR_SOURCE.replace("x):", f"{parameters}):").replace("x.flatten(1)", joined)
    model = built(source.replace("64, 3", "8, 3"))
    inputs = (torch.randn(4, 5), torch.randn(4, 3))
    signature = Signature(
        task="image-classification",
        inputs=(TensorSpec("left", "float32", (5,)), TensorSpec("right", "float32", (3,))),
        output=TensorSpec("logits", "float32", (3,)),
        class_names=("a", "b", "c"),
    )
    origin = Origin("pair", "0", "pair@1", "")
    manifest = write_package(tmp_path, model, inputs, signature, source_spec(source), origin)
    assert manifest.formats == ("onnx", "pt2")
    runner = onnx_runner(tmp_path / "model.onnx")
    more = (torch.randn(7, 5), torch.randn(7, 3))
    expected = model(*more).detach().numpy()
    (answered,) = runner(tuple(part.numpy() for part in more))
    np.testing.assert_allclose(answered, expected, atol=1e-5)


def test_tied_weights_and_buffers_survive() -> None:
    run = make_run(source=TIED)
    package = build_package(run)
    expected = load_model(run)(pictures()).detach().numpy()
    np.testing.assert_allclose(run_onnx(package, pictures().numpy()), expected, atol=1e-5)


def test_building_prints_and_warns_nothing(caplog: pytest.LogCaptureFixture) -> None:
    out = io.StringIO()
    run = make_run()
    with warnings.catch_warnings(record=True) as seen, redirect_stdout(out), redirect_stderr(out):
        warnings.simplefilter("always")
        with caplog.at_level(logging.WARNING):
            build_package(run)
    assert out.getvalue() == ""
    assert [str(warning.message) for warning in seen] == []
    assert [record.message for record in caplog.records] == []


def test_building_leaves_the_users_random_numbers_alone() -> None:
    run = make_run()
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    build_package(run)
    torch.testing.assert_close(torch.rand(2), expected)


def test_a_copy_goes_only_into_an_empty_folder(tmp_path: Path) -> None:
    run = make_run()
    copy = build_package(run, out=tmp_path / "copy")
    assert copy.path == tmp_path / "copy"
    with pytest.raises(PackageError, match="not an empty folder"):
        build_package(run, out=tmp_path / "copy")


def test_the_restored_model_has_the_best_weights_and_is_in_evaluation_mode() -> None:
    model = load_model(make_run(seed=6))
    assert not model.training
    torch.testing.assert_close(model(pictures()), built(LINEAR_SOURCE, seed=6)(pictures()))


def test_a_model_that_cannot_be_restored_says_why() -> None:
    run = make_run(spec=ModelSpec(kind="live", name="Net", missing=["helper: function (no source)"]))
    with pytest.raises(ModelError, match="helper"):
        load_model(run)


def test_weights_that_do_not_fit_are_explained() -> None:
    run = make_run(spec=source_spec(LINEAR_SOURCE.replace("64, 3", "64, 5")))
    with pytest.raises(ModelError, match="size mismatch"):
        load_model(run)
