"""From the exception of a forward pass to an error that names the layer, the number and the remedy."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from lepton_nb.errors import ModelError, did_you_mean
from lepton_nb.models.blame import CodeLine, line_of
from lepton_nb.models.calling import Inputs, input_tensors
from lepton_nb.models.check.failures import Failure, items_text, label, shape_text, source_text
from lepton_nb.models.check.layers import explain_layer, is_layer
from lepton_nb.models.check.tracing import FailedCall, Trace, tensors_in, traced

_IMPORTS = {
    "F": "import torch.nn.functional as F",
    "nn": "from torch import nn",
    "np": "import numpy as np",
    "torch": "import torch",
}


def explain_forward(
    model: nn.Module, inputs: Inputs, error: Exception, call: Callable[[], Any]
) -> ModelError:
    """The error for a forward pass that raised `error`. Runs the pass once more by `call`, to watch it."""
    if isinstance(error, torch.OutOfMemoryError):
        return ModelError(
            f"{type(model).__name__} needs more memory than the device has, for a batch of "
            f"{len(input_tensors(inputs)[0])}.",
            "Use a smaller --batch-size, smaller inputs or a smaller model.",
        )
    wrong_call = _wrong_call(model, inputs)
    if wrong_call is not None:
        return wrong_call
    with traced(model, input_tensors(inputs)) as trace:
        try:
            call()
        except Exception as again:
            error = again
    return _explain(trace, error)


def _explain(trace: Trace, error: Exception) -> ModelError:
    name, module, args = trace.entered[-1] if trace.entered else ("", trace.model, ())
    failure = Failure(name, module, args, trace, error)
    given = failure.tensor
    if trace.regrouped is not None and given is not None and tuple(given.shape) == trace.regrouped.after:
        return regrouped_error(trace)
    explained = explain_layer(failure)
    if explained is not None:
        return explained
    if trace.failed is not None and trace.failed.line is not None:
        return _functional(trace, trace.failed, error)
    if given is not None and is_layer(module):
        shape = f"{failure.shape(given)}{failure.source(given)}"
        line = line_of(error)
        where = f" at {at(line)}" if line is not None else ""
        return ModelError(f"{failure.label} cannot take {shape}{where}: {first_line(error)}.")
    return explain_code(f"{type(trace.model).__name__}.forward", error, dict(module.named_children()))


def explain_code(what: str, error: Exception, attributes: dict[str, Any] | None = None) -> ModelError:
    """The error for user code that raised: its line, and what went wrong there."""
    line = line_of(error)
    where = f" at {at(line)}" if line is not None else ""
    message = f"{what} fails{where}: {type(error).__name__}: {first_line(error)}"
    return ModelError(message, _code_hint(error, attributes or {}))


def _code_hint(error: Exception, attributes: dict[str, Any]) -> str | None:
    if isinstance(error, NameError) and error.name in _IMPORTS:
        return f"Write {_IMPORTS[error.name]} first."
    if isinstance(error, AttributeError) and error.name and attributes:
        return did_you_mean(error.name, attributes)
    return None


def _wrong_call(model: nn.Module, inputs: Inputs) -> ModelError | None:
    """A `forward` whose parameters do not fit what the data gives."""
    try:
        signature = inspect.signature(model.forward)
    except (TypeError, ValueError):
        return None
    count = len(input_tensors(inputs))
    try:
        signature.bind(*[None] * count)
    except TypeError:
        name = type(model).__name__
        own = vars(type(model)).get("forward")
        if inspect.isfunction(own) and next(iter(inspect.signature(own).parameters), "") != "self":
            written = ", ".join(inspect.signature(own).parameters)
            return ModelError(
                f"{name}.forward({written}) has no self.", f"Write def forward(self, {written or 'x'})."
            )
        takes = ", ".join(signature.parameters) or "nothing"
        shapes = " and ".join(str(tuple(tensor.shape)) for tensor in input_tensors(inputs))
        return ModelError(
            f"{name}.forward takes ({takes}), but the data gives {count} "
            f"input{'s' * (count != 1)}, {shapes}.",
            "Give the other parameters a default, or make the data give them.",
        )
    return None


def _functional(trace: Trace, call: FailedCall, error: Exception) -> ModelError:
    """A torch function called in `forward` that raised."""
    tensors = list(tensors_in(call.args))
    if call.name in ("view", "reshape") and tensors:
        found = _bad_view(trace, call, tensors[0], error)
        if found is not None:
            return found
    shapes = [
        shape_text(tuple(tensor.shape), trace.batch_size) + source_text(trace.origin(tensor))
        for tensor in tensors[:3]
    ]
    given = f" with {' and '.join(shapes)}" if shapes else ""
    return ModelError(f"{at(call.line)} fails{given}: {first_line(error)}.", _functional_hint(str(error)))


def _functional_hint(text: str) -> str | None:
    if "same device" in text or "expected device" in text:
        return "Make new tensors in forward with device=x.device."
    if "contiguous" in text or "view size is not compatible" in text:
        return "Write .reshape(…) or .flatten(1) in place of .view(…)."
    return None


def _bad_view(trace: Trace, call: FailedCall, x: Tensor, error: Exception) -> ModelError | None:
    """``x.view(-1, 2304)`` where an item has another number of values."""
    if x.dim() < 2 or "invalid for input of size" not in str(error):
        return None
    sizes = [size for size in (*call.args[1:], *_flat(call.args[1:])) if isinstance(size, int)]
    shape = tuple(x.shape)
    return ModelError(
        f"{at(call.line)} does not fit {shape_text(shape, trace.batch_size)}{source_text(trace.origin(x))}: "
        f"{_item(shape)}; write x.flatten(1)"
        + _next_linear(trace.model, sizes[-1] if sizes else None, prod(shape[1:]))
    )


def _flat(args: tuple[Any, ...]) -> list[Any]:
    return [item for value in args if isinstance(value, (tuple, list)) for item in value]


def regrouped_error(trace: Trace) -> ModelError:
    """A ``view(-1, n)`` that ran, but mixed the items of the batch."""
    assert trace.regrouped is not None
    before, after, line = trace.regrouped.before, trace.regrouped.after, trace.regrouped.line
    what = at(line) if line is not None else "forward"
    change = f"turns {shape_text(before.shape, trace.batch_size)}{source_text(before)} into {after}"
    return ModelError(
        f"{what} {change} and mixes the items of the batch: {_item(before.shape)}; write x.flatten(1)"
        + _next_linear(trace.model, after[-1], prod(before.shape[1:]))
    )


def _item(shape: tuple[int, ...]) -> str:
    return (
        f"one item has {items_text(shape)} = {prod(shape[1:])} values"
        if len(shape) > 2
        else (f"one item has {prod(shape[1:])} values")
    )


def _next_linear(model: nn.Module, takes: int | None, features: int) -> str:
    """The linear layer that was to follow a flattening, with the features it will get."""
    fitting = [
        (name, module)
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and module.in_features == takes
    ]
    if takes == features or len(fitting) != 1:
        return ""
    name, module = fitting[0]
    return f" and nn.Linear({features}, {module.out_features}) for {label(name, module)}"


def at(line: CodeLine | None) -> str:
    """`` `x = f(x)` (cell 5, line 8) ``."""
    if line is None:
        return "forward"
    return (
        f"`{line.text}` ({line.place}, line {line.number})"
        if line.text
        else f"{line.place}, line {line.number}"
    )


def first_line(error: BaseException) -> str:
    """The first line of what an exception says, without its full stop, at most 200 characters."""
    text = re.sub(r"\s+", " ", str(error).strip().split("\n")[0]).rstrip(".!")
    return text if len(text) <= 200 else text[:199].rstrip(".!") + "…"
