"""What kind of problem a loss of the user's makes of their data."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from torch import nn

from lepton_nb.data import DataBundle
from lepton_nb.data.own.splits import UserSplit
from lepton_nb.errors import ModelError
from lepton_nb.models.calling import takes
from lepton_nb.models.objectives import OF_THE_MODEL
from lepton_nb.signature import TensorSpec
from lepton_nb.tasks.generic import Generic

_OF_VALUES = (nn.MSELoss, nn.L1Loss, nn.SmoothL1Loss, nn.HuberLoss)


def with_loss_of_the_model(bundle: DataBundle, model: nn.Module) -> DataBundle:
    """The data for a model that takes a dict batch with its target: it computes its loss itself."""
    name = bundle.signature.target.get("name")
    given = isinstance(bundle.train, UserSplit) and bundle.train.target_name == name and name is not None
    if not given or not takes(model, str(name)):
        return bundle
    return replace(
        bundle,
        signature=replace(bundle.signature, target={**bundle.signature.target, "loss": OF_THE_MODEL}),
    )


def for_own_loss(bundle: DataBundle, loss: Any, outputs: tuple[TensorSpec, ...]) -> DataBundle:
    """The data for that loss: of their own kind where the outputs are that kind's, else generic.

    Metrics are computed of an output only where it is known what it says: as many logits as classes, or
    values under a loss that compares values. Everything else is watched by the loss alone.

    Args:
        outputs: What the model gave for one batch.
    """
    if len(outputs) == 1 and _is_of_its_kind(bundle, loss, outputs[0].shape):
        return bundle
    if not outputs:
        raise ModelError(
            "The model gives nothing but single numbers for a batch.",
            "Return what it says of each item, too.",
        )
    signature = replace(
        bundle.signature,
        task=Generic.name,
        output=outputs[0],
        further_outputs=outputs[1:],
        class_names=(),
        target={key: value for key, value in bundle.signature.target.items() if key in ("name", "loss")},
    )
    return replace(bundle, signature=signature)


def _is_of_its_kind(bundle: DataBundle, loss: Any, shape: tuple[int | None, ...]) -> bool:
    signature = bundle.signature
    if bundle.task.name == Generic.name:
        return False
    if bundle.task.target_dtype == "int64":
        return shape == (signature.num_outputs,)
    declared = not isinstance(bundle.train, UserSplit)  # a column that was read as quantities, and said to be
    return (shape or (1,)) == signature.output.shape and (declared or isinstance(loss, _OF_VALUES))
