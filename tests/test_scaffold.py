"""`%lepton new task`: the folder it writes is a whole foreign task: installed, trained, deployed, asked."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import lepton_nb
from lepton_nb.errors import ArgumentError

USE = """
import numpy as np, torch
from torch.utils.data import DataLoader, TensorDataset
import lepton_nb
from lepton_nb import data

draw = np.random.default_rng(0)
x = draw.normal(size=(64, 4)).astype("float32")
np.savez("items.npz", x=x, y=x.sum(1))
bundle = data.load("items.npz", held_out=0.25)
assert (bundle.task.name, len(bundle.train)) == ("depth-estimation", 48)
batches = DataLoader(TensorDataset(torch.from_numpy(x), torch.from_numpy(x.sum(1))), batch_size=16)
assert data.loaders(batches, task="depth-estimation").task.name == "depth-estimation"
run = lepton_nb.train(None, bundle, epochs=20, lr=0.02, name="depth", progress=False)
assert (run.task, run.monitor, run.model) == ("depth-estimation", "val_mae", "Small"), run
assert run.best_value < 0.7, run.best_value
assert "mae" in lepton_nb.evaluate(run, split="val").metrics
service = lepton_nb.deploy(run)
try:
    (answer,) = service.predict(x[:1])
    assert abs(answer["value"] - x[0].sum()) < 2.5, answer
finally:
    service.stop()
print("used")
"""


def test_the_folder_names_what_comes_next(tmp_path: Path) -> None:
    written = lepton_nb.new("task", "depth-estimation", tmp_path / "made")
    names = {file.relative_to(written.folder).as_posix() for file in written.files}
    assert names == {
        "pyproject.toml",
        "depth_estimation/__init__.py",
        "depth_estimation/data.py",
        "depth_estimation/task.py",
        "tests/test_depth_estimation.py",
    }
    assert "class DepthEstimation(Regression)" in (written.folder / "depth_estimation/task.py").read_text()
    assert f"pip install -e {written.folder}" in str(written)


@pytest.mark.parametrize(
    ("kind", "name", "said"),
    [
        ("tusk", "depth", "There is no template 'tusk'"),
        ("task", "Depth Estimation", "expected lower-case letters"),
        ("task", "depth", "exists and is not an empty folder"),
    ],
)
def test_a_slip_is_told(kind: str, name: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("kept")
    with pytest.raises(ArgumentError, match=said):
        lepton_nb.new(kind, name, tmp_path)
    assert [path.name for path in tmp_path.iterdir() if path.name != "lepton"] == ["mine.txt"]


@pytest.mark.slow
def test_it_is_installed_trained_deployed_and_asked(tmp_path: Path) -> None:
    written = lepton_nb.new("task", "depth-estimation", tmp_path / "made")
    site = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--target", str(site), str(written.folder)], check=True)
    path = os.pathsep.join([str(site), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": path}
    test = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(written.folder / "tests")]
    for command in (test, [sys.executable, "-c", USE]):
        result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
