"""Which of several classes a text belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from lepton_nb.errors import ModelError
from lepton_nb.signature import Signature
from lepton_nb.tasks.base import Starter
from lepton_nb.tasks.classification import Classification
from lepton_nb.tasks.tensors import TensorCodec
from lepton_nb.tasks.texts import TextCodec, load_tokenizer

if TYPE_CHECKING:
    from torch import nn


class TextClassification(Classification):
    """Token ids int64 ``(N, L)``, one class for each text."""

    name: ClassVar[str] = "text-classification"
    title: ClassVar[str] = "Text classification"
    codec_type: ClassVar[type[TensorCodec]] = TextCodec

    def starters(self) -> Mapping[str, Starter]:
        return {"BagOfEmbeddings": _bag_of_embeddings, "TextTransformer": _text_transformer}


def _bag_of_embeddings(signature: Signature) -> nn.Module:
    from lepton_nb.models import BagOfEmbeddings

    return BagOfEmbeddings(vocabulary_size(signature), signature.num_outputs, pad_id=_pad_id(signature))


def _text_transformer(signature: Signature) -> nn.Module:
    from lepton_nb.models import TextTransformer

    return TextTransformer(
        vocabulary_size(signature),
        signature.num_outputs,
        max_length=int(signature.preprocessing["max_length"]),
        pad_id=_pad_id(signature),
    )


def vocabulary_size(signature: Signature) -> int:
    """How many token ids the signature's tokenizer can give.

    Raises:
        ModelError: If the signature has no tokenizer.
    """
    if signature.preprocessing["kind"] != "text":
        raise ModelError(
            "The starter models need the tokenizer, and this data has token ids only.",
            "Pass the texts themselves as data, or a model of your own.",
        )
    return load_tokenizer(signature.preprocessing["tokenizer"]).get_vocab_size()


def _pad_id(signature: Signature) -> int:
    return int(signature.preprocessing["pad_id"])
