"""The training loop, its settings, and the two functions that start it.

The names load on first use: the settings are read by `%lepton train --help` and by Tab, without torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lepton_nb.training.api import resume, train
    from lepton_nb.training.config import TrainConfig
    from lepton_nb.training.drawing import SchedulePlan, schedule
    from lepton_nb.training.finder import RateSearch, lr_find
    from lepton_nb.training.folds import Folds, cross_validate
    from lepton_nb.training.recipes import RECIPES, Recipe
    from lepton_nb.training.study import Study, find_study
    from lepton_nb.training.tuning import tune

__all__ = [
    "RECIPES",
    "Folds",
    "RateSearch",
    "Recipe",
    "SchedulePlan",
    "Study",
    "TrainConfig",
    "cross_validate",
    "find_study",
    "lr_find",
    "resume",
    "schedule",
    "train",
    "tune",
]

_MODULES = {
    "Folds": "folds",
    "RECIPES": "recipes",
    "RateSearch": "finder",
    "Recipe": "recipes",
    "SchedulePlan": "drawing",
    "Study": "study",
    "TrainConfig": "config",
    "cross_validate": "folds",
    "find_study": "study",
    "lr_find": "finder",
    "resume": "api",
    "schedule": "drawing",
    "train": "api",
    "tune": "tuning",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
