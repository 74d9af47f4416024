"""Measuring trained models: metrics, figures, the worst mistakes, and runs side by side."""

from lepton_nb.evaluation.api import evaluate
from lepton_nb.evaluation.comparison import Comparison, compare
from lepton_nb.evaluation.result import EvaluationResult, Mistake

__all__ = ["Comparison", "EvaluationResult", "Mistake", "compare", "evaluate"]
