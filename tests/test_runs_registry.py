"""Packages and deployments in the store, and where a run came from."""

from __future__ import annotations

import dataclasses
import subprocess
from pathlib import Path

import pytest

from lepton_nb.errors import ArgumentError, NotFoundError
from lepton_nb.runs import DeploymentRecord, PackageRecord, RunStore
from lepton_nb.runs.provenance import provenance


def add(store: RunStore, name: str, path: Path, sha256: str = "00") -> PackageRecord:
    return store.add_package(
        name, run_id="r1", path=path, sha256=sha256, task="image-classification", formats=["onnx", "pt2"]
    )


def test_packages_are_numbered_by_name(tmp_path: Path) -> None:
    store = RunStore()
    assert [add(store, name, tmp_path).version for name in ("a", "b", "a")] == [1, 1, 2]
    newest = store.get_package("a")
    assert (newest.version, newest.path, newest.formats) == (2, tmp_path, ("onnx", "pt2"))
    assert store.get_package("a", 1).version == 1
    assert [(record.name, record.version) for record in store.list_packages()] == [
        ("a", 2),
        ("b", 1),
        ("a", 1),
    ]
    assert [record.version for record in store.list_packages("a")] == [2, 1]
    with pytest.raises(NotFoundError, match="no version 3") as caught:
        store.get_package("a", 3)
    assert caught.value.hint == "There is 2, 1."
    with pytest.raises(NotFoundError, match="no package 'c'"):
        store.get_package("c")
    with pytest.raises(ArgumentError):
        add(store, "../a", tmp_path)


def test_only_a_package_of_this_store_is_found_by_its_digest(tmp_path: Path) -> None:
    store = RunStore()
    add(store, "a", tmp_path, "aa")
    found = store.find_package_by_sha("aa")
    assert found is not None
    assert found.name == "a"
    assert store.find_package_by_sha("bb") is None


def test_a_deployment_is_saved_replaced_and_forgotten(tmp_path: Path) -> None:
    store = RunStore()
    record = DeploymentRecord(
        "cnn", "http://127.0.0.1:1", "127.0.0.1", 1, 7, 1.5, "cnn", 1, state_dir=tmp_path
    )
    store.save_deployment(record)
    assert RunStore().get_deployment("cnn") == record
    newer = dataclasses.replace(record, version=2, previous_version=1, status="ready", pid=None)
    store.save_deployment(newer)
    assert store.list_deployments() == [newer]
    with pytest.raises(NotFoundError) as caught:
        store.get_deployment("cn")
    assert caught.value.hint == "Did you mean 'cnn'?"
    store.delete_deployment("cnn")
    store.delete_deployment("cnn")
    assert store.list_deployments() == []
    with pytest.raises(ArgumentError):
        store.save_deployment(dataclasses.replace(record, name="a/b"))


def test_provenance_tells_versions_and_the_state_of_the_source(tmp_path: Path) -> None:
    def git(*arguments: str) -> str:
        command = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b", *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    before = provenance(tmp_path)
    assert before["git"] is None
    assert before["packages"]["numpy"]
    git("init", "-b", "main")
    (tmp_path / "a.ipynb").write_text("{}")
    git("add", ".")
    git("commit", "-m", "first")
    assert provenance(tmp_path)["git"] == {
        "revision": git("rev-parse", "HEAD"),
        "branch": "main",
        "dirty": False,
    }
    (tmp_path / "a.ipynb").write_text("{ }")
    assert provenance(tmp_path)["git"]["dirty"] is True
