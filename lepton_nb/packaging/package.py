"""`Package`: a checked directory. Reading one needs neither torch nor numpy's pickles."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lepton_nb.errors import PackageError
from lepton_nb.packaging.manifest import FileEntry, Manifest
from lepton_nb.signature import Signature

if TYPE_CHECKING:
    from lepton_nb.packaging.parity import Reference

MANIFEST = "manifest.json"
_LARGE = 1 << 20
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Package:
    """A model ready to be served, as a directory on disk.

    Attributes:
        path: The directory.
        manifest: What is in it.
        signature: What the model takes and gives.
        sha256: Hash of ``manifest.json``, which names the hash of everything else.
        version: Its number among the packages of its name in the store, or None outside a store.
    """

    path: Path
    manifest: Manifest
    signature: Signature
    sha256: str
    version: int | None = None
    _unread: set[str] = field(default_factory=set, repr=False, compare=False)

    @classmethod
    def load(cls, path: str | Path, *, version: int | None = None, lazily: bool = False) -> Package:
        """Open a package and verify every file in it.

        Args:
            lazily: Read large files only once `file` is asked for them: a service starts without looking
                at the forms of the model that it does not run.

        Raises:
            PackageError: If a file is missing, altered, a link, or not named in the manifest.
        """
        root = Path(path)
        text = _read_manifest(root)
        manifest = Manifest.from_json(text)
        unread = {name for name, entry in manifest.files.items() if lazily and entry.size > _LARGE}
        for name, entry in manifest.files.items():
            _verify(root, name, entry, read=name not in unread)
        extra = {item.name for item in root.iterdir()} - set(manifest.files) - {MANIFEST}
        if extra:
            raise PackageError(
                f"The package {root} holds {', '.join(sorted(extra))}, which its manifest does not name."
            )
        try:
            signature = Signature.from_dict(json.loads((root / "signature.json").read_text("utf-8")))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise PackageError(f"The package {root} has no readable signature.json: {error}") from None
        return cls(root, manifest, signature, hashlib.sha256(text.encode()).hexdigest(), version, unread)

    @property
    def name(self) -> str:
        return self.manifest.name

    def file(self, name: str) -> Path:
        """Path of a file the manifest names.

        Raises:
            PackageError: If it names no such file, or the file has been altered.
        """
        if name not in self.manifest.files:
            raise PackageError(f"The package {self.path} has no {name}.")
        if name in self._unread:
            _verify(self.path, name, self.manifest.files[name], read=True)
            self._unread.discard(name)
        return self.path / name

    def read_example(self) -> Reference:
        """A few real inputs, and what the notebook's model answered to them."""
        from safetensors.numpy import load_file

        from lepton_nb.packaging.parity import Reference
        from lepton_nb.tasks import get_task

        arrays = load_file(self.file("example.safetensors"))
        specs = self.signature.outputs
        inputs = tuple(arrays[f"input.{index}"] for index in range(len(self.signature.inputs)))
        outputs = tuple(arrays[output_name(index)] for index in range(len(specs)))
        align = get_task(self.signature.task).codec(self.signature).aligned
        return Reference(inputs, outputs, specs, self.manifest.batchable, align)

    def __repr__(self) -> str:
        version = "" if self.version is None else f" version {self.version}"
        return f"Package({self.name!r}{version}, {', '.join(self.manifest.formats)}, {self.path})"


def output_name(index: int) -> str:
    """What an output is called in ``example.safetensors``."""
    return f"output.{index}" if index else "output"


def describe_file(path: Path) -> FileEntry:
    """Hash and size of a file."""
    digest = hashlib.sha256()
    size = 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return FileEntry(digest.hexdigest(), size)


def _read_manifest(root: Path) -> str:
    path = root / MANIFEST
    if root.is_symlink() or path.is_symlink():
        raise PackageError(f"The package {root} is a link; a package must be a real directory.")
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PackageError(
            f"{root} is not a package: {MANIFEST} cannot be read ({error}).",
            "Build one with %lepton deploy or %lepton export.",
        ) from None


def _verify(root: Path, name: str, entry: FileEntry, *, read: bool) -> None:
    if name != Path(name).name or name in {"", ".", "..", MANIFEST} or "\\" in name:
        raise PackageError(f"The package {root} names a file outside itself: {name!r}.")
    path = root / name
    if path.is_symlink() or not path.is_file():
        raise PackageError(f"The package {root} is incomplete: {name} is missing or a link.")
    # The size first: a swapped huge file is refused without reading it.
    if path.stat().st_size != entry.size or (read and describe_file(path) != entry):
        raise PackageError(
            f"The package {root} is damaged: {name} is not the file that was packaged.",
            "Deploy the run again to build a new package.",
        )
