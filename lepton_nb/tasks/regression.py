"""What every regression task shares: loss, metrics, charts and captions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from lepton_nb.errors import ArgumentError
from lepton_nb.signature import Signature
from lepton_nb.tasks.answers import ValueAnswers, unstandardise
from lepton_nb.tasks.base import Codec, Measures, Task
from lepton_nb.tasks.tensors import TensorCodec

if TYPE_CHECKING:
    from torch import Tensor, nn

    from lepton_nb.plots.charts import Chart
    from lepton_nb.tasks.meters import Meter


class Regression(Task):
    """Values ``(N, T)``; the model learns them standardised, people read them in their own unit.

    Attributes:
        codec_type: The codec for signatures whose preprocessing is known.
    """

    monitor: ClassVar[str] = "val_rmse"
    mode: ClassVar[Literal["min", "max"]] = "min"
    target_dtype: ClassVar[Literal["int64", "float32"]] = "float32"
    labels: ClassVar[Mapping[str, str]] = {
        "mae": "mean absolute error",
        "rmse": "root mean squared error",
        "r2": "R²",
        "mape": "mean absolute percentage error",
    }
    worst_title: ClassVar[str] = "Largest errors"
    codec_type: ClassVar[type[TensorCodec]]

    def codec(self, signature: Signature) -> Codec:
        known = signature.preprocessing.get("kind") == self.codec_type.kind
        return (self.codec_type if known else TensorCodec)(signature, ValueAnswers(signature))

    def make_loss(
        self,
        signature: Signature,  # noqa: ARG002
        *,
        label_smoothing: float = 0.0,
        class_weights: Sequence[float] | None = None,
    ) -> nn.Module:
        """The mean squared error of the standardised values.

        Raises:
            ArgumentError: If options of classification are given.
        """
        import torch

        if label_smoothing or class_weights is not None:
            option = "label_smoothing" if label_smoothing else "class_weights"
            raise ArgumentError(f"{option} is for classification; {self.title.lower()} has no classes.")
        return torch.nn.MSELoss()

    def meter(self, signature: Signature) -> Meter:
        """Of all values at once: a root of a mean is no mean of roots."""
        from lepton_nb.tasks.meters import Gathered

        return Gathered(lambda preds, target: self._score(preds, target, signature))

    def measure(self, preds: Tensor, target: Tensor, signature: Signature) -> Measures:
        from lepton_nb.tasks.value_measures import measure_values

        values = preds.detach().reshape(target.shape).cpu().numpy()
        return measure_values(
            unstandardise(values, signature), unstandardise(target.detach().cpu().numpy(), signature)
        )

    def charts(self, measures: Measures, signature: Signature) -> list[Chart]:
        from lepton_nb.plots.residuals import predicted_vs_true, residual_histogram

        name, arrays = str(signature.target.get("name", "value")), measures.arrays
        return [
            make(arrays["preds"], arrays["target"], name) for make in (predicted_vs_true, residual_histogram)
        ]

    def item_errors(self, preds: Tensor, target: Tensor, signature: Signature) -> Tensor:
        """The absolute error of each item in the target's unit, the mean where there are several targets."""
        error = self._difference(preds, target, signature).abs()
        return error.reshape(len(error), -1).mean(dim=1)

    def describe(self, preds: np.ndarray, signature: Signature) -> list[str]:
        values = unstandardise(preds, signature).reshape(len(preds), -1)
        return [", ".join(f"{value:.4g}" for value in row) for row in values]

    def describe_target(self, target: np.ndarray, signature: Signature) -> list[str]:
        return self.describe(target, signature)

    def _score(self, preds: Tensor, target: Tensor, signature: Signature) -> dict[str, float]:
        error = self._difference(preds, target, signature)
        return {"rmse": error.square().mean().sqrt().item(), "mae": error.abs().mean().item()}

    def _difference(self, preds: Tensor, target: Tensor, signature: Signature) -> Tensor:
        """Prediction minus truth in the target's unit, shaped like the target."""
        import torch

        std = torch.as_tensor(signature.target.get("std", 1.0), dtype=torch.float32, device=preds.device)
        return (preds.detach().float().reshape(target.shape) - target.float()) * std
