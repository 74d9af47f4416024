"""A loss of the user's: made from what they gave, and remembered as plain JSON so that a run resumes with it.

A loss of ``torch.nn`` without tensors in it is described by class and arguments and made again. Anything else
is only named, and `resume` then asks for it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from torch import nn

from lepton_nb.errors import ArgumentError, TrainingError, did_you_mean
from lepton_nb.models.objectives import ModelLoss

_PLAIN = (bool, int, float, str, type(None))


def make_loss(loss: Any) -> Callable[..., Any]:
    """The loss that the user means: a callable as it is; a class, a partial, a name of torch.nn is made.

    Raises:
        ArgumentError: If it is none of these.
    """
    if isinstance(loss, str):
        return _named(loss)
    if isinstance(loss.func if isinstance(loss, partial) else loss, type):
        return _made(loss)
    if callable(loss):
        own: Callable[..., Any] = loss
        return own
    raise ArgumentError(
        f"The loss is a {type(loss).__name__}; expected a callable loss(preds, target).",
        "For example nn.CrossEntropyLoss()",
    )


def own_name(value: Any) -> str:
    """What people call an object: its function's name, its class, or the name it was given by."""
    if isinstance(value, partial):
        return own_name(value.func)
    return value if isinstance(value, str) else str(getattr(value, "__name__", type(value).__name__))


def describe_loss(loss: Callable[..., Any] | None) -> dict[str, Any] | None:
    """Class and arguments of a loss of ``torch.nn`` without tensors in it; of another its name alone."""
    if loss is None or isinstance(loss, ModelLoss):  # what the model computes itself comes back with it
        return None
    kind = type(loss)
    described: dict[str, Any] = {"class": own_name(loss), "kwargs": None}
    if isinstance(loss, nn.Module) and getattr(nn, kind.__name__, None) is kind and not loss.state_dict():
        described["kwargs"] = plain_arguments(kind, vars(loss))
    return described


def make_loss_again(described: dict[str, Any], run: str) -> nn.Module:
    """The loss that `describe_loss` described.

    Raises:
        TrainingError: If only the user can make it.
    """
    require_arguments(described, "loss", run)
    loss: nn.Module = getattr(nn, described["class"])(**described["kwargs"])
    return loss


def loss_parameters(loss: Any, model: nn.Module) -> list[nn.Parameter]:
    """What of the loss itself is to be trained, such as a temperature, and is no part of the model."""
    if not isinstance(loss, nn.Module):
        return []
    known = {id(parameter) for parameter in model.parameters()}
    return [p for p in loss.parameters() if p.requires_grad and id(p) not in known]


@contextmanager
def loss_untouched(loss: Any) -> Iterator[None]:
    """Put back what a trial pass changes in a loss: its parameters, buffers and gradients."""
    if not isinstance(loss, nn.Module) or not loss.state_dict():
        yield
        return
    before = {name: value.detach().clone() for name, value in loss.state_dict().items()}
    gradients = [(parameter, parameter.grad) for parameter in loss.parameters()]
    for parameter, _ in gradients:
        parameter.grad = None
    try:
        yield
    finally:
        loss.load_state_dict(before)
        for parameter, gradient in gradients:
            parameter.grad = gradient


def plain_arguments(kind: type, values: Any) -> dict[str, Any] | None:
    """The constructor's arguments found in `values`; None where one is no plain value."""
    names = [name for name in inspect.signature(kind).parameters if name in values and name != "params"]
    found = {name: values[name] for name in names}
    plain = all(
        isinstance(value, _PLAIN)
        or (isinstance(value, tuple) and all(isinstance(part, _PLAIN) for part in value))
        for value in found.values()
    )
    return found if plain else None


def require_arguments(described: dict[str, Any], what: str, run: str) -> None:
    """Refuse to make again what was only named.

    Raises:
        TrainingError: With the line that gives it again.
    """
    if described["kwargs"] is None:
        raise TrainingError(
            f"Run {run} used your own {what} ({described['class']}), which cannot be made again from disk.",
            f"Give it again: %lepton resume {run} --{what} VARIABLE",
        )


def _named(name: str) -> Callable[..., Any]:
    short = name.removesuffix("()").removeprefix("torch.").removeprefix("nn.")
    kind = getattr(nn, short, None)
    if not (isinstance(kind, type) and issubclass(kind, nn.Module) and short.endswith("Loss")):
        known = [known for known in dir(nn) if known.endswith("Loss")]
        raise ArgumentError(f"torch.nn has no loss {name!r}.", _how_to_name(short, known))
    return _made(kind)


def _how_to_name(short: str, known: list[str]) -> str:
    kind, with_arguments, _ = short.partition("(")
    if with_arguments and kind in known:
        return f"With arguments make it yourself, loss = nn.{short}, and pass it: --loss loss"
    return did_you_mean(kind, known) or "For example CrossEntropyLoss, or a variable."


def _made(kind: Callable[[], Any]) -> Callable[..., Any]:
    try:
        loss: Callable[..., Any] = kind()
    except TypeError as error:
        raise ArgumentError(
            f"The loss {own_name(kind)} cannot be made so: {error}.",
            f"Make it yourself, loss = {own_name(kind)}(…), and pass it: --loss loss",
        ) from error
    return loss
