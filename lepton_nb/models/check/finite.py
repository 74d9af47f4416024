"""Where the first NaN or infinity comes from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from lepton_nb.batch import Tree, leaves
from lepton_nb.errors import ModelError
from lepton_nb.models.calling import Inputs, as_tree, input_tensors
from lepton_nb.models.check.diagnose import at
from lepton_nb.models.check.failures import label
from lepton_nb.models.check.layers import is_layer
from lepton_nb.models.check.outputs import Case
from lepton_nb.models.check.tracing import traced

_HINT = "What is it given: the log or root of a negative number, a division by zero?"


def check_finite(case: Case, output: Tree) -> None:
    """Raise a `ModelError` that names the first layer with a NaN or infinity, where the output has one."""
    output = next((tensor for tensor in leaves(as_tree(output)) if not _finite(tensor)), None)
    if output is None:
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
    raise ModelError(f"{_place(case.model, case.inputs, _test(output), case.call)} {_kind(output)}.", _HINT)


def first_non_finite(model: nn.Module, inputs: Inputs, call: Callable[[], Any]) -> str | None:
    """Where the first NaN or infinity of a pass comes from, as a clause; None where all stays finite.

    It is looked for in the batch, then in the parameters, then in what each layer gives.

    Args:
        call: Sends the batch through the model once more.
    """
    for tensor in input_tensors(inputs):
        if not _finite(tensor):
            return f"the batch itself holds {_kind(tensor)}"
    for name, parameter in model.named_parameters():
        if not _finite(parameter):
            return f"`{name}` holds {_kind(parameter)} since an earlier step, whose gradient was too large"
    seen: list[Tensor] = []

    def wanted(tensor: Tensor) -> Tensor:
        bad = ~torch.isfinite(tensor)
        if bad.any():
            seen.append(tensor)
        return bad

    place = _place(model, inputs, wanted, call)
    if not seen:
        return None
    return f"{place} {_kind(seen[0])}"


def _place(
    model: nn.Module, inputs: Inputs, wanted: Callable[[Tensor], Tensor], call: Callable[[], Any]
) -> str:
    """The layer, or the line of code, that is the first to give a wanted value: "`fc` is the … to give"."""
    with traced(model, input_tensors(inputs), wanted) as trace:
        call()
    name, line = trace.found or ("", None)
    module = model.get_submodule(name)
    return f"{label(name, module)} is the first layer to give" if is_layer(module) else f"{at(line)} gives"


def _test(output: Tensor) -> Callable[[Tensor], Tensor]:
    return torch.isnan if torch.isnan(output).any() else torch.isinf


def _finite(tensor: Tensor) -> bool:
    return not tensor.is_floating_point() or bool(torch.isfinite(tensor).all())


def _kind(tensor: Tensor) -> str:
    return "NaN" if torch.isnan(tensor).any() else "infinity"
