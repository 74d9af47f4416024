"""The tutorials run from top to bottom; the assertions on their numbers are in their cells."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

import lepton_nb

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))


def some_of_cifar10(shared_data: Path, folder: Path) -> Path:
    """The first pictures of every class: 60 to train on, 30 to test on."""
    with tarfile.open(shared_data / "cifar10.tar.gz") as archive:
        for member in archive:
            most = 60 if member.name.startswith("train/") else 30
            if member.isdir() or int(Path(member.name).stem) < most:
                archive.extract(member, folder / "cifar10", filter="data")
    return folder / "cifar10"


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_tutorial_runs(
    notebook: Path,
    lepton_home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    if notebook.stem == "03_cifar10":
        monkeypatch.setenv(
            "LEPTON_CIFAR10", str(some_of_cifar10(request.getfixturevalue("shared_data"), tmp_path))
        )
        monkeypatch.setenv("LEPTON_CIFAR10_QUICK", "1")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--nbval-lax",
        "--nbval-cell-timeout=240",
        "-q",
        "-n0",
        "-p",
        "no:cacheprovider",
    ]
    result = subprocess.run([*command, str(notebook)], capture_output=True, text=True, cwd=tmp_path)
    try:
        assert result.returncode == 0, result.stdout[-5000:]
    finally:
        for service in lepton_nb.deployments():
            service.stop()


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_tutorial_is_committed_without_output(notebook: Path) -> None:
    import nbformat

    cells = [cell for cell in nbformat.read(notebook, as_version=4).cells if cell.cell_type == "code"]
    assert cells
    assert not any(cell.outputs or cell.execution_count for cell in cells)
