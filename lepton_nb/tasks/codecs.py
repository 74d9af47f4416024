"""The codec of an input kind, for tasks that take inputs of any kind."""

from __future__ import annotations

from lepton_nb.signature import Signature
from lepton_nb.tasks.answers import Answers
from lepton_nb.tasks.images import ImageCodec
from lepton_nb.tasks.tables import TableCodec
from lepton_nb.tasks.tensors import TensorCodec
from lepton_nb.tasks.texts import TextCodec

_BY_KIND: dict[str, type[TensorCodec]] = {
    codec.kind: codec for codec in (ImageCodec, TableCodec, TensorCodec, TextCodec)
}


def codec_for(signature: Signature, answers: Answers) -> TensorCodec:
    """The codec that the signature's preprocessing asks for; the tensor codec where that is not known."""
    kind = signature.preprocessing.get("kind", TensorCodec.kind)
    return _BY_KIND.get(str(kind), TensorCodec)(signature, answers)
