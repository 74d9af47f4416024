"""Opening a package: nothing in it is believed before it is checked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lepton_nb.errors import PackageError
from lepton_nb.packaging import Manifest, Package
from lepton_nb.packaging.package import describe_file
from tests.serving_support import LINEAR_SOURCE, make_package

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Package:
    return make_package(tmp_path_factory.mktemp("packages") / "net")


@pytest.fixture
def path(original: Package, tmp_path: Path) -> Path:
    import shutil

    return Path(shutil.copytree(original.path, tmp_path / "net"))


def rewrite(path: Path, **changes: object) -> None:
    data = json.loads((path / "manifest.json").read_text())
    (path / "manifest.json").write_text(json.dumps({**data, **changes}))


def test_a_sound_package_opens(path: Path, original: Package) -> None:
    package = Package.load(path)
    assert package.sha256 == original.sha256
    assert package.signature == original.signature
    assert package.manifest == original.manifest


@pytest.mark.parametrize("name", ["weights.safetensors", "model.onnx", "source.py", "signature.json"])
def test_one_changed_byte_is_found(path: Path, name: str) -> None:
    content = bytearray((path / name).read_bytes())
    content[len(content) // 2] ^= 1
    (path / name).write_bytes(content)
    with pytest.raises(PackageError, match=rf"damaged: {name}"):
        Package.load(path)


def test_a_missing_file_is_named(path: Path) -> None:
    (path / "model.pt2").unlink()
    with pytest.raises(PackageError, match=r"model\.pt2 is missing"):
        Package.load(path)


def test_a_file_nobody_named_is_refused(path: Path) -> None:
    (path / "sitecustomize.py").write_text("")
    with pytest.raises(PackageError, match=r"sitecustomize\.py"):
        Package.load(path)


def test_links_are_refused(path: Path, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere"
    os.rename(path / "model.onnx", moved)
    (path / "model.onnx").symlink_to(moved)
    with pytest.raises(PackageError, match="link"):
        Package.load(path)
    link = tmp_path / "link"
    link.symlink_to(path)
    with pytest.raises(PackageError, match="link"):
        Package.load(link)


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a/b", "..", "", "a\\b"])
def test_paths_out_of_the_package_are_refused(path: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "secret").write_text("x")
    data = json.loads((path / "manifest.json").read_text())
    entry = describe_file(tmp_path / "secret")
    data["files"][name] = {"sha256": entry.sha256, "size": entry.size}
    (path / "manifest.json").write_text(json.dumps(data))
    with pytest.raises(PackageError, match="outside itself"):
        Package.load(path)


@pytest.mark.parametrize(
    ("changes", "word"),
    [({"schema": 99}, "schema 99"), ({"formats": []}, "no format"), ({"files": 3}, "not a package manifest")],
)
def test_a_manifest_of_another_kind_is_explained(path: Path, changes: dict[str, object], word: str) -> None:
    rewrite(path, **changes)
    with pytest.raises(PackageError, match=word):
        Package.load(path)


def test_a_folder_that_is_no_package_is_explained(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="not a package"):
        Package.load(tmp_path)


def test_a_manifest_reads_back_as_it_was(original: Package) -> None:
    assert Manifest.from_json(original.manifest.to_json()) == original.manifest


def test_opening_a_package_loads_no_torch(original: Package) -> None:
    code = (
        "import sys\n"
        "from lepton_nb.packaging import Package\n"
        f"Package.load({str(original.path)!r}).read_example()\n"
        "assert not {'torch', 'lepton_nb.runs', 'IPython'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_lazily_opened_package_checks_a_large_file_when_it_is_used(tmp_path: Path) -> None:
    source = LINEAR_SOURCE.replace(
        "nn.Linear(64, 3)", "nn.Sequential(nn.Linear(64, 6000), nn.Linear(6000, 3))"
    )
    package = make_package(tmp_path / "net", source=source)
    weights = package.file("weights.safetensors")
    content = bytearray(weights.read_bytes())
    assert len(content) > 1 << 20
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(PackageError, match="damaged"):
        Package.load(package.path)
    opened = Package.load(package.path, lazily=True)
    assert opened.file("model.onnx").exists()
    with pytest.raises(PackageError, match=r"damaged: weights\.safetensors"):
        opened.file("weights.safetensors")
