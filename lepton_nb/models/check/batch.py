"""One real batch through a model before anything trains."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from lepton_nb.errors import ModelError
from lepton_nb.models.calling import Inputs, call_model, input_tensors, named_outputs, scores_of
from lepton_nb.models.check.advice import (
    buffer_warnings,
    gradient_warnings,
    order_warning,
    output_warnings,
    unbatched_warning,
)
from lepton_nb.models.check.construction import check_construction
from lepton_nb.models.check.diagnose import explain_forward, first_line
from lepton_nb.models.check.failures import label, written
from lepton_nb.models.check.finite import check_finite
from lepton_nb.models.check.layers import embedding_message
from lepton_nb.models.check.outputs import Case, Loss, check_output
from lepton_nb.models.check.tracing import tensors_in
from lepton_nb.models.label_loss import as_compared
from lepton_nb.models.losses import loss_untouched
from lepton_nb.models.objectives import compares_tensors
from lepton_nb.models.preserve import evaluating, untouched
from lepton_nb.models.rendering import constructor
from lepton_nb.models.seeding import private_rng
from lepton_nb.signature import TensorSpec


@dataclass
class CheckReport:
    """What the batch showed.

    Attributes:
        input_shapes: Shapes of what went in, with the batch dimension.
        outputs: What came out, without the batch dimension.
        loss: The loss of the batch, before any training.
        warnings: What works but is probably not meant, one sentence each.
    """

    input_shapes: list[tuple[int, ...]]
    outputs: tuple[TensorSpec, ...]
    loss: float
    warnings: list[str] = field(default_factory=list)


def check_model(
    model: nn.Module,
    inputs: Inputs,
    target: Tensor,
    *,
    loss: Loss,
    num_classes: int | None = None,
    task: str = "",
    own_loss: bool = False,
) -> CheckReport:
    """Run forward, loss and backward on one batch, and explain what does not fit.

    The model comes out as it went in: buffers (the running means of BatchNorm), gradients, modes and the
    random state are restored. Only lazy layers stay as the batch has shaped them.

    Args:
        model: The model, on the device of the batch.
        inputs: One tensor ``(N, …)`` or a tuple of them; N of at least 2 shows more.
        target: ``(N,)`` class indices, or ``(N, T)`` values.
        loss: Called as ``loss(preds, target)``.
        num_classes: Classes of the data; None for regression, or where it is not known.
        task: Name of the task; empty where it is not known.
        own_loss: Whether the loss is the user's; such a one, or a task's own, alone knows what it compares.

    Raises:
        ModelError: If the model cannot train on this batch, with the reason and the remedy.
    """
    check_construction(model, inputs)
    own_loss = own_loss or not compares_tensors(loss)
    model = getattr(model, "_orig_mod", model)  # what torch.compile wraps: a check must not compile
    case = Case(model, inputs, target, loss, num_classes, task, own_loss)
    _materialise(case)
    with untouched(model), loss_untouched(loss), torch.enable_grad():
        model.train()
        with _watched(model, inputs) as warnings:
            returned, output = _given(case, warnings)
        check_finite(case, output)
        value = _loss(case, output if compares_tensors(loss) or not own_loss else returned)
        _backward(case, value)
        if isinstance(output, Tensor):
            warnings += output_warnings(output, loss)
        warnings += [*gradient_warnings(model), *buffer_warnings(model)]
    shapes = [tuple(tensor.shape) for tensor in input_tensors(inputs)]
    return CheckReport(shapes, output_specs(output), float(value.detach()), warnings)


def outputs_of(model: nn.Module, inputs: Inputs) -> tuple[TensorSpec, ...] | None:
    """What a model gives for a batch; None where it fails, which `check_model` then explains.

    The model comes out as it went in, except that lazy layers stay as the batch has shaped them.
    """
    model = getattr(model, "_orig_mod", model)
    try:
        if any(is_lazy(parameter) for parameter in model.parameters()):
            with evaluating(model), private_rng(), torch.no_grad():
                return output_specs(scores_of(call_model(model, inputs)))
        with untouched(model), evaluating(model), torch.no_grad():
            return output_specs(scores_of(call_model(model, inputs)))
    except Exception:
        return None


def gives_one_number(outputs: tuple[TensorSpec, ...] | None) -> bool:
    """Whether a model gives one number an item, ``(N,)`` or ``(N, 1)``: of two classes, how likely one is."""
    return outputs is not None and len(outputs) == 1 and outputs[0].shape in ((), (1,))


def output_specs(output: Any) -> tuple[TensorSpec, ...]:
    """What a model gives, by name; short decimals are answered as float32, which numpy and JSON know."""

    def dtype(tensor: Tensor) -> str:
        short = tensor.is_floating_point() and tensor.element_size() < 4
        return "float32" if short else str(tensor.dtype).removeprefix("torch.")

    return tuple(
        TensorSpec(name, dtype(part), tuple(part.shape[1:])) for name, part in named_outputs(output).items()
    )


def _given(case: Case, warnings: Sequence[str]) -> tuple[Any, Any]:
    """What the model returned, and of it what is compared.

    A batch that a recurrent layer takes for time comes out in a shape that says nothing of the cause.
    """
    try:
        returned = _forward(case)
        return returned, check_output(case, returned)
    except ModelError as error:
        if not warnings:
            raise
        hint = f"{warnings[0].rstrip('.')}; the last step is then out[:, -1]."
        raise ModelError(error.message, hint) from error


def _forward(case: Case) -> Any:
    try:
        return case.call()
    except ModelError:
        raise
    except Exception as error:
        raise explain_forward(case.model, case.inputs, error, case.call) from error


def _materialise(case: Case) -> None:
    """Let lazy layers take their shapes from the batch."""
    if not any(is_lazy(parameter) for parameter in case.model.parameters()):
        return
    modes = [(module, module.training) for module in case.model.modules()]
    case.model.eval()
    try:
        with private_rng(), torch.no_grad():
            _forward(case)
    finally:
        for module, training in modes:
            module.training = training


@contextmanager
def _watched(model: nn.Module, inputs: Inputs) -> Iterator[list[str]]:
    """Look at what goes into the layers whose mistakes raise nothing, or kill a GPU's process."""
    warnings: list[str] = []
    batch_size = len(input_tensors(inputs)[0])

    with ExitStack() as stack:
        for name, module in model.named_modules():
            if isinstance(module, (nn.Embedding, nn.RNNBase)) or hasattr(module, "batch_first"):
                hook = _watch(model, name, batch_size, warnings)
                stack.callback(module.register_forward_pre_hook(hook, with_kwargs=True).remove)
        yield warnings


