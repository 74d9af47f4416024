"""BentoML with adaptive batching; started by ``bentoml serve``."""

from __future__ import annotations

from typing import Annotated

import bentoml
import numpy as np
from bentoml.validators import DType, Shape
from PIL import Image

from tests.benchmarks.serving.peers import model


@bentoml.service(workers=1, traffic={"timeout": 60})
class Cnn:
    def __init__(self) -> None:
        self.run = model.load()

    @bentoml.api(batchable=True, max_batch_size=32, max_latency_ms=1000)
    def predict(self, inputs: Annotated[np.ndarray, DType("float32"), Shape((-1, 3, 32, 32))]) -> np.ndarray:
        return self.run(inputs)

    @bentoml.api(batchable=True, max_batch_size=32, max_latency_ms=1000)
    def png(self, png: list[Image.Image]) -> list[list[float]]:
        return self.run(np.concatenate([model.from_image(image) for image in png])).tolist()
