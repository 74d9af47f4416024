"""What a client of ``/predict`` sends and gets: model inputs as a body, answers out of one."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from lepton_nb.signature import Signature
from lepton_nb.tasks.base import Arrays, Codec, Media, Prediction


def encode_inputs(signature: Signature, arrays: Arrays) -> tuple[bytes, str]:
    """A batch of model inputs as a body and its media type: ``.npy`` for one input, JSON for several."""
    if len(arrays) == 1:
        stream = io.BytesIO()
        np.save(stream, arrays[0], allow_pickle=False)
        return stream.getvalue(), "application/x-npy"
    names = [spec.name for spec in signature.inputs]
    inputs = {name: array.tolist() for name, array in zip(names, arrays, strict=True)}
    return json.dumps({"inputs": inputs}).encode(), "application/json"


def read_answers(codec: Codec, predictions: Sequence[dict[str, Any]]) -> list[Prediction]:
    """The answers of a service, as `Codec.encode` gave them: files as files."""
    if codec.answer_kind != "media":
        return list(predictions)
    return [Media(base64.b64decode(answer["content"]), answer["type"]) for answer in predictions]
