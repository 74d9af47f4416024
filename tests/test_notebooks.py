"""The tutorials run from top to bottom; the assertions on their numbers are in their cells."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import lepton_nb

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_tutorial_runs(notebook: Path, lepton_home: Path, tmp_path: Path) -> None:
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
