"""What has to be installed to serve a package, pinned to what it was made and checked with."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version

from lepton_nb.packaging.manifest import Format

# Pillow too: every task's codec is imported to find the one that is needed.
_SERVER = (
    "httptools",
    "numpy",
    "orjson",
    "pillow",
    "prometheus-client",
    "pysimdjson",
    "safetensors",
    "starlette",
    "uvicorn",
    "uvloop",
)
_FORMAT: dict[Format, tuple[str, ...]] = {"onnx": ("onnxruntime",), "pt2": ("torch",), "source": ("torch",)}


def serving_requirements(formats: Iterable[Format], of_codec: Iterable[str], own: Iterable[str]) -> list[str]:
    """Pinned requirement lines for serving in the first of `formats`.

    Args:
        formats: How the package can be run, the preferred way first.
        of_codec: Distributions that reading the inputs and writing the answers needs.
        own: Distributions the captured source imports; needed only where the source is run.
    """
    first = next(iter(formats))
    names = {*_SERVER, *_FORMAT[first], *of_codec, *(own if first == "source" else ())}
    return [pin(name) for name in sorted(names, key=str.lower)]


def pin(requirement: str) -> str:
    """``name==version`` as installed here; as it is where it is pinned, or not installed by that name."""
    try:
        # A local part such as +cpu names a build that other machines may not find.
        return f"{requirement}=={version(requirement).split('+')[0]}"
    except PackageNotFoundError:
        return requirement


def installed_versions() -> dict[str, str]:
    """Versions of Python and of the libraries that shape a package."""
    versions = {"python": platform.python_version()}
    for name in ("lepton-nb", "torch", "torchvision", "onnx", "onnxscript", "onnxruntime", "numpy"):
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions
