"""Which of several labels hold of each item: any number of them, also none."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from lepton_nb.signature import Signature
from lepton_nb.tasks.base import Codec, Measures
from lepton_nb.tasks.codecs import codec_for
from lepton_nb.tasks.labels.answers import LabelAnswers
from lepton_nb.tasks.labels.reading import decisions
from lepton_nb.tasks.labels.task import Labels, truth_of
from lepton_nb.tasks.names import SEVERAL

if TYPE_CHECKING:
    from torch import Tensor

    from lepton_nb.plots.charts import Chart

NONE = "none"  # what a caption says of an item without a label


class MultiLabelClassification(Labels):
    """One logit a label, ``(N, L)``, in the order of the class names."""

    name: ClassVar[str] = SEVERAL
    title: ClassVar[str] = "Multi-label classification"

    def codec(self, signature: Signature) -> Codec:
        return codec_for(signature, LabelAnswers(signature))

    def measure(self, preds: Tensor, target: Tensor, signature: Signature) -> Measures:
        from lepton_nb.tasks.labels.measures import measure_labels

        return measure_labels(preds.numpy(), truth_of(target, signature), signature)

    def charts(self, measures: Measures, signature: Signature) -> list[Chart]:
        from lepton_nb.plots.curves import pr_curves, roc_curves
        from lepton_nb.plots.reliability import reliability_diagram

        names, arrays = signature.class_names, measures.arrays
        return [
            pr_curves(arrays["probabilities"], arrays["target"], names),
            roc_curves(arrays["probabilities"], arrays["target"], names),
            reliability_diagram(arrays["reliability"], "probability", "labels that hold", "decisions"),
        ]

    def describe(self, preds: np.ndarray, signature: Signature) -> list[str]:
        scores, said = decisions(preds, signature)
        names = signature.class_names
        captions = []
        for row, held in zip(scores, said, strict=True):
            ranked = [int(i) for i in np.argsort(-row, kind="stable") if held[i]]
            captions.append(", ".join(f"{names[i]} {row[i]:.0%}" for i in ranked) or NONE)
        return captions

    def describe_target(self, target: np.ndarray, signature: Signature) -> list[str]:
        names = signature.class_names
        return [", ".join(names[i] for i in np.flatnonzero(row > 0)) or NONE for row in target]
