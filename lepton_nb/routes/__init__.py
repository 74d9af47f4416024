"""Routes: the typed functions of a ``%%lepton service`` cell, around a deployed model.

The notebook reads signatures with this package to refuse a bad cell at once; a process of their own runs
them, and the front of the service asks it over a channel. Neither torch nor IPython is needed; the front,
which has no numpy either, loads `front` alone.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lepton_nb.routes.inputs import Audio
    from lepton_nb.routes.model import Model, ModelCallError

__all__ = ["Audio", "Model", "ModelCallError"]

_HOMES = {"Audio": "inputs", "Model": "model", "ModelCallError": "model"}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
