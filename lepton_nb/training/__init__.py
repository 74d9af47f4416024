"""The training loop, its settings, and the two functions that start it.

The names load on first use: the settings are read by `%lepton train --help` and by Tab, without torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lepton_nb.training.api import resume, train
    from lepton_nb.training.config import TrainConfig
    from lepton_nb.training.finder import RateSearch, lr_find
    from lepton_nb.training.plan import SchedulePlan, schedule
    from lepton_nb.training.recipes import RECIPES, Recipe

__all__ = [
    "RECIPES",
    "RateSearch",
    "Recipe",
    "SchedulePlan",
    "TrainConfig",
    "lr_find",
    "resume",
    "schedule",
    "train",
]

_MODULES = {
    "RECIPES": "recipes",
    "RateSearch": "finder",
    "Recipe": "recipes",
    "SchedulePlan": "plan",
    "TrainConfig": "config",
    "lr_find": "finder",
    "resume": "api",
    "schedule": "plan",
    "train": "api",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
