"""A model as exporters want it: tensors in by position, one tensor or a tuple of them out."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from lepton_nb.errors import ModelError
from lepton_nb.models.calling import call_model, named_outputs, scores_of
from lepton_nb.models.preserve import without_gradients
from lepton_nb.signature import Signature


class Positional(nn.Module):
    """A model whose inputs have names, or whose outputs do.

    Args:
        signature: Names its inputs, and the outputs that are wanted of it.
    """

    def __init__(self, model: nn.Module, signature: Signature) -> None:
        super().__init__()
        self.model = model
        self.names = [spec.name for spec in signature.inputs] if signature.by_name else None
        self.outputs = [spec.name for spec in signature.outputs]

    def forward(self, *tensors: Tensor) -> Tensor | tuple[Tensor, ...]:
        inputs = dict(zip(self.names, tensors, strict=True)) if self.names else tensors
        return _chosen(call_model(self.model, inputs), self.outputs)


def positional(model: nn.Module, signature: Signature, example: tuple[Tensor, ...]) -> nn.Module:
    """The model itself where it is such a function already, else one around it.

    Raises:
        ModelError: If it does not give what the signature says.
    """
    wrapped = Positional(model, signature)
    with without_gradients(model):
        inputs = dict(zip(wrapped.names, example, strict=True)) if wrapped.names else example
        output = call_model(model, inputs)
        _chosen(output, wrapped.outputs)
    return model if isinstance(output, Tensor) and not signature.by_name else wrapped


def _chosen(output: Any, names: list[str]) -> Tensor | tuple[Tensor, ...]:
    """The outputs of these names; a single one is the tensor, or the logits, whatever it is called."""
    if len(names) == 1 and isinstance(output, Tensor):
        return output
    named = named_outputs(output)
    if len(names) == 1 and names[0] not in named and isinstance(scores := scores_of(output), Tensor):
        return scores
    missing = [name for name in names if name not in named]
    if missing:
        seen = f"a {type(output).__name__} of {', '.join(named) or 'no tensors'}"
        raise ModelError(
            f"In evaluation mode the model gives {seen}; expected {', '.join(names)}.",
            "Return the same tensors from forward as in training: where self.training is False, too.",
        )
    chosen = tuple(named[name] for name in names)
    return chosen if len(chosen) > 1 else chosen[0]
