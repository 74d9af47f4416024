"""Where the first NaN or infinity comes from."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from lepton_nb.errors import ModelError
from lepton_nb.models.calling import call_model, input_tensors
from lepton_nb.models.check.diagnose import at
from lepton_nb.models.check.failures import label
from lepton_nb.models.check.layers import is_layer
from lepton_nb.models.check.outputs import Case
from lepton_nb.models.check.tracing import traced

_HINT = "What is it given: the log or root of a negative number, a division by zero?"


def check_finite(case: Case, output: Tensor) -> None:
    """Raise a `ModelError` that names the first layer with a NaN or infinity, where the output has one."""
    if torch.isfinite(output).all():
        return
    for tensor in input_tensors(case.inputs):
        if not _finite(tensor):
            raise ModelError(
                f"The batch itself holds {_kind(tensor)}.", "Clean the data: fill or drop such values."
            )
    for name, parameter in case.model.named_parameters():
        if not _finite(parameter):
            raise ModelError(
                f"`{name}` holds {_kind(parameter)} before any training.",
                "Build the model anew; an earlier training diverged, or an initialisation divides by zero.",
            )
    with traced(case.model, input_tensors(case.inputs), _test(output)) as trace:
        call_model(case.model, case.inputs)
    name, line = trace.found or ("", None)
    module = case.model.get_submodule(name)
    if is_layer(module):
        raise ModelError(f"{label(name, module)} is the first layer to give {_kind(output)}.", _HINT)
    raise ModelError(f"{at(line)} gives {_kind(output)}.", _HINT)


def _test(output: Tensor) -> Callable[[Tensor], Tensor]:
    return torch.isnan if torch.isnan(output).any() else torch.isinf


def _finite(tensor: Tensor) -> bool:
    return not tensor.is_floating_point() or bool(torch.isfinite(tensor).all())


def _kind(tensor: Tensor) -> str:
    return "NaN" if torch.isnan(tensor).any() else "infinity"
