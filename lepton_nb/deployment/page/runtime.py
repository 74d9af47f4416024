"""onnxruntime-web: not part of this library, fetched once into the store, or given as a file."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory

from lepton_nb.errors import ArgumentError, DeploymentError
from lepton_nb.runs import home
from lepton_nb.runs.home import private_folder, replacing

_NAME = "onnxruntime-web"
_VERSION = "1.30.0"
_PATIENCE = 300.0  # seconds
_FILES = {
    "ort.js": "package/dist/ort.wasm.bundle.min.mjs",
    "ort.wasm": "package/dist/ort-wasm-simd-threaded.wasm",
}


def runtime_files(given: str | Path | None) -> dict[str, bytes]:
    """The program and the WebAssembly of the runtime.

    Args:
        given: The archive that ``npm pack onnxruntime-web`` writes, which is kept in the store; None takes
            that in the store, and where there is none has npm fetch it.

    Raises:
        ArgumentError: If the file is no such archive.
        DeploymentError: If npm cannot fetch it.
    """
    kept = home() / "runtimes" / f"{_NAME}.tgz"
    if given is not None:
        files = _read(Path(given).expanduser())
        _keep(Path(given).expanduser(), kept)
        return files
    if not kept.is_file():
        with TemporaryDirectory() as folder:
            _keep(_fetch(Path(folder)), kept)
    return _read(kept)


def _keep(archive: Path, kept: Path) -> None:
    if archive.absolute() != kept:
        private_folder(kept.parent)
        with replacing(kept) as file:
            file.write(archive.read_bytes())


def _read(archive: Path) -> dict[str, bytes]:
    try:
        with tarfile.open(archive) as tar:
            found = {name: tar.extractfile(member) for name, member in _FILES.items()}
            return {name: file.read() for name, file in found.items() if file is not None}
    except (OSError, KeyError, tarfile.TarError) as error:
        raise ArgumentError(
            f"{archive} is not {_NAME} as npm packs it: {error}.",
            f"npm pack {_NAME}@{_VERSION} writes the file to give: --runtime {_NAME}-{_VERSION}.tgz",
        ) from None


def _fetch(folder: Path) -> Path:
    npm = shutil.which("npm")
    if npm is None:
        raise _missing("there is no npm here to fetch it")
    command = [npm, "pack", f"{_NAME}@{_VERSION}", "--silent", "--pack-destination", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE, cwd=folder)
    except subprocess.TimeoutExpired:
        raise _missing(f"npm did not fetch it within {_PATIENCE:g} s") from None
    found = next(folder.glob("*.tgz"), None)
    if done.returncode or found is None:
        said = done.stderr.strip().splitlines()
        raise _missing(f"npm cannot fetch it ({said[-1][:120] if said else 'it says nothing'})")
    return found


def _missing(why: str) -> DeploymentError:
    return DeploymentError(
        f"The page needs {_NAME}, once, and {why}.",
        f"Where there is npm and a network: npm pack {_NAME}@{_VERSION}. Then name that file here: "
        f"--runtime {_NAME}-{_VERSION}.tgz",
    )
