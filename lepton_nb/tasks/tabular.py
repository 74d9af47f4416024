"""A class or a value for each row of a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from lepton_nb.errors import ModelError
from lepton_nb.signature import Signature
from lepton_nb.tasks.base import Starter
from lepton_nb.tasks.classification import Classification
from lepton_nb.tasks.regression import Regression
from lepton_nb.tasks.tables import TableCodec
from lepton_nb.tasks.tensors import TensorCodec

if TYPE_CHECKING:
    from torch import nn


class TabularClassification(Classification):
    """Rows float32 ``(N, F)``, one class each."""

    name: ClassVar[str] = "tabular-classification"
    title: ClassVar[str] = "Tabular classification"
    codec_type: ClassVar[type[TensorCodec]] = TableCodec

    def starters(self) -> Mapping[str, Starter]:
        return {"MLP": _mlp}


class TabularRegression(Regression):
    """Rows float32 ``(N, F)``, one or several values each."""

    name: ClassVar[str] = "tabular-regression"
    title: ClassVar[str] = "Tabular regression"
    codec_type: ClassVar[type[TensorCodec]] = TableCodec

    def starters(self) -> Mapping[str, Starter]:
        return {"MLP": _mlp}


def _mlp(signature: Signature) -> nn.Module:
    from lepton_nb.models import MLP

    shape = signature.inputs[0].shape
    if len(signature.inputs) != 1 or len(shape) != 1 or shape[0] is None:
        seen = ", ".join(map(str, signature.inputs))
        raise ModelError(f"The starter model takes one row of numbers (features,), not {seen}.")
    return MLP(shape[0], signature.num_outputs)
