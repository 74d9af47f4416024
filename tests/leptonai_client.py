"""What the unmodified `leptonai` client gets from a service; `tests/test_serve_leptonai.py` runs it.

A process of its own: the client wants another httpx than the tests. Prints one JSON object.
"""

from __future__ import annotations

import json
import sys
from typing import Any


def main() -> None:
    url, token, inputs = json.load(sys.stdin)
    import httpx
    from leptonai.client import Client

    def failure(**arguments: Any) -> str:
        try:
            client.predict(**arguments)
        except httpx.HTTPStatusError as error:
            return str(error)
        raise AssertionError(f"{arguments} was answered")

    client = Client(url, token=token)
    answers = {
        "httpx": httpx.__version__,
        "paths": list(client.paths()),
        "issues": client._debug_record,
        "healthy": client.healthz(),
        "document": client.predict.__doc__,
        "predict": client.predict(inputs=inputs),
        "infer": client.v2.models.net.infer(
            inputs=[{"name": "image", "datatype": "FP32", "shape": [2, 1, 8, 8], "data": inputs}]
        ),
        "metadata": client.v2.models.net[""](),  # how the client keeps a route that has others below it
        "metrics": client.metrics().decode(),
        "live": client.v2.health.live(),
        "failures": [failure(inputs="a"), failure(pixels=inputs), failure()],
    }
    for _ in range(200):
        failure(inputs=[1])
        assert client.predict(inputs=inputs) == answers["predict"]
    try:
        Client(url, token="wrong").predict(inputs=inputs)
    except httpx.HTTPStatusError as error:
        answers["unauthorized"] = str(error)
    print(json.dumps(answers))


if __name__ == "__main__":
    main()
