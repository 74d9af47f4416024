"""`build_package`: from a run to a checked package in the store."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lepton_nb.errors import PackageError
from lepton_nb.models import ModelSpec, call_model
from lepton_nb.packaging.draft import Draft, add_exports, add_files, add_source
from lepton_nb.packaging.example import find_example
from lepton_nb.packaging.manifest import SCHEMA, Manifest
from lepton_nb.packaging.package import MANIFEST, Package, describe_file
from lepton_nb.packaging.parity import measure_parity
from lepton_nb.packaging.requirements import installed_versions
from lepton_nb.packaging.restore import load_model
from lepton_nb.runs import Run, RunStore
from lepton_nb.runs import home as store_home
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
    """
    if isinstance(run, str):
        run = RunStore().get_run(run)
    package = _find_built(run) or _build(run)
    if out is None:
        return package
    return _copy(package, Path(out).expanduser())


def _build(run: Run) -> Package:
    model = load_model(run)
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    spec = _read_spec(run)
    signature = Signature.from_dict(run.read_json("signature.json"))
    inputs = find_example(run)
    packages = store_home() / "packages"
    folder = packages / run.name
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft_path = packages / f".draft-{uuid.uuid4().hex}"
    draft_path.mkdir(mode=0o700)
    try:
        expected, batchable = _answers(model, inputs, run)
        draft = Draft(draft_path, signature, inputs, expected)
        add_exports(draft, model)
        add_source(draft, model, spec)
        add_files(draft, model, spec)
        manifest = _write_manifest(draft, run, spec, batchable)
        return _publish(run, draft, manifest, folder)
    finally:
        shutil.rmtree(draft_path, ignore_errors=True)


def _answers(model: nn.Module, inputs: tuple[Tensor, ...], run: Run) -> tuple[np.ndarray, bool]:
    """The model's own answers, and whether they stay the same when items share a batch."""
    with torch.inference_mode():
        output = call_model(model, inputs if len(inputs) > 1 else inputs[0])
        alone = call_model(model, _first(inputs) if len(inputs) > 1 else _first(inputs)[0])
    if not isinstance(output, Tensor):
        raise PackageError(
            f"The model of run {run.ref} returns a {type(output).__name__}; a service needs one tensor.",
            "Return the logits alone from forward.",
        )
    if output.shape[:1] != inputs[0].shape[:1]:
        raise PackageError(
            f"The model of run {run.ref} gives {tuple(output.shape)} for a batch of {len(inputs[0])} items; "
            "the first dimension must be the batch."
        )
    expected = output.float().numpy()
    if not np.isfinite(expected).all():
        raise PackageError(
            f"The model of run {run.ref} answers NaN or infinity to real inputs.",
            "Train it again with a lower --lr or --clip 1.0.",
        )
    return expected, measure_parity(expected[:1], alone.float().numpy()).ok


def _first(inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return tuple(tensor[:1] for tensor in inputs)


def _write_manifest(draft: Draft, run: Run, spec: ModelSpec, batchable: bool) -> Manifest:
    manifest = Manifest(
        name=run.name,
        run_id=run.id,
        run=run.ref,
        model=spec.name,
        task=run.task,
        fingerprint=_fingerprint(run),
        created_at=time.time(),
        formats=tuple(draft.formats),
        rejected=draft.rejected,
        parity=draft.parity,
        batchable=batchable,
        versions=installed_versions(),
        files={item.name: describe_file(item) for item in sorted(draft.path.iterdir())},
    )
    (draft.path / MANIFEST).write_text(manifest.to_json(), "utf-8")
    return manifest


def _publish(run: Run, draft: Draft, manifest: Manifest, folder: Path) -> Package:
    """Move the finished draft to its place and record it."""
    store = run.store
    known = [record.version for record in store.list_packages(run.name)]
    version = max(known, default=0) + 1
    while True:
        try:
            os.rename(draft.path, folder / str(version))
            break
        except OSError:  # another process took that number, or a crash left its folder
            if not (folder / str(version)).exists():
                raise
            version += 1
    package = Package.load(folder / str(version))
    record = store.add_package(
        run.name,
        run_id=run.id,
        path=package.path,
        sha256=package.sha256,
        task=run.task,
        formats=list(manifest.formats),
    )
    return Package(package.path, package.manifest, package.signature, package.sha256, record.version)


def _find_built(run: Run) -> Package | None:
    fingerprint = _fingerprint(run)
    for record in sorted(run.store.list_packages(run.name), key=lambda record: -record.version):
        if record.run_id != run.id:
            continue
        try:
            package = Package.load(record.path, version=record.version)
        except PackageError:
            continue  # damaged or deleted: build a new one
        if package.manifest.fingerprint == fingerprint and package.sha256 == record.sha256:
            return package
    return None


def _fingerprint(run: Run) -> str:
    checkpoints = run.checkpoints()
    best = next((item for item in checkpoints if item.best), checkpoints[0] if checkpoints else None)
    parts = [
        SCHEMA,
        run.id,
        best.sha256 if best else None,
        run.read_json("model.json"),
        run.read_json("signature.json"),
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _read_spec(run: Run) -> ModelSpec:
    data: dict[str, Any] | None = run.read_json("model.json")
    if data is None:
        return ModelSpec(kind="live", name=run.model)
    return ModelSpec.from_dict(data)


def _copy(package: Package, target: Path) -> Package:
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise PackageError(f"{target} exists and is not an empty folder.", "Name a new folder.")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(package.path, target, dirs_exist_ok=True)
    return Package.load(target)
