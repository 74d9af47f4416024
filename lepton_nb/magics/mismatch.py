"""Packages that do not fit each other, in one sentence: what pip mixed, or changed under the kernel."""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, version

from lepton_nb.errors import LeptonError

_WATCHED = ("IPython", "traitlets", "ipywidgets", "anywidget", "numpy", "pandas", "torch", "torchvision")
_SIGNS = ("undefined symbol", "size changed", "does not exist", "cannot import name", "has no attribute")


class MismatchError(LeptonError):
    """Installed packages do not fit each other, or what is in memory."""


def mismatch(error: BaseException) -> MismatchError | None:
    """What is behind an error that such packages lead to; None of any other."""
    text = str(error)
    if isinstance(error, LeptonError) or not (
        isinstance(error, ImportError) or any(sign in text for sign in _SIGNS)
    ):
        return None
    stale = next(((name, *found) for name in _WATCHED if (found := _versions(name)) is not None), None)
    if stale is not None:
        name, loaded, installed = stale
        return MismatchError(
            f"{name} {loaded} is in memory, but {installed} is installed by now.",
            "Restart the kernel (in Colab: Runtime, Restart session), then run the cells again.",
        )
    if "torchvision" in text and not isinstance(error, ModuleNotFoundError):
        pair = " and ".join(f"{name} {_installed(name)}" for name in ("torch", "torchvision"))
        return MismatchError(
            f"{pair} do not belong together: {text.splitlines()[0].rstrip('.')}.",
            "pip install --force-reinstall torch torchvision, in one line, then restart the kernel.",
        )
    return None


def _versions(name: str) -> tuple[str, str] | None:
    """The version that is loaded and the one that is installed, where these are two."""
    loaded = getattr(sys.modules.get(name), "__version__", None)
    installed = _installed(name)
    same = loaded is None or not installed or _plain(str(loaded)) == _plain(installed)
    return None if same else (str(loaded), installed)


def _plain(text: str) -> str:
    """Without the part that names a build, such as ``+cpu``."""
    return text.partition("+")[0]


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
