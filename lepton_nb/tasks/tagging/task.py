"""The task: a tag for each word, measured by the spans that the tags make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from lepton_nb.errors import ArgumentError
from lepton_nb.signature import Signature
from lepton_nb.tasks.base import Codec, GraphSpec, Measures, Starter, Task
from lepton_nb.tasks.tagging.codec import TagCodec
from lepton_nb.tasks.tagging.spans import spans_of

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor, nn

    from lepton_nb.tasks.meters import Meter


class TokenClassification(Task):
    """Token ids in, logits ``(N, L, C)`` out; targets int64 ``(N, L)``, −100 where no word begins."""

    name: ClassVar[str] = "token-classification"
    title: ClassVar[str] = "Token classification"
    monitor: ClassVar[str] = "val_f1"
    mode: ClassVar[Literal["min", "max"]] = "max"
    target_dtype: ClassVar[Literal["int64", "float32"]] = "int64"
    labels: ClassVar[Mapping[str, str]] = {"f1": "F1 of spans", "accuracy": "accuracy of words"}

    def codec(self, signature: Signature) -> Codec:
        return TagCodec(signature)

    def starters(self) -> Mapping[str, Starter]:
        return {"TokenTransformer": _token_transformer}

    def make_loss(
        self,
        signature: Signature,  # noqa: ARG002
        *,
        label_smoothing: float = 0.0,
        class_weights: Sequence[float] | None = None,
    ) -> nn.Module:
        from lepton_nb.tasks.tagging.learning import TagLoss

        if class_weights is not None:
            raise ArgumentError("class_weights is for one class an item; token classification has many.")
        return TagLoss(label_smoothing)

    def graphs(
        self, model: nn.Module, signature: Signature, example: tuple[Tensor, ...]
    ) -> dict[str, GraphSpec]:
        from lepton_nb.models.positional import positional

        module = positional(model, signature, example)
        return {"model": GraphSpec(module, signature.inputs, (signature.output,), example)}

    def meter(self, signature: Signature) -> Meter:
        from lepton_nb.tasks.meters import Mean
        from lepton_nb.tasks.tagging.learning import hits

        return Mean(lambda outputs, target: hits(outputs, target, signature))

    def measure(self, preds: Tensor, target: Tensor, signature: Signature) -> Measures:
        from lepton_nb.tasks.tagging.learning import measured

        return measured(preds, target, signature)

    def item_errors(self, preds: Tensor, target: Tensor, signature: Signature) -> Tensor:  # noqa: ARG002
        wrong = (preds.argmax(dim=2) != target) & (target >= 0)
        return wrong.sum(dim=1).float()

    def describe(self, preds: np.ndarray, signature: Signature) -> list[str]:
        return self.describe_target(preds.argmax(axis=2), signature)

    def describe_target(self, target: np.ndarray, signature: Signature) -> list[str]:
        names = signature.class_names
        rows = [spans_of([names[number] for number in row if number >= 0]) for row in target.tolist()]
        return [", ".join(span.label for span in row) or "no span" for row in rows]


def _token_transformer(signature: Signature) -> nn.Module:
    from lepton_nb.models import TokenTransformer
    from lepton_nb.tasks.texts import load_tokenizer

    settings = signature.preprocessing
    return TokenTransformer(
        load_tokenizer(settings["tokenizer"]).get_vocab_size(),
        signature.num_outputs,
        max_length=int(settings["max_length"]),
        pad_id=int(settings["pad_id"]),
    )
