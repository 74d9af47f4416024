"""Handlers: the typed functions of a ``%%lepton service`` cell as routes around a deployed model.

The notebook reads signatures with this package to refuse a bad cell at once; the handler process of a service
uses it to answer requests. It needs neither torch nor IPython.
"""

from __future__ import annotations

from lepton_nb.handlers.inputs import Audio
from lepton_nb.handlers.model import Model, ModelCallError

__all__ = ["Audio", "Model", "ModelCallError"]
