"""Whether a model built again from its captured source answers as the model itself."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from lepton_nb.models.calling import Inputs, call_model, home_of
from lepton_nb.models.check.diagnose import first_line
from lepton_nb.models.check.tracing import tensors_in
from lepton_nb.models.preserve import evaluating, untouched
from lepton_nb.models.seeding import private_rng
from lepton_nb.models.spec import ModelSpec


def rebuilding_fault(spec: ModelSpec, model: nn.Module, inputs: Inputs) -> str | None:
    """Why a model built again would not stand in for `model`; None where it gives the same answers.

    It is built without memory for weights of its own where that works, and takes the tensors of `model`. The
    model comes out as it went in.

    Args:
        spec: How to build it.
        model: With weights of any value.
        inputs: A few items, on the model's device.
    """
    model = getattr(model, "_orig_mod", model)  # what torch.compile wraps: a look must not compile
    with untouched(model), private_rng(), torch.no_grad():
        try:
            expected = _answers(model, inputs)
        except Exception:
            return None  # its validation will say so, with the line
        try:
            if _alike(_answers(_on_meta(spec, model), inputs), expected):
                return None
        except Exception:
            pass  # many a constructor computes with values, which needs real memory
        try:
            given = _answers(_in_memory(spec, model), inputs)
        except Exception as error:
            return f"built again from its source, it fails: {first_line(error)}"
        if _alike(given, expected) or not _alike(_answers(model, inputs), expected):
            return None  # one that answers otherwise each time cannot be judged
    return "built again from its source, it gives other answers"


def _on_meta(spec: ModelSpec, model: nn.Module) -> nn.Module:
    with torch.device("meta"):
        rebuilt = _unwrapped(spec)
    rebuilt.load_state_dict(model.state_dict(), assign=True)
    return rebuilt


def _in_memory(spec: ModelSpec, model: nn.Module) -> nn.Module:
    rebuilt = _unwrapped(spec)
    rebuilt.load_state_dict(model.state_dict())
    device = home_of(model)
    return rebuilt.to(device)


def _unwrapped(spec: ModelSpec) -> nn.Module:
    rebuilt = spec.build()
    inner: nn.Module = getattr(rebuilt, "_orig_mod", rebuilt)
    return inner


def _answers(model: nn.Module, inputs: Inputs) -> list[Tensor]:
    torch.manual_seed(0)
    with evaluating(model):
        output: Any = call_model(model, inputs)
    return list(tensors_in([output]))


def _alike(given: list[Tensor], expected: list[Tensor]) -> bool:
    return len(given) == len(expected) and all(
        a.shape == b.shape and torch.allclose(a.double(), b.double(), rtol=1e-4, atol=1e-5, equal_nan=True)
        for a, b in zip(given, expected, strict=True)
    )
