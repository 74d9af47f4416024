"""A package of a model together with routes: the same files, and the captured routes around them."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from lepton_nb.errors import PackageError
from lepton_nb.packaging.build import drafting, publish
from lepton_nb.packaging.manifest import Manifest
from lepton_nb.packaging.package import MANIFEST, Package, describe_file
from lepton_nb.packaging.requirements import pin
from lepton_nb.runs import RunStore

_REQUIREMENTS = "requirements.txt"
_ALWAYS = ("pydantic", "python-multipart")


def attach_routes(
    package: Package, name: str, files: Mapping[str, bytes], requirements: Iterable[str], store: RunStore
) -> Package:
    """A package of the store under `name`: the model of `package` with routes around it.

    The very same model and routes again give the package there is.

    Args:
        files: What holds the routes.
        requirements: What the routes import, as ``name==version``.

    Raises:
        StoreError: If there is no room for it.
    """
    lines = _requirements(package, requirements)
    added = {**files, _REQUIREMENTS: "".join(f"{line}\n" for line in lines).encode()}
    digest = _digest(added)
    known = _find(store, name, package, digest)
    if known is not None:
        return known
    with drafting(store) as draft:
        _fill(draft, package, name, digest, added)
        return publish(store, name, draft, run_id=package.manifest.run_id, task=package.manifest.task)


def carry_routes(former: Package, package: Package, name: str, store: RunStore) -> Package:
    """`package` with the routes of `former`, where that has any."""
    if not former.manifest.has_routes:
        return package
    kept = [file for file in former.manifest.files if file.startswith("handlers.")]
    files = {file: former.file(file).read_bytes() for file in kept}
    lines = former.file(_REQUIREMENTS).read_text("utf-8").split()
    return attach_routes(package, name, files, lines, store)


def _fill(draft: Path, package: Package, name: str, digest: str, added: Mapping[str, bytes]) -> None:
    for file in package.manifest.files:
        if file not in added and not file.startswith("handlers."):
            shutil.copyfile(package.file(file), draft / file)
    for file, content in added.items():
        (draft / file).write_bytes(content)
    manifest: Manifest = replace(
        package.manifest,
        name=name,
        handlers=digest,
        files={path.name: describe_file(path) for path in sorted(draft.iterdir())},
    )
    (draft / MANIFEST).write_text(manifest.to_json(), "utf-8")


def _requirements(package: Package, own: Iterable[str]) -> list[str]:
    """One line a distribution: what the model needs comes first, then what the routes import."""
    lines = package.file(_REQUIREMENTS).read_text("utf-8").split()
    lines += [pin(name) for name in _ALWAYS]
    by_name = {line.partition("==")[0].lower(): line for line in [*own, *lines]}
    by_name.pop("lepton-nb", None)
    return [by_name[name] for name in sorted(by_name)]


def _digest(added: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for file in sorted(added):
        digest.update(file.encode() + hashlib.sha256(added[file]).digest())
    return digest.hexdigest()


def _find(store: RunStore, name: str, base: Package, digest: str) -> Package | None:
    for record in store.list_packages(name):
        try:
            package = Package.load(record.path, version=record.version)
        except PackageError:
            continue  # damaged or deleted
        ours, theirs = package.manifest, base.manifest
        same = (ours.run_id, ours.fingerprint, ours.handlers) == (theirs.run_id, theirs.fingerprint, digest)
        if same and package.sha256 == record.sha256:
            return package
    return None
