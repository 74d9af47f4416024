"""Trying a step of the user's on one real batch, before anything trains: does it fit, and what is served?"""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from lepton_nb.batch import Batch, Tree, leaves, rows
from lepton_nb.data import DataBundle
from lepton_nb.errors import LeptonError, ModelError
from lepton_nb.models.calling import call_model
from lepton_nb.models.check.batch import output_specs
from lepton_nb.models.losses import loss_untouched, own_name
from lepton_nb.models.preserve import evaluating, untouched
from lepton_nb.models.seeding import private_rng
from lepton_nb.models.several import first_of
from lepton_nb.models.stepping import StepObjective
from lepton_nb.signature import Signature, TensorSpec
from lepton_nb.tasks.generic import Generic


@dataclass(frozen=True)
class Served:
    """How the model was called within the step: what a service of it takes and gives.

    Attributes:
        inputs: As for `call_model`; None where the step does not call the model itself.
    """

    inputs: Tree | None
    outputs: tuple[TensorSpec, ...]


def try_step(network: nn.Module, objective: StepObjective, batch: Batch, *, measures: bool) -> Served:
    """Run the step once for training and once to measure; the model comes out as it went in.

    Args:
        measures: Whether there is a validation split, which the step is to measure in evaluation mode.

    Raises:
        ModelError: If it fails, or gives no loss that can be trained.
    """
    if any(is_lazy(parameter) for parameter in network.parameters()):
        with private_rng(), evaluating(network):
            _explained(objective, network, batch)
    with untouched(network), loss_untouched(objective.step), torch.enable_grad():
        network.train()
        loss = _explained(objective.trained, network, batch)
        _check(objective, network, loss)
    with untouched(network), loss_untouched(objective.step), evaluating(network), torch.no_grad():
        try:
            _explained(objective, network, batch)
        except ModelError as error:
            if not measures:
                return Served(None, ())
            hint = "It is in evaluation mode here: see model.training in the step, or leave --val out."
            raise ModelError(f"{error.message} ({error.hint})", hint) from error
        return _served(network, objective, batch)


def _explained(objective: Callable[..., Any], network: nn.Module, batch: Batch) -> Tensor:
    """The loss; what the user's step raises is told with its line."""
    try:
        loss: Tensor = objective(network, batch)[0]
    except LeptonError:
        raise
    except Exception as error:
        frames = [f for f in traceback.extract_tb(error.__traceback__) if "site-packages" not in f.filename]
        frames = [f for f in frames if "lepton_nb" not in f.filename] or frames
        place = f" in {frames[-1].name}, line {frames[-1].lineno}: {frames[-1].line}" if frames else ""
        said = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelError(
            f"Your step fails on the first batch{place}", f"{type(error).__name__}: {said}"
        ) from error
    return loss


def _check(objective: StepObjective, network: nn.Module, loss: Tensor) -> None:
    name = own_name(objective.step)
    if not torch.isfinite(loss):
        raise ModelError(
            f"Your step {name} gives {float(loss)} on the first batch.", "Look for a log or a division in it."
        )
    if objective.moves:
        return
    if not loss.requires_grad:
        raise ModelError(
            f"The loss of your step {name} does not depend on the weights of {type(network).__name__}.",
            "Call the model in it, without .detach(), .item() or torch.no_grad() on the way to the loss.",
        )
    try:
        torch.autograd.backward(loss)
    except RuntimeError as error:
        raise ModelError(
            f"The gradient of your step {name} fails: {str(error).splitlines()[0]}",
            "A step that goes backward itself takes the optimizers: def step(model, batch, optimizers).",
        ) from error


def _served(network: nn.Module, objective: StepObjective, batch: Batch) -> Served:
    model = first_of(network)
    if objective.call is None:
        try:
            return Served(batch.inputs, output_specs(call_model(model, batch.inputs)))
        except Exception:
            return Served(None, ())
    args, kwargs, output = objective.call
    inputs = _as_inputs(model, args, kwargs)
    return Served(inputs, output_specs(output))


def _as_inputs(model: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Tree | None:
    """The tensors of a call, as `call_model` takes them; None where there are other things among them."""
    if not kwargs:
        given = args
        while given and given[-1] is None:
            given = given[:-1]
        whole = bool(given) and all(isinstance(part, Tensor) for part in given)
        return (given[0] if len(given) == 1 else given) if whole else None
    named = inspect.signature(model.forward).bind_partial(*args, **kwargs).arguments
    named = {name: value for name, value in {**named, **named.pop("kwargs", {})}.items() if value is not None}
    return named if named and all(isinstance(value, Tensor) for value in named.values()) else None


def for_step(
    bundle: DataBundle, served: Served, batch: Batch
) -> tuple[DataBundle, tuple[Tensor, ...] | None]:
    """The data with the signature of what is served, and a few inputs of it.

    Returns:
        The data as they are, and None, where the step calls the model with their inputs; no inputs where
        nobody knows them.
    """
    if served.inputs is None:
        return bundle, ()
    known = batch.inputs is not getattr(batch, "whole", None)
    if known and _same(served.inputs, batch.inputs):
        return bundle, None
    by_name = isinstance(served.inputs, Mapping)
    tensors = list(leaves(served.inputs))
    names = list(served.inputs) if by_name else [f"input_{index}" for index in range(len(tensors))]
    specs = tuple(
        TensorSpec(name, str(tensor.dtype).removeprefix("torch."), tuple(tensor.shape[1:]))
        for name, tensor in zip(names if len(tensors) > 1 or by_name else ["inputs"], tensors, strict=True)
    )
    output, target = bundle.signature.output, {"name": "target"}
    signature = Signature(Generic.name, specs, output, target=target, by_name=by_name)
    return replace(bundle, signature=signature), few_of(served.inputs)


def _same(ours: Tree, theirs: Tree) -> bool:
    """Whether two trees hold the same tensors, under the same names."""
    named = isinstance(ours, Mapping) == isinstance(theirs, Mapping)
    left, right = list(leaves(ours)), list(leaves(theirs))
    if not named or len(left) != len(right) or not all(isinstance(part, Tensor) for part in right):
        return False
    if isinstance(ours, Mapping) and list(ours) != list(theirs):
        return False
    return all(
        a.shape == b.shape and a.dtype == b.dtype and torch.equal(a, b)
        for a, b in zip(left, right, strict=True)
    )


def few_of(inputs: Tree, most: int = 8) -> tuple[Tensor, ...]:
    """The first items of inputs, on the CPU, by position."""
    count = min(most, rows(inputs))
    return tuple(tensor[:count].detach().cpu().contiguous().clone() for tensor in leaves(inputs))
