"""One image as every server takes it: the same numbers in JSON, ``.npy``, binary tensors and PNG."""

from __future__ import annotations

import base64
import io
import json
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

KINDS = ("json", "npy", "v2", "png")
_BOUNDARY = "a-boundary-that-no-picture-holds"


@dataclass(frozen=True)
class Ask:
    """A request that is sent over and over."""

    path: str
    body: bytes
    content_type: str
    headers: dict[str, str] = field(default_factory=dict)


def image() -> np.ndarray:
    """The image, float32 ``(1, 3, 32, 32)``, rounded as a person would send it."""
    return np.random.default_rng(0).random((1, 3, 32, 32), dtype=np.float32).round(6)


def json_ask(path: str = "/predict") -> Ask:
    return Ask(path, json.dumps({"inputs": image().tolist()}).encode(), "application/json")


def v2_json_ask(model: str) -> Ask:
    tensor = {"name": "image", "shape": [1, 3, 32, 32], "datatype": "FP32", "data": image().ravel().tolist()}
    return Ask(f"/v2/models/{model}/infer", json.dumps({"inputs": [tensor]}).encode(), "application/json")


def npy_ask(path: str) -> Ask:
    stream = io.BytesIO()
    np.save(stream, image())
    return Ask(path, stream.getvalue(), "application/x-npy")


def form_ask(ask: Ask, field: str, path: str) -> Ask:
    """The same body as a file of a form: what servers take that know JSON and forms alone."""
    head = (
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{field}"; filename="{field}"\r\n'
        f"Content-Type: {ask.content_type}\r\n\r\n"
    )
    body = head.encode() + ask.body + f"\r\n--{_BOUNDARY}--\r\n".encode()
    return Ask(path, body, f"multipart/form-data; boundary={_BOUNDARY}")


def v2_base64_ask(ask: Ask, model: str) -> Ask:
    """The same body as an item of bytes in the JSON of the Open Inference Protocol."""
    data = [base64.b64encode(ask.body).decode()]
    tensor = {"name": "image", "shape": [1], "datatype": "BYTES", "data": data}
    return Ask(f"/v2/models/{model}/infer", json.dumps({"inputs": [tensor]}).encode(), "application/json")


def v2_ask(model: str) -> Ask:
    raw = image().tobytes()
    parameters = {"binary_data_size": len(raw)}
    tensor = {"name": "image", "shape": [1, 3, 32, 32], "datatype": "FP32", "parameters": parameters}
    head = json.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}}).encode()
    headers = {"Inference-Header-Content-Length": str(len(head))}
    return Ask(f"/v2/models/{model}/infer", head + raw, "application/octet-stream", headers)


def png_ask(path: str) -> Ask:
    pixels = (image()[0].transpose(1, 2, 0) * 255).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return Ask(path, stream.getvalue(), "image/png")
