"""The JupyterLab extension in the wheel: there, of one version, light, and without Node.js from an sdist."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BUILT = ROOT / "lepton_nb" / "labextension"
LIGHTEST_PLOTLY = 500_000  # bytes; no other chunk is near it
BUDGET = 1_000_000  # bytes, gzipped

pytestmark = pytest.mark.skipif(not BUILT.is_dir(), reason="the extension is not built: make install")


def build(target: str, source: Path, out: Path, path: str) -> Path:
    environment = {**os.environ, "PATH": path}
    command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(out)]
    subprocess.run(command, cwd=source, env=environment, check=True, capture_output=True)
    (made,) = out.iterdir()
    return made


@pytest.mark.slow
def test_an_sdist_gives_the_whole_wheel_without_node(tmp_path: Path) -> None:
    empty = tmp_path / "nothing"
    empty.mkdir()
    assert shutil.which("node", path=str(empty)) is None
    sdist = build("sdist", ROOT, tmp_path / "sdist", os.environ["PATH"])
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path / "source", filter="data")
    (source,) = (tmp_path / "source").iterdir()
    assert not (source / "labextension" / "node_modules").exists()
    wheel = zipfile.ZipFile(build("wheel", source, tmp_path / "wheel", str(empty)))
    names = wheel.namelist()
    data = f"{source.name}.data/data"
    assert f"{data}/etc/jupyter/jupyter_server_config.d/lepton_nb.json" in names
    assert f"{data}/share/jupyter/labextensions/lepton-nb/install.json" in names
    extension = json.loads(wheel.read(f"{data}/share/jupyter/labextensions/lepton-nb/package.json"))
    assert f"lepton_nb-{extension['version']}" == source.name
    assert (
        f"{data}/share/jupyter/labextensions/lepton-nb/{extension['jupyterlab']['_build']['load']}" in names
    )
    assert not any(name.startswith("lepton_nb/labextension") for name in names)


def test_the_bundle_is_light_and_plotly_stays_out_of_it() -> None:
    sizes = {path: len(gzip.compress(path.read_bytes())) for path in BUILT.glob("static/*.js")}
    light = {path: size for path, size in sizes.items() if path.stat().st_size < LIGHTEST_PLOTLY}
    assert sum(light.values()) < BUDGET
    assert all("plotly" in path.read_text() for path in sizes.keys() - light.keys())


def test_no_lock_entry_names_a_host() -> None:
    assert "://" not in (ROOT / "labextension" / "yarn.lock").read_text()
