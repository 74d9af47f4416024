"""A folder that serves elsewhere: with its own copy of the server, and none of the notebook's parts."""

from __future__ import annotations

import configparser
import io
import os
import shutil
import stat
import subprocess
import sys
import venv
from collections.abc import Sequence
from importlib.metadata import distribution
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import numpy as np
import pytest
import yaml
from packaging.requirements import Requirement
from PIL import Image

from lepton_nb.deployment import export
from lepton_nb.errors import ArgumentError, PackageError, StoreError
from lepton_nb.packaging import Package
from tests.serving_support import (
    TOKEN,
    Front,
    built,
    expected_labels,
    files_of_at_most,
    make_package,
    make_run,
    pictures,
    wait_until_listening,
    with_routes,
)
from tests.test_packaging_build import BRANCHING, PAIR
from tests.test_serve_tasks import STARTERS_OF, package_of

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    return make_package(tmp_path_factory.mktemp("packages") / "net")


def serve(
    folder: Path,
    log: Path,
    programs: Path = Path(sys.executable).parent,
    user: int | None = None,
    options: Sequence[str] = (),
    **more: str,
) -> subprocess.Popen[bytes]:
    """Run the folder's own command, from elsewhere."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment = {**kept, "LEPTON_TOKEN": TOKEN, "PATH": f"{programs}:/usr/bin:/bin", **more}
    with log.open("wb") as out:
        return subprocess.Popen(
            [str(folder / "serve"), *options, "--port", "0"],
            env=environment,
            stdout=out,
            stderr=out,
            cwd="/",
            user=user,
            group=user,
            extra_groups=None if user is None else [],
        )


@pytest.mark.parametrize("kind", ["onnx", "source"])
def test_an_exported_folder_serves_by_itself(tmp_path: Path, package: Package, kind: str) -> None:
    if kind == "source":
        package = make_package(tmp_path / "source", source=BRANCHING)
    folder = export(package, tmp_path / "out")
    log = tmp_path / "log"
    process = serve(folder, log)
    try:
        server = Front(process, wait_until_listening(process, log), log)
        inputs = pictures(3).numpy()
        answer = server.predict(inputs)
        assert answer.status_code == 200, answer.text
        assert [item["label"] for item in answer.json()["predictions"]] == expected_labels(package, inputs)
        maps = Path(f"/proc/{process.pid}/cmdline").read_bytes()
        assert b"lepton_nb.serve" in maps
        used = subprocess.run(
            [sys.executable, "-c", "import lepton_nb; print(lepton_nb.__file__)"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
        )
        assert used.stdout.startswith(str(folder))
    finally:
        process.terminate()
        process.wait(15)


def needed(requirements: Path) -> set[str]:
    """The distributions of a requirements file with all that they require."""
    waiting = [Requirement(line) for line in requirements.read_text().splitlines()]
    found: set[str] = set()
    while waiting:
        name = waiting.pop().name
        if name in found:
            continue
        found.add(name)
        for line in distribution(name).requires or []:
            wanted = Requirement(line)
            if wanted.marker is None or wanted.marker.evaluate({"extra": ""}):
                waiting.append(wanted)
    return found


@pytest.mark.parametrize("task", ["tabular-regression", "text-classification", "image-classification"])
def test_an_exported_folder_needs_only_its_requirements(tmp_path: Path, task: str) -> None:
    folder = export(package_of(tmp_path / "package", task, STARTERS_OF[task]), tmp_path / "out")
    environment = tmp_path / "environment"
    venv.create(environment, symlinks=True)
    packages = next(environment.glob("lib/python*/site-packages"))
    for name in needed(folder / "requirements.txt"):
        for file in distribution(name).files or []:
            top = Path(file).parts[0]
            if top != ".." and not (packages / top).exists():
                (packages / top).symlink_to(Path(str(distribution(name).locate_file(top))))
    log = tmp_path / "log"
    process = serve(folder, log, environment / "bin")
    try:
        server = Front(process, wait_until_listening(process, log), log)
        example = server.client.get("/openapi.json").json()["x-lepton"]["example"]
        answer = server.client.post("/predict", json=example)
        assert answer.status_code == 200, answer.text
        assert server.client.get("/metrics").status_code == 200
    finally:
        process.terminate()
        process.wait(15)


def test_the_folder_is_complete_and_has_no_notebook_in_it(tmp_path: Path, package: Package) -> None:
    folder = export(package, tmp_path / "out")
    assert {path.name for path in folder.iterdir()} == {
        ".dockerignore",
        "Dockerfile",
        "README.md",
        "kubernetes.yaml",
        "lepton_nb",
        "model.onnx",
        "model.safetensors",
        "out.service",
        "package",
        "requirements.txt",
        "serve",
    }
    rooms = {path.name for path in (folder / "lepton_nb").iterdir()}
    assert not rooms & {"magics", "widgets", "training", "data", "runs", "deployment", "models", "handlers"}
    assert os.access(folder / "serve", os.X_OK)
    assert "torch" not in (folder / "requirements.txt").read_text()
    Package.load(folder / "package")


def test_onnx_and_weights_work_without_this_library(tmp_path: Path, package: Package) -> None:
    import onnxruntime
    from safetensors.numpy import load_file

    folder = export(package, tmp_path / "out")
    inputs = pictures(2).numpy()
    expected = built_output(inputs)
    session = onnxruntime.InferenceSession(folder / "model.onnx")
    np.testing.assert_allclose(session.run(None, {"image": inputs})[0], expected, atol=1e-5)
    weights = load_file(folder / "model.safetensors")
    by_hand = inputs.reshape(2, -1) @ weights["fc.weight"].T + weights["fc.bias"]
    np.testing.assert_allclose(by_hand, expected, atol=1e-5)


def built_output(inputs: np.ndarray) -> np.ndarray:
    import torch

    from tests.serving_support import LINEAR_SOURCE

    return built(LINEAR_SOURCE)(torch.from_numpy(inputs)).detach().numpy()


def test_a_folder_in_use_is_not_touched(tmp_path: Path, package: Package) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(ArgumentError, match="not an empty folder"):
        export(package, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_failed_export_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(PackageError):
        export(make_run(source=PAIR), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_full_disk_is_told_and_leaves_no_folder(tmp_path: Path, package: Package) -> None:
    with files_of_at_most(1000), pytest.raises(StoreError, match="no room left to write") as caught:
        export(package, tmp_path / "out")
    assert "name a folder elsewhere" in (caught.value.hint or "")
    assert not list(tmp_path.iterdir())


def test_everybody_can_read_the_folder(tmp_path: Path, package: Package) -> None:
    routed = with_routes(package, "def use(n: int) -> int:\n    return n", "use")
    former = os.umask(0o077)  # as a careful user has it
    try:
        folder = export(routed, tmp_path / "out")
    finally:
        os.umask(former)
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.rglob("*"))}
    assert {mode for path, mode in modes.items() if path.is_dir()} == {0o755}
    assert {mode for path, mode in modes.items() if path.is_file()} == {0o644, 0o755}
    assert [path.name for path, mode in modes.items() if path.is_file() and mode == 0o755] == ["serve"]


OTHER = 10001  # the user whom Dockerfile and manifest name


def python_for_others() -> dict[str, str]:
    """The environment of a Python with our libraries that another user can run; empty where there is none."""
    libraries = str(Path(np.__file__).parents[1])
    for program in (sys.executable, "/usr/bin/python{}.{}".format(*sys.version_info)):
        probe = [program, "-c", "import httptools, numpy, onnxruntime, pydantic, uvicorn, uvloop"]
        found = {"PYTHON": program, "PYTHONPATH": libraries, "HOME": "/nonexistent"}
        try:
            subprocess.run(probe, env=found, user=OTHER, group=OTHER, extra_groups=[], cwd="/", check=True)
        except (OSError, subprocess.CalledProcessError):
            continue
        return found
    return {}


@pytest.mark.skipif(os.getuid() != 0, reason="only root may become another user")
def test_another_user_serves_the_folder(tmp_path: Path, package: Package) -> None:
    """As Dockerfile, unit and manifest have it: root copies, and somebody else serves."""
    python = python_for_others()
    if not python:
        pytest.skip("no Python with our libraries that others can run")
    routed = with_routes(package, "def use(n: int) -> int:\n    return n", "use")
    with TemporaryDirectory() as place:  # not in `tmp_path`, which others cannot enter
        Path(place).chmod(0o755)
        folder = Path(shutil.copytree(export(routed, Path(place) / "out"), Path(place) / "copied"))
        log = tmp_path / "log"
        process = serve(folder, log, user=OTHER, **python)
        try:
            server = Front(process, wait_until_listening(process, log), log)
            assert server.predict(pictures(1)).status_code == 200
            assert server.client.post("/use", json={"n": 3}).json() == 3
        finally:
            process.terminate()
            process.wait(20)


def test_source_is_announced(tmp_path: Path) -> None:
    folder = export(make_package(tmp_path / "source", source=BRANCHING), tmp_path / "out")
    assert "runs from its Python source" in (folder / "README.md").read_text()
    assert "--trust" in (folder / "serve").read_text()
    assert not (folder / "model.onnx").exists()


BLOCKER = """
import sys

