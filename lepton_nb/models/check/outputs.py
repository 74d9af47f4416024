"""Whether what a model gives fits the target and the loss."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from lepton_nb.batch import Batch, Tree, rows
from lepton_nb.errors import ModelError
from lepton_nb.models.calling import Inputs, as_tree, input_tensors, scores_of
from lepton_nb.models.check.diagnose import regrouped_error
from lepton_nb.models.check.failures import dtype_text, shape_text, written
from lepton_nb.models.check.tracing import Trace, traced
from lepton_nb.models.label_loss import BINARY, LabelLoss
from lepton_nb.models.objectives import returned
from lepton_nb.models.rendering import constructor

Loss = Callable[[Tensor, Tensor], Tensor]

_BROADCASTING = (nn.MSELoss, nn.L1Loss, nn.SmoothL1Loss, nn.HuberLoss)
_ELEMENTWISE = (*_BROADCASTING, *BINARY)


@dataclass(frozen=True)
class Case:
    """One batch through a model: what went in, and what was wanted.

    Attributes:
        num_classes: How many classes the data has; None for regression, or where it is not known.
        task: Name of the task; empty where it is not known.
        own_loss: Whether the loss is the user's: then only what torch's own losses demand is demanded.
    """

    model: nn.Module
    inputs: Inputs
    target: Tree
    loss: Loss
    num_classes: int | None
    task: str = ""
    own_loss: bool = False

    @property
    def name(self) -> str:
        return type(self.model).__name__

    @property
    def items(self) -> int:
        return rows(self.inputs)

    @property
    def takes_class_indices(self) -> bool:
        """Whether the loss compares logits with class indices."""
        if isinstance(self.loss, (nn.CrossEntropyLoss, nn.NLLLoss)):
            return not (self.target.is_floating_point() and self.target.dim() > 1)
        known = isinstance(self.loss, _ELEMENTWISE)
        if self.own_loss:
            return False
        classes = self.num_classes is not None or self.task.endswith("classification")
        return classes and not known and not self.target.is_floating_point()

    def shape(self, shape: torch.Size) -> str:
        return shape_text(tuple(shape), self.items)

    def shown(self, tree: Any) -> str:
        """Shapes and types of a tree, for messages."""
        tree = as_tree(tree)
        if isinstance(tree, Tensor):
            return f"{self.shape(tree.shape)} {dtype_text(tree)}"
        named = tree.items() if isinstance(tree, dict) else enumerate(tree or ())
        return ", ".join(f"{name} {self.shown(part)}" for name, part in named)

    def call(self) -> Any:
        """What the model gives for the batch."""
        return returned(self.loss, self.model, Batch(self.inputs, self.target))

    @cached_property
    def trace(self) -> Trace:
        """The same pass once more, watched."""
        with traced(self.model, input_tensors(self.inputs)) as trace:
            self.call()
        return trace

    def last_layer(self) -> tuple[str, nn.Module] | None:
        """The last linear layer or convolution that ran: the one that makes the logits."""
        for name, _ in reversed(self.trace.outputs):
            module = self.model.get_submodule(name)
            if isinstance(module, (nn.Linear, nn.Conv1d, nn.Conv2d)):
                return name, module
        return None

    def head(self, outputs: int) -> tuple[str, str]:
        """What makes the logits, and ``; write nn.Linear(128, 10)`` with another number of them."""
        last = self.last_layer()
        if last is None:
            return self.name, ""
        name, module = last
        change = {"out_features" if isinstance(module, nn.Linear) else "out_channels": outputs}
        return f"`{name}`" if name else self.name, written(self.model, name, constructor(module, **change))


def check_output(case: Case, output: Any) -> Any:
    """The output, or its ``logits``, where that fits the target.

    What a loss of the user's compares is their affair: it only has to hold a tensor.

    Raises:
        ModelError: If it does not.
    """
    output = scores_of(output)
    if not isinstance(output, Tensor):
        if case.own_loss and as_tree(output) is not None:
            return output
        raise _not_a_tensor(case, output)
    if not output.is_floating_point():
        raise ModelError(
            f"{case.name}.forward returns {dtype_text(output)} {case.shape(output.shape)}, "
            "not scores: nothing can be learned through an argmax or a comparison.",
            "Return the logits.",
        )
    if not case.own_loss:
        _check_batch(case, output)
    if case.takes_class_indices:
        _check_classes(case, output)
    elif isinstance(case.loss, _ELEMENTWISE) and isinstance(case.target, Tensor):
        _check_pairs(case, output)
    return output


def _check_pairs(case: Case, output: Tensor) -> None:
    """Outputs and targets of one shape, for a loss that compares them one by one."""
    same = output.shape == case.target.shape
    if isinstance(case.loss, LabelLoss):  # (N,) and (N, 1) are one label an item
        same = output.dim() <= 2 and output.shape[1:].numel() == case.target.shape[1:].numel()
    if not same:
        raise _other_shape(case, output)


def _not_a_tensor(case: Case, output: Any) -> ModelError:
    if output is None:
        return ModelError(f"{case.name}.forward returns None.", "End forward with `return x`.")
    if isinstance(output, (tuple, list)):
        parts = ", ".join(
            f"{type(part).__name__} {tuple(part.shape)}" if isinstance(part, Tensor) else type(part).__name__
            for part in output
        )
        return ModelError(
            f"{case.name}.forward returns a {type(output).__name__}, not one tensor: {parts}.",
            "Return the logits alone.",
        )
    keys = f" with {', '.join(map(repr, output))}" if isinstance(output, dict) else ""
    write = "Return the logits alone." if not hasattr(output, "logits") else "Return its .logits."
    return ModelError(f"{case.name}.forward returns a {type(output).__name__}{keys}, not a tensor.", write)


def _check_batch(case: Case, output: Tensor) -> None:
    if output.dim() and len(output) == case.items:
        return
    if case.trace.regrouped is not None:
        raise regrouped_error(case.trace)
    given = f"{case.name} gives {tuple(output.shape)} for a batch of {case.items}"
    if output.dim() == 0:
        raise ModelError(
            f"{given}: a single number.", "Keep the batch dimension: mean over dim=1, not over all."
        )
    if output.dim() == 1:
        raise ModelError(
            f"{given}: the batch dimension is lost.",
            "Flatten with x.flatten(1), and keep squeeze() off dim 0.",
        )
    raise ModelError(f"{given}: one row per item is needed.", "Keep dimension 0: flatten with x.flatten(1).")


def _check_classes(case: Case, output: Tensor) -> None:
    target = case.target
    if target.is_floating_point() or target.dtype in (torch.int32, torch.int16, torch.bool):
        raise ModelError(
            f"The loss takes int64 class indices but the target is {dtype_text(target)} "
            f"{case.shape(target.shape)}.",
            "Write target.long() where the data is made.",
        )
    if target.dim() == 2 and output.dim() == 2:
        raise _two_dimensional_target(case)
    if output.dim() == 1:
        _, fix = case.head(case.num_classes or int(target.max()) + 1)
        raise ModelError(
            f"{case.name} gives one number per item, {case.shape(output.shape)}, not one per class{fix}"
        )
    if output.dim() > 2 and target.dim() == 1:
        raise _not_pooled(case, output)
    _check_range(case, output)


def _two_dimensional_target(case: Case) -> ModelError:
    given = (
        f"The loss takes one class index per item, (N,), but the target is {case.shape(case.target.shape)}"
    )
    if case.target.shape[1] == 1:
        return ModelError(f"{given}.", "Write target.squeeze(1) where the data is made.")
    return ModelError(f"{given}: one-hot?", "Write target.argmax(1) where the data is made.")


def _not_pooled(case: Case, output: Tensor) -> ModelError:
    given = f"{case.name} gives {case.shape(output.shape)}: "
    if output.dim() == 3:
        return ModelError(
            f"{given}logits for every position, not one row per item.",
            "Pool over the positions before the last layer: x = x.mean(1).",
        )
    if output.shape[2:].numel() == 1:
        return ModelError(f"{given}two dimensions too many.", "Return x.flatten(1).")
    return ModelError(
        f"{given}a map of logits, not one row per item.", "Pool before the last layer: x = x.mean((2, 3))."
    )


def _check_range(case: Case, output: Tensor) -> None:
    """Logits and classes of the same number, and every target among them."""
    logits, low, high = output.shape[1], int(case.target.min()), int(case.target.max())
    ignored = getattr(case.loss, "ignore_index", -100)
    if low < 0 and low != ignored:
        raise ModelError(f"The target holds {low}; class indices start at 0.", "Map the labels to 0, 1, 2, …")
    classes = case.num_classes if case.num_classes is not None else max(high + 1, logits)
    if high >= classes:
        raise ModelError(
            f"The target holds {high}, but {classes} classes have indices 0 … {classes - 1}.",
            "Count the classes from 0: write target - 1 where the data starts at 1.",
        )
    if logits != classes:
        layer, fix = case.head(classes)
        seen = f"target up to {high} seen" if case.num_classes is None else f"target {low} … {high} seen"
        raise ModelError(
            f"{layer} gives {logits} logit{'s' * (logits != 1)} but there are {classes} classes ({seen}){fix}"
        )


def _other_shape(case: Case, output: Tensor) -> ModelError:
    given, wanted = case.shape(output.shape), case.shape(case.target.shape)
    what = f"{case.name} gives {given} but the target is {wanted}"
    broadcasts = isinstance(case.loss, _BROADCASTING)
    if output.shape.numel() == case.target.numel():
        fix = "x.squeeze(1)" if output.dim() > case.target.dim() else "x.unsqueeze(1)"
        pairs = f": the loss would compare all {case.items} × {case.items} pairs" if broadcasts else ""
        return ModelError(f"{what}{pairs}.", f"Return {fix}.")
    values = case.target.shape[1:].numel()
    _, fix = case.head(values)
    return ModelError(f"{what}{fix}")