def _watch(model: nn.Module, name: str, batch_size: int, warnings: list[str]) -> Any:
    def look(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        x = next(tensors_in([*args, *kwargs.values()]), None)
        if x is None:
            return
        if isinstance(module, nn.Embedding):
            # On a GPU an index out of range ends the process, so look first.
            if x.dtype in (torch.int64, torch.int32):
                found = embedding_message(
                    label(name, module),
                    module,
                    x,
                    lambda **changes: written(model, name, constructor(module, **changes)),
                )
                if found is not None:
                    raise ModelError(found)
            return
        for warning in (order_warning, unbatched_warning):
            text = warning(name, module, x, batch_size)
            if text is not None and text not in warnings:
                warnings.append(text)

    return look


def _loss(case: Case, output: Any) -> Tensor:
    name = (
        type(case.loss).__name__
        if isinstance(case.loss, nn.Module)
        else getattr(case.loss, "__name__", "loss")
    )
    try:
        value = case.loss(output, as_compared(case.loss, case.target))
    except ModelError:
        raise
    except Exception as error:
        preds, target = f"the output {case.shown(output)}", f"the target {case.shown(case.target)}"
        raise ModelError(f"{name} cannot compare {preds} with {target}: {first_line(error)}.") from error
    if not isinstance(value, Tensor) or value.numel() != 1:
        what = f"a tensor {tuple(value.shape)}" if isinstance(value, Tensor) else f"a {type(value).__name__}"
        raise ModelError(f"{name} gives {what}, not one number.", 'Use reduction="mean".')
    if not torch.isfinite(value):
        raise ModelError(
            f"{name} gives {float(value)} for an output without one.", "Look for a log or a division in it."
        )
    return value


def _backward(case: Case, value: Tensor) -> None:
    if not value.requires_grad:
        raise ModelError(
            f"The loss does not depend on the weights of {case.name}: forward cuts the gradient.",
            "Take .detach(), .data, .item(), torch.no_grad() and torch.tensor(x) out of forward.",
        )
    try:
        torch.autograd.backward(value)
    except Exception as error:
        if "inplace operation" in str(error):
            raise ModelError(
                f"{case.name}.forward changes in place a tensor that the gradient needs.",
                "Write x = x + y for x += y, and nn.ReLU() for nn.ReLU(inplace=True).",
            ) from error
        raise ModelError(f"The gradient of {case.name} fails: {first_line(error)}.") from error