BLOCKED = {"IPython", "ipykernel", "ipywidgets", "jupyter_server", "torch", "pandas"}

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BLOCKED:
            raise ImportError(f"{name} is not there")

sys.meta_path.insert(0, Blocked())
"""

ROUTES = """
from PIL import Image

UNSURE = 0.9


def check(scan: Image.Image, model) -> dict:
    answer = model(scan)
    return {"label": answer["label"], "unsure": answer["score"] < UNSURE}
"""


def test_routes_are_served_elsewhere_without_torch_or_a_notebook(tmp_path: Path, package: Package) -> None:
    folder = export(with_routes(package, ROUTES, "check"), tmp_path / "desk")
    (tmp_path / "blocked").mkdir()
    (tmp_path / "blocked" / "sitecustomize.py").write_text(BLOCKER)
    log = tmp_path / "log"
    process = serve(folder, log, PYTHONPATH=str(tmp_path / "blocked"))
    try:
        server = Front(process, wait_until_listening(process, log), log)
        stream = io.BytesIO()
        Image.new("L", (8, 8), 100).save(stream, "PNG")
        answer = server.client.post(
            "/check", content=stream.getvalue(), headers={"Content-Type": "image/png"}
        )
        assert answer.status_code == 200, answer.text
        assert answer.json()["unsure"] is True
        assert server.predict(pictures(1)).status_code == 200
    finally:
        process.terminate()
        process.wait(15)
    assert "pydantic==" in (folder / "requirements.txt").read_text()
    assert "--trust" in (folder / "serve").read_text()
    assert "handlers.py" in (folder / "README.md").read_text()


def test_the_kubernetes_manifest_is_complete(tmp_path: Path, package: Package) -> None:
    folder = export(package, tmp_path / "My_Net.v2")
    deployment, service = yaml.safe_load_all((folder / "kubernetes.yaml").read_text())
    assert (deployment["kind"], deployment["apiVersion"]) == ("Deployment", "apps/v1")
    assert (service["kind"], service["apiVersion"]) == ("Service", "v1")
    names = {deployment["metadata"]["name"], service["metadata"]["name"]}
    assert names == {"my-net-v2"}
    pod = deployment["spec"]["template"]
    labels = pod["metadata"]["labels"].items()
    assert deployment["spec"]["selector"]["matchLabels"].items() <= labels
    assert service["spec"]["selector"].items() <= labels
    (container,) = pod["spec"]["containers"]
    assert service["spec"]["ports"][0]["targetPort"] == container["ports"][0]["name"]
    secret = container["env"][0]["valueFrom"]["secretKeyRef"]
    assert (container["env"][0]["name"], secret) == (
        "LEPTON_TOKEN",
        {"name": "my-net-v2-token", "key": "token"},
    )
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"]["path"].startswith("/v2/health/")
    least, most = (container["resources"][kind]["memory"] for kind in ("requests", "limits"))
    assert 256 <= int(least.removesuffix("Mi")) < int(most.removesuffix("Mi"))
    assert pod["spec"]["securityContext"]["runAsNonRoot"] is True


def test_the_metrics_can_be_scraped_as_the_manifest_says(tmp_path: Path, package: Package) -> None:
    folder = export(package, tmp_path / "net")
    deployment, _ = yaml.safe_load_all((folder / "kubernetes.yaml").read_text())
    pod = deployment["spec"]["template"]
    notes = pod["metadata"]["annotations"]
    assert (notes["prometheus.io/scrape"], notes["prometheus.io/port"]) == ("true", "8000")
    (container,) = pod["spec"]["containers"]
    log = tmp_path / "log"
    process = serve(folder, log, options=container["args"][1:])
    try:
        url = wait_until_listening(process, log).replace("0.0.0.0", "127.0.0.1")
        scraped = httpx.get(url + notes["prometheus.io/path"], trust_env=False)
        assert scraped.status_code == 200
        assert "lepton_" in scraped.text
        assert httpx.post(url + "/predict", trust_env=False).status_code == 401
    finally:
        process.terminate()
        process.wait(20)


def test_the_systemd_unit_is_one(tmp_path: Path, package: Package) -> None:
    folder = export(package, tmp_path / "net")
    unit = folder / "net.service"
    parsed = configparser.ConfigParser(strict=False, interpolation=None)
    parsed.optionxform = str  # type: ignore[assignment,method-assign]
    parsed.read(unit)
    assert "--package package --name net" in parsed["Service"]["ExecStart"]
    assert parsed["Install"]["WantedBy"] == "multi-user.target"
    checker = shutil.which("systemd-analyze")
    if checker:
        # The program it starts is not there yet; everything else must be right.
        text = unit.read_text().replace("/opt/net/venv/bin/python", sys.executable)
        (tmp_path / "net.service").write_text(text)
        done = subprocess.run(
            [checker, "verify", str(tmp_path / "net.service")], capture_output=True, text=True
        )
        assert not [line for line in done.stderr.splitlines() if "net.service" in line], done.stderr


def test_a_damaged_onnx_model_is_not_exported(tmp_path: Path) -> None:
    package = make_package(tmp_path / "net")
    other = make_package(tmp_path / "other", seed=9)
    shutil.copy(other.path / "example.safetensors", package.path / "example.safetensors")
    with pytest.raises(PackageError, match="does not give the model's answers"):
        export(package, tmp_path / "out")
    assert not (tmp_path / "out").exists()
