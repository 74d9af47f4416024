"""The task of whatever we do not know: trained by the user's loss, watched by it, served as tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from lepton_nb.errors import ArgumentError
from lepton_nb.signature import Signature
from lepton_nb.tasks.answers import RawAnswers
from lepton_nb.tasks.base import Codec, Measures, Starter, Task
from lepton_nb.tasks.tensors import TensorCodec

if TYPE_CHECKING:
    from torch import Tensor, nn

    from lepton_nb.tasks.meters import Meter

_SHOWN = 4  # numbers of an output in a caption


class Generic(Task):
    """Any tensor out, compared with the target by a loss that only the user knows; no metric is made up."""

    name: ClassVar[str] = "generic"
    title: ClassVar[str] = "Your own kind of problem"
    monitor: ClassVar[str] = "val_loss"
    mode: ClassVar[Literal["min", "max"]] = "min"
    target_dtype: ClassVar[Literal["int64", "float32"]] = "float32"

    def codec(self, signature: Signature) -> Codec:
        return TensorCodec(signature, RawAnswers(signature))

    def starters(self) -> Mapping[str, Starter]:
        return {}

    def make_loss(
        self,
        signature: Signature,
        *,
        label_smoothing: float = 0.0,  # noqa: ARG002
        class_weights: Sequence[float] | None = None,  # noqa: ARG002
    ) -> nn.Module:
        """There is none.

        Raises:
            ArgumentError: Always; says why no loss could be chosen.
        """
        reason = str(signature.target.get("reason", "The kind of problem is not known."))
        known = signature.target.get("hint")
        hint = (
            "Give a loss of your own: --loss VARIABLE"
            if known is None
            else f"{known} Or give your own --loss."
        )
        raise ArgumentError(reason, hint)

    def meter(self, signature: Signature) -> Meter:  # noqa: ARG002
        from lepton_nb.tasks.meters import Nothing

        return Nothing()

    def measure(self, preds: Tensor, target: Tensor, signature: Signature) -> Measures:  # noqa: ARG002
        return Measures({}, notes=["Measured by the loss alone: what a better answer is, only you know."])

    def item_errors(self, preds: Tensor, target: Tensor, signature: Signature) -> Tensor:  # noqa: ARG002
        import torch

        return torch.zeros(len(preds))

    def describe(self, preds: np.ndarray, signature: Signature) -> list[str]:  # noqa: ARG002
        return [_caption(row) for row in preds]

    def describe_target(self, target: np.ndarray, signature: Signature) -> list[str]:
        return self.describe(target, signature)


def _caption(values: Any) -> str:
    flat = np.asarray(values).ravel()
    more = " …" if flat.size > _SHOWN else ""
    return ", ".join(f"{value:.4g}" for value in flat[:_SHOWN]) + more
