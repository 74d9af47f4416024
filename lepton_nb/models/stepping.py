"""A training step of the user's own, in place of ``loss(model(inputs), target)``.

``step(model, batch)`` gives a loss, or a dict of a ``loss`` and of numbers to log; the loop goes backward and
moves the weights. ``step(model, batch, optimizers)`` does both itself, as for a GAN. To measure, the same
step is run without moving anything: of one that goes backward itself, with optimizers that stand still.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from lepton_nb.batch import Batch, Tree
from lepton_nb.errors import ModelError
from lepton_nb.models.losses import own_name
from lepton_nb.models.seeding import private_rng
from lepton_nb.models.several import first_of

_RETURN = 'Return the loss, or a dict such as {"loss": loss, "kl": kl}.'


def moves_itself(step: Callable[..., Any]) -> bool:
    """Whether a step takes the optimizers, and so moves the weights itself."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = inspect.signature(step).parameters.values()
    needed = [p for p in parameters if p.kind in kinds and p.default is inspect.Parameter.empty]
    return len(needed) >= 3


class StepObjective:
    """The user's step as an `Objective`: ``(loss, outputs)`` of a batch.

    Args:
        step: The user's.
        optimizers: What a step that moves the weights itself is handed.

    Attributes:
        moves: Whether the step goes backward and moves the weights itself.
        moving: Whether it may, just now; else everything stays as it is.
        makes_graphs: Whether it needs gradients even where it only measures.
        logs: The numbers beside the loss, of the last batch.
        items: How many items it had.
        call: The arguments and the output of the first call of the model in it, where that was watched.
    """

    def __init__(self, step: Callable[..., Any], optimizers: Any = None) -> None:
        self.step, self.optimizers = step, optimizers
        self.moves = moves_itself(step)
        self.moving = False
        self.makes_graphs = self.moves
        self._tried = self.moves
        self.items = 0
        self.logs: dict[str, Tensor | float] = {}
        self.call: tuple[tuple[Any, ...], dict[str, Any], Any] | None = None

    def __call__(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Tree]:
        if self.moving or (model.training and not self.moves):
            return self._run(model, batch, self.optimizers), None
        if not self._tried:
            self._try(model, batch)
        with self._watched(model), self._still(model):
            loss = self._run(model, batch, standing_still(self.optimizers))
        return loss, self.output

    @property
    def output(self) -> Tree:
        """What the model gave where its call was watched; None without one."""
        return None if self.call is None else self.call[2]

    def trained(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Tree]:
        """A step as in training, of which nothing moves."""
        with self._still(model):
            return self._run(model, batch, standing_still(self.optimizers)), None

    def _try(self, model: nn.Module, batch: Batch) -> None:
        """See whether the step can do without gradients; a penalty on them, say, cannot."""
        self._tried = True
        with private_rng():
            try:
                self._run(model, batch, None)
            except RuntimeError as error:
                self.makes_graphs = "does not require grad" in str(error)

    def _run(self, model: nn.Module, batch: Batch, optimizers: Any) -> Tensor:
        given, self.items = getattr(batch, "whole", batch), batch.items
        return self._taken(self.step(model, given, optimizers) if self.moves else self.step(model, given))

    def _taken(self, found: Any) -> Tensor:
        """The loss of what the step returned; the rest of it is kept to be logged."""
        self.logs = {}
        if isinstance(found, Mapping):
            self.logs = {str(name): _number(name, value) for name, value in found.items() if name != "loss"}
            found = found.get("loss")
        if self.moves and isinstance(found, int | float):
            found = torch.tensor(float(found))
        if not isinstance(found, Tensor) or found.numel() != 1:
            seen = f"a tensor {tuple(found.shape)}" if isinstance(found, Tensor) else f"{found!r}"
            raise ModelError(f"Your step {own_name(self.step)} gives {seen} as its loss, no number.", _RETURN)
        return found.reshape(())

    @contextmanager
    def _still(self, model: nn.Module) -> Iterator[None]:
        """A step that goes backward finds gradients to go back along, and leaves none."""
        graphs = self.makes_graphs
        kept = [(parameter, parameter.grad) for parameter in model.parameters()] if graphs else []
        for parameter, _ in kept:
            parameter.grad = None
        try:
            with torch.enable_grad() if graphs else nullcontext():
                yield
        finally:
            for parameter, gradient in kept:
                parameter.grad = gradient

    @contextmanager
    def _watched(self, model: nn.Module) -> Iterator[None]:
        self.call = None

        def note(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
            if self.call is None:
                self.call = (args, kwargs, output)

        handle = first_of(model).register_forward_hook(note, with_kwargs=True)
        try:
            yield
        finally:
            handle.remove()


def _number(name: Any, value: Any) -> Tensor | float:
    if isinstance(value, Tensor) and value.numel() == 1:
        return value.detach().reshape(())
    if isinstance(value, int | float):
        return float(value)
    seen = f"a tensor {tuple(value.shape)}" if isinstance(value, Tensor) else f"a {type(value).__name__}"
    raise ModelError(
        f"The step's {name!r} is {seen}; what is logged beside the loss is one number each.",
        "Log its .mean(), or leave it out.",
    )


class Still:
    """An optimizer that a step may call, and that moves nothing."""

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self._optimizer = optimizer

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        return None if closure is None else closure()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._optimizer, name)


def standing_still(optimizers: Any) -> Any:
    """The optimizers, in their form, as ones that move nothing."""
    if isinstance(optimizers, Mapping):
        return {name: Still(part) for name, part in optimizers.items()}
    if isinstance(optimizers, list | tuple):
        return type(optimizers)(Still(part) for part in optimizers)
    return None if optimizers is None else Still(optimizers)
