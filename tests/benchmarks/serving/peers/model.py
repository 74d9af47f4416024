"""The model behind every peer: the textbook CNN in eager torch, or its ONNX file in onnxruntime.

Environment: ``BENCH_MODEL`` is ``torch`` or ``onnx``, ``BENCH_PACKAGE`` the package's folder.
"""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

PACKAGE = Path(os.environ["BENCH_PACKAGE"])
NAMES = json.loads((PACKAGE / "signature.json").read_text())["class_names"]


def load() -> Any:
    """A function from a float32 batch ``(N, 3, 32, 32)`` to probabilities ``(N, 10)``."""
    return _load_torch() if os.environ["BENCH_MODEL"] == "torch" else _load_onnx()


def _load_torch() -> Any:
    import torch
    from safetensors.torch import load_model

    from lepton_nb.models import LeptonCNN

    model = LeptonCNN(3, 10, height=32, width=32)
    load_model(model, PACKAGE / "weights.safetensors")
    model.eval()

    def run(batch: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return model(torch.from_numpy(batch)).softmax(1).numpy()

    return run


def _load_onnx() -> Any:
    import onnxruntime

    session = onnxruntime.InferenceSession(PACKAGE / "model.onnx", providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name

    def run(batch: np.ndarray) -> np.ndarray:
        logits = session.run(None, {name: batch})[0]
        exponentials = np.exp(logits - logits.max(1, keepdims=True))
        return exponentials / exponentials.sum(1, keepdims=True)

    return run


def answer(probabilities: np.ndarray) -> dict[str, Any]:
    """The answer to one item."""
    best = int(probabilities.argmax())
    scores = {name: float(value) for name, value in zip(NAMES, probabilities, strict=True)}
    return {"label": NAMES[best], "index": best, "score": float(probabilities[best]), "scores": scores}


def from_picture(body: bytes) -> np.ndarray:
    from PIL import Image

    return from_image(Image.open(io.BytesIO(body)))


def from_image(image: Any) -> np.ndarray:
    pixels = np.asarray(image.convert("RGB"), np.float32)
    return ((pixels / 255 - 0.5) / 0.5).transpose(2, 0, 1)[None].copy()
