"""The training loop, its settings, and the two functions that start it."""

from lepton_nb.training.api import resume, train
from lepton_nb.training.config import TrainConfig
from lepton_nb.training.recipes import RECIPES, Recipe

__all__ = ["RECIPES", "Recipe", "TrainConfig", "resume", "train"]
