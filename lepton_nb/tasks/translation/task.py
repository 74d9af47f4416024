"""The task: a model learns each next token of the target, and is measured on what it writes by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from lepton_nb.errors import ArgumentError
from lepton_nb.signature import Signature
from lepton_nb.tasks.base import Codec, GraphSpec, Measures, Starter, Task
from lepton_nb.tasks.translation.codec import TranslationCodec
from lepton_nb.tasks.translation.tokens import vocabulary

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor, nn

    from lepton_nb.batch import Batch, Tree
    from lepton_nb.models.objectives import Objective
    from lepton_nb.plots.charts import Chart
    from lepton_nb.tasks.meters import Meter


class Translation(Task):
    """Ids of a source in, ids of an answer out, written token by token.

    A model takes ``source (N, S)`` and ``before (N, T)`` by name and gives logits ``(N, T, V)``. Where it has
    `encode` and `step` as `Transformer` does, a service calls those, and computes no token twice.
    """

    name: ClassVar[str] = "translation"
    title: ClassVar[str] = "Translation"
    monitor: ClassVar[str] = "val_chrf"
    mode: ClassVar[Literal["min", "max"]] = "max"
    target_dtype: ClassVar[Literal["int64", "float32"]] = "int64"
    labels: ClassVar[Mapping[str, str]] = {"chrf": "chrF", "bleu": "BLEU", "exact": "exactly a reference"}

    def codec(self, signature: Signature) -> Codec:
        return TranslationCodec(signature)

    def starters(self) -> Mapping[str, Starter]:
        return {"Transformer": _transformer}

    def make_loss(
        self,
        signature: Signature,  # noqa: ARG002
        *,
        label_smoothing: float = 0.0,
        class_weights: Sequence[float] | None = None,
    ) -> nn.Module:
        from lepton_nb.tasks.translation.learning import TokenLoss

        if class_weights is not None:
            raise ArgumentError("class_weights is for classification; translation has no classes.")
        return TokenLoss(label_smoothing)

    def objective(self, signature: Signature, loss: Callable[..., Any]) -> Objective:
        """In training logits; in evaluation also the tokens that the model writes by itself."""
        from lepton_nb.models.calling import call_model, scores_of

        def objective(model: nn.Module, batch: Batch) -> tuple[Tensor | None, Tree]:
            logits = scores_of(call_model(model, batch.inputs))
            value = loss(logits, batch.target)
            if getattr(model, "training", True):
                return value, logits
            return value, {"logits": logits, "tokens": self.answer(model, batch, signature, beams=1)}

        return objective

    def meter(self, signature: Signature) -> Meter:
        from lepton_nb.tasks.translation.measures import TextMeter

        return TextMeter(signature)

    def answer(
        self, model: nn.Module, batch: Batch, signature: Signature, *, beams: int | None = None
    ) -> Tensor:
        """What the service says, ``(N, max_length)``: the answer does not depend on the target.

        Args:
            beams: Other than those of the signature.
        """
        from lepton_nb.tasks.translation.learning import written

        return written(model, batch.inputs["source"], signature, beams)

    def samples(self, model: nn.Module, batch: Batch, signature: Signature) -> list[str]:
        from lepton_nb.tasks.translation.measures import references_of, texts_of

        sources = texts_of(batch.inputs["source"].cpu(), signature)
        answers = texts_of(self.answer(model, batch, signature), signature)
        wanted = references_of(batch.target.cpu(), signature)
        return [f"{a} → {b}   ({' | '.join(c)})" for a, b, c in zip(sources, answers, wanted, strict=True)]

    def graphs(
        self, model: nn.Module, signature: Signature, example: tuple[Tensor, ...]
    ) -> dict[str, GraphSpec]:
        from lepton_nb.tasks.translation.learning import graph_specs

        return graph_specs(model, signature, example)

    def measure(self, preds: Tensor, target: Tensor, signature: Signature) -> Measures:
        from lepton_nb.tasks.translation.measures import measured

        return measured(preds, target, signature)

    def insight(self, model: nn.Module, batch: Batch, signature: Signature) -> dict[str, np.ndarray]:
        """What of the longest source the model looks at for each token of its answer."""
        from lepton_nb.tasks.translation.learning import attention

        return attention(model, batch.inputs["source"], signature)

    def charts(self, measures: Measures, signature: Signature) -> list[Chart]:
        from lepton_nb.tasks.translation.measures import attention_chart

        found = attention_chart(measures.arrays, signature)
        return [] if found is None else [found]

    def item_errors(self, preds: Tensor, target: Tensor, signature: Signature) -> Tensor:
        import torch

        from lepton_nb.tasks.translation.measures import references_of, sentence_errors, texts_of

        return torch.tensor(sentence_errors(texts_of(preds, signature), references_of(target, signature)))

    def describe(self, preds: np.ndarray, signature: Signature) -> list[str]:
        from lepton_nb.tasks.translation.measures import texts_of

        return texts_of(preds, signature)

    def describe_target(self, target: np.ndarray, signature: Signature) -> list[str]:
        from lepton_nb.tasks.translation.measures import references_of

        return [" | ".join(texts) for texts in references_of(target, signature)]


def _transformer(signature: Signature) -> nn.Module:
    from lepton_nb.tasks.translation.nets import Transformer

    settings = signature.preprocessing
    return Transformer(vocabulary(settings["tokenizer"]), max_length=int(settings["max_length"]))
