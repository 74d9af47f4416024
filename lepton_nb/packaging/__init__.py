"""Packages: the one thing that crosses from training to serving.

Names load on first use: the serving process opens packages, and must not import what builds them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from lepton_nb.packaging.manifest import Format, Manifest
from lepton_nb.packaging.package import Package

if TYPE_CHECKING:
    from lepton_nb.packaging.build import build_package
    from lepton_nb.packaging.example import keep_example
    from lepton_nb.packaging.restore import load_data, load_loss, load_model

_LAZY = {
    "build_package": "build",
    "keep_example": "example",
    "load_data": "restore",
    "load_loss": "restore",
    "load_model": "restore",
}

__all__ = [
    "Format",
    "Manifest",
    "Package",
    "build_package",
    "keep_example",
    "load_data",
    "load_loss",
    "load_model",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
