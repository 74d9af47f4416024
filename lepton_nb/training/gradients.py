"""The gradients of one step: forward and backward, in smaller pieces where whole batches do not fit."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import nn

from lepton_nb.batch import Batch, Given, cut
from lepton_nb.errors import TrainingError
from lepton_nb.models.objectives import Objective
from lepton_nb.models.stepping import StepObjective
from lepton_nb.runs import Run
from lepton_nb.training.group import ALONE, Group
from lepton_nb.training.optimizers import forget_gradients


class NonFiniteLossError(Exception):
    """The loss is NaN or infinite, or a gradient where these are checked. The weights have not moved.

    Attributes:
        value: The loss.
        batch: What it is the loss of.
    """

    def __init__(self, value: float, batch: Batch) -> None:
        super().__init__(value)
        self.value = value
        self.batch = batch


_SMALLER = "Take a smaller batch_size, --precision bf16, or --device cpu."


class Gradients:
    """Adds the gradients of batches to the parameters.

    The loss is read back between forward and backward. There the device has nothing to do but the backward
    pass that is about to be launched, and a loss that is not finite is noticed before it costs a weight.

    Args:
        run: Hears when the memory did not do.
        objective: Gives the loss of a batch: the mean over its items.
        autocast: Context of the forward pass; entered again and again.
        group: Who trains with us: a loss that is not finite, and memory that does not do, are theirs, too.
        revocable: Whether batches are to be left out as if they had never been: gradients must be finite,
            too, and what a batch does to the buffers (batch norm's means) is undone with it.

    Attributes:
        forward: What is called with the inputs: the model, or something around it that watches.
        most: Items that go through the model at once; None for whole batches.
    """

    def __init__(
        self,
        run: Run,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        objective: Objective,
        autocast: AbstractContextManager[Any],
        scaler: torch.amp.GradScaler,
        *,
        revocable: bool = False,
        group: Group = ALONE,
    ) -> None:
        self.run, self.model, self.optimizer = run, model, optimizer
        self.objective, self.autocast, self.scaler = objective, autocast, scaler
        self.revocable = revocable
        self.group = group
        self.forward: Callable[..., Any] = model
        self.forget = forget_gradients(optimizer)
        self.most: int | None = None

    def add(self, batches: Sequence[Batch]) -> float:
        """Add the gradients of the mean loss over the batches; returns that loss.

        What does not fit in the device's memory is done again in pieces of half the size, whose gradients
        add up to the same.

        Raises:
            NonFiniteLossError: If the loss is NaN or infinite.
            TrainingError: If not even one item at a time fits in memory.
        """
        kept = [(buffer, buffer.clone()) for buffer in self.model.buffers()] if self.revocable else []
        while True:
            try:
                return self._add(batches)
            except NonFiniteLossError:
                for buffer, before in kept:
                    buffer.copy_(before)
                raise
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
                if isinstance(batches[0], Given):
                    raise TrainingError("A batch of your step does not fit in memory.", _SMALLER) from None
            # Only out here has the traceback let go of the activations.
            self._halve(batches)

    def move(self, clip: float | None) -> None:
        """Move the weights by the gradients gathered, and forget these."""
        if clip is not None:
            self.scaler.unscale_(self.optimizer)
            nn.utils.clip_grad_norm_(self.model.parameters(), clip)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.forget()

    def _add(self, batches: Sequence[Batch]) -> float:
        if self.most is None and len(batches) == 1:
            loss = self._pass(batches[0], 1.0)
        else:
            loss = sum(self._pass(*piece) for piece in self._pieces(batches))
        # A scaler looks at the gradients itself, and leaves the step out.
        if self.revocable and not self.scaler.is_enabled() and not self._finite():
            raise NonFiniteLossError(loss, batches[-1])
        return loss

    def _pass(self, batch: Batch, weight: float) -> float:
        """Forward and backward; the share of the loss that the items have in the mean."""
        loss = backward(self.objective, self.forward, batch, self.autocast, self.scaler, weight, self.group)
        if not math.isfinite(loss):
            raise NonFiniteLossError(loss, batch)
        return weight * loss

    def _pieces(self, batches: Sequence[Batch]) -> Iterator[tuple[Batch, float]]:
        """What goes through the model at once, with its weight in the mean."""
        for batch in batches:
            items, most = batch.items, self.most
            if most is None or items <= most:
                yield batch, 1.0 / len(batches)
                continue
            for piece in cut(batch, -(-items // most)):
                yield piece, piece.items / items / len(batches)

    def _finite(self) -> bool:
        gradients = [p.grad for p in self.model.parameters() if p.grad is not None]
        return bool(torch.isfinite(nn.utils.get_total_norm(gradients, math.inf)))

    def _halve(self, batches: Sequence[Batch]) -> None:
        self.optimizer.zero_grad(set_to_none=True)
        if torch.accelerator.is_available():
            torch.accelerator.empty_cache()
        largest = max(batch.items for batch in batches)
        tried = min(self.most or largest, largest)
        if tried == 1:
            raise TrainingError(
                "Not even one item at a time fits in the device's memory.",
                "Take a smaller model or smaller inputs, --precision bf16, or --device cpu.",
            )
        self.most = self.group.least(-(-tried // 2))
        said = (
            f"Out of memory with {tried} items at once: {self.most} at a time from now on. Their gradients "
            f"add up, so a step is still over {largest}."
        )
        if any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in self.model.modules()):
            said += f" Batch norm sees {self.most} at a time, which may change the result."
        self.run.warnings.append(said)
        self.run.append_log(said)


class OwnMoves(Gradients):
    """Of a step of the user's that goes backward and moves the weights itself: there is nothing to add."""

    def _pass(self, batch: Batch, weight: float) -> float:
        objective = self.objective
        assert isinstance(objective, StepObjective)
        objective.moving = True
        try:
            with self.autocast:
                loss: float = objective(self.model, batch)[0].item()
        finally:
            objective.moving = False
        if not math.isfinite(loss):
            raise NonFiniteLossError(loss, batch)
        return weight * loss

    def move(self, clip: float | None) -> None:  # noqa: ARG002 - the step has moved them
        return


def backward(
    objective: Objective,
    forward: Callable[..., Any],
    batch: Batch,
    autocast: AbstractContextManager[Any],
    scaler: torch.amp.GradScaler,
    weight: float = 1.0,
    group: Group = ALONE,
) -> float:
    """Forward and backward of one batch: adds the gradients of `weight` times its loss; returns the loss.

    The loss is read back in between: one that is not finite, here or with another of the group, leaves the
    gradients as they were. It is NaN where another's is not.
    """
    with autocast:
        loss = objective(forward, batch)[0]  # type: ignore[arg-type]  # the outputs go before backward
    if loss is None:
        raise TrainingError(
            "The model gave no loss for a training batch.", "Return one in training mode, or give --loss."
        )
    value: float = loss.item()
    finite = math.isfinite(value)
    if group.any(not finite):
        return math.nan if finite else value
    if weight != 1.0:
        loss = loss * weight
    scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
    return value


def is_out_of_memory(error: BaseException) -> bool:
    """Whether the device, or the machine, had no memory left for a tensor."""
    if isinstance(error, torch.OutOfMemoryError):
        return True
    said = str(error)
    return isinstance(error, RuntimeError) and any(
        words in said for words in ("DefaultCPUAllocator", "out of memory", "not enough memory")
    )
