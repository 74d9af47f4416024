"""Follow a batch through a model: which layer each tensor comes from, and what its shape was on the way."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils.weak import WeakTensorKeyDictionary

from lepton_nb.models.blame import CodeLine, user_line

Shape = tuple[int, ...]


@dataclass(frozen=True)
class TensorOrigin:
    """Where a tensor comes from.

    Attributes:
        layers: Dotted names of the layers that made it, last first; empty where it is the data itself.
        shape: Its shape.
        unflattened: The shape it had before dimensions were merged, where they were.
        beside: Layers whose outputs were concatenated with it.
    """

    layers: tuple[str, ...]
    shape: Shape
    unflattened: Shape | None = None
    beside: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reshape:
    """The operation that changed the length of the first dimension: where the batch got lost."""

    before: TensorOrigin
    after: Shape
    line: CodeLine | None


@dataclass(frozen=True)
class FailedCall:
    """The torch function that raised, outside of any layer."""

    name: str
    args: tuple[Any, ...]
    line: CodeLine | None


@dataclass
class Trace:
    """What a run of a model left behind.

    Attributes:
        model: The model.
        batch_size: Length of the first dimension of the inputs.
        entered: Layers entered and not left, outermost first, as (name, module, tensors and other arguments).
        outputs: What each layer gave, in the order they ended: (name, output).
        regrouped: The operation after which the first dimension was no longer the batch.
        failed: The torch function that raised, if one did.
        wanted: A test of values to look for, such as `torch.isnan`.
        found: The layer and the user's line in which a value first passed it.
    """

    model: nn.Module
    batch_size: int
    entered: list[tuple[str, nn.Module, tuple[Any, ...]]] = field(default_factory=list)
    outputs: list[tuple[str, Any]] = field(default_factory=list)
    regrouped: Reshape | None = None
    failed: FailedCall | None = None
    wanted: Callable[[Tensor], Tensor] | None = None
    found: tuple[str, CodeLine | None] | None = None
    origins: Any = field(default_factory=WeakTensorKeyDictionary)

    def origin(self, tensor: Tensor) -> TensorOrigin | None:
        """Where `tensor` comes from; None for one made on the way, such as a mask."""
        found: TensorOrigin | None = self.origins.get(tensor)
        return found

    def maker(self, value: Any) -> str | None:
        """Name of the layer that gave exactly this object, such as the pair of an LSTM."""
        return next((name for name, output in reversed(self.outputs) if output is value), None)


class _Follow(TorchFunctionMode):
    """Hands the origin of a function's first known tensor on to what it gives."""

    def __init__(self, trace: Trace) -> None:
        super().__init__()
        self.trace = trace

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        trace = self.trace
        try:
            result = func(*args, **(kwargs or {}))
        except Exception:
            if trace.failed is None:
                name = getattr(func, "__name__", str(func))
                values = (*args, *(kwargs or {}).values())
                trace.failed = FailedCall(name, values, user_line(sys._getframe(1)))
            raise
        sources = [origin for tensor in tensors_in(args) if (origin := trace.origin(tensor)) is not None]
        if sources:
            joined = func in (torch.cat, torch.concat, torch.stack)
            beside = tuple(layer for source in sources[1:] for layer in source.layers[:1]) if joined else ()
            for tensor in tensors_in(result):
                origin = passed_on(sources[0], tuple(tensor.shape))
                self._watch_batch(sources[0], origin)
                trace.origins[tensor] = replace(origin, beside=beside) if beside else origin
        self._watch_values(result)
        return result

    def _watch_values(self, result: Any) -> None:
        trace = self.trace
        if trace.wanted is None or trace.found is not None:
            return
        if any(
            tensor.is_floating_point() and bool(trace.wanted(tensor).any()) for tensor in tensors_in(result)
        ):
            trace.found = (trace.entered[-1][0] if trace.entered else "", user_line(sys._getframe(2)))

    def _watch_batch(self, before: TensorOrigin, after: TensorOrigin) -> None:
        trace = self.trace
        same_size = torch.Size(before.shape).numel() == torch.Size(after.shape).numel()
        lost = before.shape[:1] == (trace.batch_size,) and after.shape[:1] != (trace.batch_size,)
        if trace.regrouped is None and lost and same_size and len(after.shape) <= len(before.shape):
            trace.regrouped = Reshape(before, after.shape, user_line(sys._getframe(2)))


def passed_on(source: TensorOrigin, shape: Shape) -> TensorOrigin:
    """The origin of a tensor of `shape` that was made from one of `source`, by something without a name."""
    if shape == source.shape:
        return source
    merged_dims = len(shape) < len(source.shape) and shape[:1] == source.shape[:1]
    if merged_dims and torch.Size(shape).numel() == torch.Size(source.shape).numel():
        return TensorOrigin(source.layers, shape, source.unflattened or source.shape, source.beside)
    return TensorOrigin(source.layers, shape, beside=source.beside)


def tensors_in(value: Any) -> Iterator[Tensor]:
    """The tensors in nested tuples, lists and dicts."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from tensors_in(item)
    elif isinstance(value, dict):
        yield from tensors_in(list(value.values()))


@contextmanager
def traced(
    model: nn.Module, inputs: tuple[Tensor, ...], wanted: Callable[[Tensor], Tensor] | None = None
) -> Iterator[Trace]:
    """Trace what `model` does inside the block, with `inputs` as the data.

    Args:
        wanted: A test of values, such as `torch.isnan`: the trace tells where they first appear.
    """
    trace = Trace(model, len(inputs[0]) if inputs and inputs[0].dim() else 0, wanted=wanted)
    for tensor in inputs:
        trace.origins[tensor] = TensorOrigin((), tuple(tensor.shape))

    with ExitStack() as stack:
        for name, module in model.named_modules():
            entering, leaving = _hooks(trace, name)
            stack.callback(module.register_forward_pre_hook(entering, with_kwargs=True).remove)
            stack.callback(module.register_forward_hook(leaving).remove)
        with _Follow(trace):
            yield trace


def _hooks(trace: Trace, name: str) -> tuple[Callable[..., None], Callable[..., None]]:
    def entering(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        trace.entered.append((name, module, (*args, *kwargs.values())))
        trace.failed = None

    def leaving(module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        # A layer that raised, in code that went on, never left: drop what lies above.
        while trace.entered and trace.entered.pop()[1] is not module:
            pass
        trace.outputs.append((name, output))
        if name:
            _name_output(trace, name, module, args, output)

    return entering, leaving


def _name_output(trace: Trace, name: str, module: nn.Module, args: Any, output: Any) -> None:
    """Call what a layer gave after that layer.

    An activation or dropout hands its input's name on. A layer without parameters that changes the shape,
    such as a pooling, adds its name to it.
    """
    source = next((found for tensor in tensors_in(args) if (found := trace.origin(tensor)) is not None), None)
    plain = next(module.parameters(), None) is None
    for tensor in tensors_in(output):
        shape = tuple(tensor.shape)
        if source is None or not plain:
            trace.origins[tensor] = TensorOrigin((name,), shape)
        elif shape == source.shape or isinstance(module, (nn.Flatten, nn.Unflatten)):
            trace.origins[tensor] = passed_on(source, shape)
        else:
            before = tuple(layer for layer in source.layers if layer != name)
            trace.origins[tensor] = TensorOrigin((name, *before), shape)
