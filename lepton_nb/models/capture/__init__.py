"""The source of a model from the cells that made it, closed over all it needs."""

from lepton_nb.models.capture.cells import assigned_names, statements_of
from lepton_nb.models.capture.closure import Capture, Rule, Scope, capture
from lepton_nb.models.capture.finding import globals_of
from lepton_nb.models.capture.imports import is_installed
from lepton_nb.models.capture.instances import spec_of_call, spec_of_instance, spec_of_models

__all__ = [
    "Capture",
    "Rule",
    "Scope",
    "assigned_names",
    "capture",
    "globals_of",
    "is_installed",
    "spec_of_call",
    "spec_of_instance",
    "spec_of_models",
    "statements_of",
]
