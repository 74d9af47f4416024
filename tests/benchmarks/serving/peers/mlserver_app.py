"""A runtime of MLServer; started by ``mlserver start`` in a folder that names it."""

from __future__ import annotations

from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse

from tests.benchmarks.serving.peers import model


class Cnn(MLModel):
    async def load(self) -> bool:
        self.run = model.load()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        probabilities = self.run(NumpyCodec.decode_input(payload.inputs[0]))
        return InferenceResponse(
            model_name=self.name, outputs=[NumpyCodec.encode_output("probabilities", probabilities)]
        )
