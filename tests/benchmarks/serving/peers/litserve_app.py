"""LitServe with batching, one worker."""

import os
from typing import Any

import litserve
import numpy as np

from tests.benchmarks.serving.peers import model


class Cnn(litserve.LitAPI):
    def setup(self, device: str) -> None:
        self.run = model.load()

    def decode_request(self, request):  # type: ignore[no-untyped-def]  # LitServe reads a type as FastAPI does
        if "png" in request:
            return model.from_picture(request["png"].file.read())[0]
        if "npy" in request:
            return np.load(request["npy"].file, allow_pickle=False)[0]
        return np.asarray(request["inputs"][0], np.float32)

    def batch(self, inputs: list[np.ndarray]) -> np.ndarray:
        return np.stack(inputs)

    def predict(self, batch: np.ndarray) -> np.ndarray:
        return self.run(batch)

    def unbatch(self, output: np.ndarray) -> list[np.ndarray]:
        return list(output)

    def encode_response(self, output: np.ndarray) -> dict[str, Any]:
        return {"predictions": [model.answer(output)]}


if __name__ == "__main__":
    server = litserve.LitServer(
        Cnn(max_batch_size=32, batch_timeout=0.002), accelerator="cpu", workers_per_device=1
    )
    server.run(
        host="127.0.0.1",
        port=int(os.environ["BENCH_PORT"]),
        log_level="warning",
        generate_client_file=False,
    )
