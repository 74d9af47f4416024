"""A forward pass that failed, in words: the layer, what it was given, and where that came from."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

from torch import Tensor, nn

from lepton_nb.models.capture.imports import is_installed
from lepton_nb.models.check.tracing import Shape, TensorOrigin, Trace, tensors_in
from lepton_nb.models.rendering import constructor


@dataclass(frozen=True)
class Failure:
    """The layer in which a forward pass raised.

    Attributes:
        name: Its dotted name; empty for the model itself.
        module: The layer.
        args: What it was called with.
        trace: The pass up to there.
        error: What was raised.
    """

    name: str
    module: nn.Module
    args: tuple[Any, ...]
    trace: Trace
    error: Exception

    @property
    def label(self) -> str:
        return label(self.name, self.module)

    @property
    def tensor(self) -> Tensor | None:
        """The first tensor the layer was given."""
        return next(tensors_in(self.args), None)

    def shape(self, tensor: Tensor) -> str:
        return shape_text(tuple(tensor.shape), self.trace.batch_size)

    def source(self, tensor: Tensor) -> str:
        """`` from `conv2` ``, or nothing where it is not known."""
        return source_text(self.trace.origin(tensor))

    def from_data(self, tensor: Tensor) -> bool:
        """Whether the tensor is the batch itself, before any layer."""
        origin = self.trace.origin(tensor)
        return origin is not None and not origin.layers

    def fixed(self, **changes: Any) -> str:
        """``; write nn.Linear(…)``: the layer's line with other arguments."""
        return written(self.trace.model, self.name, constructor(self.module, **changes))

    def in_sequential(self) -> bool:
        parent = self.trace.model.get_submodule(self.name.rpartition(".")[0])
        return isinstance(parent, nn.Sequential)


def written(model: nn.Module, name: str, line: str | None) -> str:
    """``; write nn.Linear(…)`` for a layer of the user's own code.

    A layer of a library's model is replaced from outside; one inside its blocks is nobody's to change.
    """
    if not line:
        return ""
    parts = name.split(".") if name else []
    around = [model.get_submodule(".".join(parts[:depth])) for depth in range(len(parts))]
    owners = [module for module in around if type(module).__module__.partition(".")[0] != "torch"]
    if not owners or not is_installed(type(owners[-1]).__module__):
        return f"; write {line}"
    if len(owners) > 1 and is_installed(type(owners[-2]).__module__):
        return ""
    place = "".join(f"[{part}]" if part.isdigit() else f".{part}" for part in parts)
    return f"; write model{place} = {line}"


def label(name: str, module: nn.Module) -> str:
    """`` `fc1` ``; `` `body.3` (Linear) `` where the name is a position; the class for the model itself."""
    if not name:
        return type(module).__name__
    return f"`{name}` ({type(module).__name__})" if name.rpartition(".")[2].isdigit() else f"`{name}`"


def shape_text(shape: Shape, batch_size: int) -> str:
    """``(N, 64, 32, 32)``, with N for the batch."""
    dims = [str(dim) for dim in shape]
    if dims and shape[0] == batch_size:
        dims[0] = "N"
    return f"({', '.join(dims)}{',' if len(dims) == 1 else ''})"


def dtype_text(tensor: Tensor) -> str:
    """``float32``."""
    return str(tensor.dtype).removeprefix("torch.")


def source_text(origin: TensorOrigin | None) -> str:
    if origin is None:
        return ""
    if not origin.layers:
        return " from the data"
    if origin.beside:
        return " from " + " and ".join(f"`{name}`" for name in (origin.layers[0], *origin.beside))
    return " from " + " after ".join(f"`{name}`" for name in origin.layers[:2])


def factors_text(origin: TensorOrigin | None, value: int) -> str:
    """What a number of features is made of: ``64 channels × 32 × 32 from `conv2` ``."""
    source = source_text(origin).strip()
    shape = origin.unflattened if origin is not None else None
    if shape is None or prod(shape[1:]) != value:
        return source
    return f"({items_text(shape)}{' ' + source if source else ''})"


def items_text(shape: Shape) -> str:
    """One item of a batch: ``64 channels × 32 × 32`` for a picture, ``20 × 32`` for a sequence."""
    sizes = [str(size) for size in shape[1:]]
    if len(shape) >= 4:
        sizes[0] += " channel" if shape[1] == 1 else " channels"
    return " × ".join(sizes)
