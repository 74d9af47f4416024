"""The limit of HTTP: reads the body, runs nothing."""

from __future__ import annotations

import os
from typing import Any

import uvicorn

_ANSWER = b'{"predictions":[]}'
_HEADERS = [(b"content-type", b"application/json"), (b"content-length", str(len(_ANSWER)).encode())]


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
    await send({"type": "http.response.body", "body": _ANSWER})


if __name__ == "__main__":
    port = int(os.environ["BENCH_PORT"])
    uvicorn.run(app, port=port, log_level="warning", access_log=False, lifespan="off", http="httptools")
