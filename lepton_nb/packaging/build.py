"""`build_package`: from a run to a checked package in the store."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lepton_nb.errors import PackageError
from lepton_nb.packaging.manifest import SCHEMA, Origin
from lepton_nb.packaging.package import Package
from lepton_nb.packaging.quiet import uncollected
from lepton_nb.runs import Run, RunStore
from lepton_nb.runs.home import needs_room
from lepton_nb.signature import Signature


def build_package(run: Run | str, *, out: str | Path | None = None) -> Package:
    """Package the best checkpoint of a run, checked against the model's own answers.

    The package lies in the store under ``packages/<name>/<version>``. A run that was packaged before, and has
    not changed since, gives the same package again.

    Args:
        run: The run, or its name.
        out: Also copy the package to this folder, which must not exist or be empty.

    Raises:
        NotFoundError: If there is no such run.
        PackageError: If neither an exported graph nor the source of the model can be packaged.
        StoreError: If there is no room for it.
    """
    if isinstance(run, str):
        run = RunStore().get_run(run)
    package = _find_built(run) or _build(run)
    if out is None:
        return package
    return _copy(package, Path(out).expanduser())


def _build(run: Run) -> Package:
    from lepton_nb.models import ModelSpec
    from lepton_nb.models.lora import merged
    from lepton_nb.packaging.draft import write_package
    from lepton_nb.packaging.example import find_example
    from lepton_nb.packaging.restore import load_model

    signature = run.read_json("signature.json")
    if signature is None:
        raise PackageError(
            f"Run {run.ref} has no signature: it ended before its training began.",
            f"%lepton resume {run.ref}, or train again.",
        )
    known = run.read_json("model.json")
    spec = ModelSpec.from_dict(known) if known else ModelSpec(kind="live", name=run.model)
    with drafting(run.store) as draft:
        with uncollected():
            model, spec = merged(load_model(run), spec)
            write_package(draft, model, find_example(run), Signature.from_dict(signature), spec, _origin(run))
        return publish(run.store, run.name, draft, run_id=run.id, task=run.task)


@contextmanager
def drafting(store: RunStore) -> Iterator[Path]:
    """A folder for a package in the making, which is gone after the block, or published.

    Raises:
        StoreError: If there is no room for it.
    """
    draft = store.root / "packages" / f".draft-{uuid.uuid4().hex}"
    try:
        with needs_room(draft.parent):
            draft.mkdir(parents=True, mode=0o700)
            yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def publish(store: RunStore, name: str, draft: Path, *, run_id: str, task: str) -> Package:
    """Move a finished draft to its place among the packages of that name, and record it."""
    folder = store.root / "packages" / name
    folder.mkdir(exist_ok=True, parents=True, mode=0o700)
    known = [record.version for record in store.list_packages(name)]
    version = max(known, default=0) + 1
    while True:
        try:
            os.rename(draft, folder / str(version))
            break
        except OSError:  # another process took that number, or a crash left its folder
            if not (folder / str(version)).exists():
                raise
            version += 1
    package = Package.load(folder / str(version), lazily=True)  # its large files were hashed just now
    try:
        record = store.add_package(
            name,
            run_id=run_id,
            path=package.path,
            sha256=package.sha256,
            task=task,
            formats=list(package.manifest.formats),
        )
    except BaseException:
        shutil.rmtree(package.path, ignore_errors=True)  # nobody would find it
        raise
    return Package(package.path, package.manifest, package.signature, package.sha256, record.version)


def _find_built(run: Run) -> Package | None:
    fingerprint = _origin(run).fingerprint
    for record in sorted(run.store.list_packages(run.name), key=lambda record: -record.version):
        if record.run_id != run.id:
            continue
        try:
            package = Package.load(record.path, version=record.version)
        except PackageError:
            continue  # damaged or deleted: build a new one
        manifest = package.manifest
        same = manifest.fingerprint == fingerprint and not manifest.has_routes
        if same and package.sha256 == record.sha256:
            return package
    return None


def _origin(run: Run) -> Origin:
    checkpoints = run.checkpoints()
    best = next((item for item in checkpoints if item.best), checkpoints[0] if checkpoints else None)
    parts = [
        SCHEMA,
        run.id,
        best.sha256 if best else None,
        run.read_json("model.json"),
        run.read_json("signature.json"),
    ]
    fingerprint = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
    return Origin(run.name, run.id, run.ref, fingerprint)


def fingerprint_of(run: Run) -> str:
    """sha256 over what a package of the run would be made from now."""
    return _origin(run).fingerprint


def _copy(package: Package, target: Path) -> Package:
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise PackageError(f"{target} exists and is not an empty folder.", "Name a new folder.")
    with needs_room(target, "or name a folder elsewhere."):
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(package.path, target, dirs_exist_ok=True)
    return Package.load(target)
