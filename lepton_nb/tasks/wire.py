"""Model inputs as the body of a request to ``/predict``."""

from __future__ import annotations

import io
import json

import numpy as np

from lepton_nb.signature import Signature
from lepton_nb.tasks.base import Arrays


def encode_inputs(signature: Signature, arrays: Arrays) -> tuple[bytes, str]:
    """A batch of model inputs as a body and its media type: ``.npy`` for one input, JSON for several."""
    if len(arrays) == 1:
        stream = io.BytesIO()
        np.save(stream, arrays[0], allow_pickle=False)
        return stream.getvalue(), "application/x-npy"
    names = [spec.name for spec in signature.inputs]
    inputs = {name: array.tolist() for name, array in zip(names, arrays, strict=True)}
    return json.dumps({"inputs": inputs}).encode(), "application/json"
