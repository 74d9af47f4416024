"""Objectives: how a batch becomes a loss. The training loop calls one and knows nothing else of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from torch import nn

from lepton_nb.errors import ModelError
from lepton_nb.models.calling import call_model, own_loss_of, scores_of
from lepton_nb.models.label_loss import as_compared

if TYPE_CHECKING:
    from torch import Tensor

    from lepton_nb.batch import Batch, Tree

Objective = Callable[[nn.Module, "Batch"], "tuple[Tensor | None, Tree]"]
"""``(loss, outputs)`` of a batch; the loss is the mean over its items, None where the model gives none."""


OF_THE_MODEL = "model"
"""In ``Signature.target["loss"]``: the model computes its loss itself, given the target by its name."""


class ModelLoss:
    """Stands for the loss that a model computes itself, given the target by name among its inputs.

    Attributes:
        name: The target's name, such as ``labels``.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, outputs: Any, target: Any) -> Tensor:  # noqa: ARG002 - the model has seen the target
        loss = own_loss_of(outputs)
        if loss is None:
            raise ModelError(
                f"The model takes {self.name!r} but its outputs hold no 'loss'.",
                "Return it, as in {'loss': loss, 'logits': logits}, or give a loss of your own: --loss.",
            )
        return loss

    def called(self, model: nn.Module, batch: Batch) -> Any:
        """What the model gives, with the target beside its inputs."""
        return call_model(model, {**batch[0], self.name: batch[1]})


def returned(loss: Any, model: nn.Module, batch: Batch) -> Any:
    """What the model gives for a batch.

    Where the model itself needs the target, the loss hands it over: by ``loss.called(model, batch)``.
    """
    called = getattr(loss, "called", None)
    return call_model(model, batch[0]) if called is None else called(model, batch)


def compared(loss: Callable[..., Any]) -> Objective:
    """``loss(model(inputs), target)``; of a model that computes its loss itself, that: see `returned`.

    A loss of ``torch.nn`` compares tensors: of outputs with ``logits`` it gets those. Any other gets exactly
    what the model returned.
    """
    if not compares_tensors(loss):

        def own(model: nn.Module, batch: Batch) -> tuple[Tensor | None, Tree]:
            outputs = returned(loss, model, batch)
            return loss(outputs, batch[1]), outputs

        return own

    def usual(model: nn.Module, batch: Batch) -> tuple[Tensor, Tree]:
        outputs = scores_of(call_model(model, batch[0]))
        return loss(outputs, as_compared(loss, batch[1])), outputs

    return usual


def compares_tensors(loss: Any) -> bool:
    """Whether a loss is one of ``torch.nn``, which know nothing of dicts."""
    return isinstance(loss, nn.modules.loss._Loss)
