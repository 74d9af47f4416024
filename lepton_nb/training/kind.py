"""What kind of problem a loss of the user's makes of their data."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from torch import nn

from lepton_nb.data import DataBundle
from lepton_nb.data.user_splits import UserSplit
from lepton_nb.signature import TensorSpec
from lepton_nb.tasks.generic import Generic

_OF_VALUES = (nn.MSELoss, nn.L1Loss, nn.SmoothL1Loss, nn.HuberLoss)


def for_own_loss(bundle: DataBundle, loss: Any, output_shape: tuple[int, ...]) -> DataBundle:
    """The data for that loss: of their own kind where the outputs are that kind's, else generic.

    Metrics are computed of an output only where it is known what it says: as many logits as classes, or
    values under a loss that compares values. Everything else is watched by the loss alone.

    Args:
        output_shape: Of the model's output for one batch.
    """
    if _is_of_its_kind(bundle, loss, output_shape):
        return bundle
    signature = replace(
        bundle.signature,
        task=Generic.name,
        output=TensorSpec("outputs", "float32", output_shape[1:]),
        class_names=(),
        target={"name": "target"},
    )
    return replace(bundle, signature=signature)


def _is_of_its_kind(bundle: DataBundle, loss: Any, output_shape: tuple[int, ...]) -> bool:
    signature = bundle.signature
    if bundle.task.name == Generic.name:
        return False
    if bundle.task.target_dtype == "int64":
        return len(output_shape) == 2 and output_shape[1] == signature.num_outputs
    declared = not isinstance(bundle.train, UserSplit)  # a column that was read as quantities, and said to be
    same = len(output_shape) <= 2 and (output_shape[1:] or (1,)) == signature.output.shape
    return same and (declared or isinstance(loss, _OF_VALUES))
