"""Yes or no for each item: one logit."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from lepton_nb.signature import Signature
from lepton_nb.tasks.base import Codec, Measures
from lepton_nb.tasks.codecs import codec_for
from lepton_nb.tasks.labels.answers import BinaryAnswers
from lepton_nb.tasks.labels.reading import decisions
from lepton_nb.tasks.labels.task import Labels, truth_of
from lepton_nb.tasks.names import BINARY

if TYPE_CHECKING:
    from torch import Tensor

    from lepton_nb.plots.charts import Chart


class BinaryClassification(Labels):
    """One logit an item, ``(N,)`` or ``(N, 1)``; of the two class names the second is the positive one."""

    name: ClassVar[str] = BINARY
    title: ClassVar[str] = "Binary classification"

    def codec(self, signature: Signature) -> Codec:
        return codec_for(signature, BinaryAnswers(signature))

    def measure(self, preds: Tensor, target: Tensor, signature: Signature) -> Measures:
        from lepton_nb.tasks.labels.measures import measure_binary

        return measure_binary(preds.numpy(), truth_of(target, signature), signature)

    def charts(self, measures: Measures, signature: Signature) -> list[Chart]:
        from lepton_nb.plots.confusion import confusion_matrix
        from lepton_nb.plots.curves import pr_curves, roc_curves
        from lepton_nb.plots.reliability import reliability_diagram

        names, arrays = signature.class_names, measures.arrays
        return [
            confusion_matrix(arrays["confusion"], names),
            pr_curves(arrays["positive"], arrays["truth"], names[1:]),
            roc_curves(arrays["positive"], arrays["truth"], names[1:]),
            reliability_diagram(arrays["reliability"]),
        ]

    def describe(self, preds: np.ndarray, signature: Signature) -> list[str]:
        scores, said = decisions(preds, signature)
        names = signature.class_names
        return [
            f"{names[int(yes)]} {score if yes else 1 - score:.0%}"
            for yes, score in zip(said[:, 0], scores[:, 0], strict=True)
        ]

    def describe_target(self, target: np.ndarray, signature: Signature) -> list[str]:
        return [signature.class_names[int(value > 0)] for value in target.reshape(-1)]
