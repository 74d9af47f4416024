"""A runtime of MLServer; started by ``mlserver start`` in a folder that names it."""

from __future__ import annotations

import numpy as np
from mlserver import MLModel
from mlserver.codecs import Base64Codec, NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse

from tests.benchmarks.serving.peers import model


class Cnn(MLModel):
    async def load(self) -> bool:
        self.run = model.load()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        asked = payload.inputs[0]
        if asked.datatype == "BYTES":
            batch = np.concatenate([model.from_picture(body) for body in Base64Codec.decode_input(asked)])
        else:
            batch = NumpyCodec.decode_input(asked)
        probabilities = self.run(batch)
        return InferenceResponse(
            model_name=self.name, outputs=[NumpyCodec.encode_output("probabilities", probabilities)]
        )
