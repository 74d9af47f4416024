"""What a route returns as a response: JSON, a picture, a sound, bytes, or a stream of any of them."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import orjson
from PIL import Image
from starlette.concurrency import iterate_in_threadpool
from starlette.responses import Response, StreamingResponse

from lepton_nb.routes.encoding import to_json
from lepton_nb.routes.inputs import Audio, write_wav

NDJSON = "application/x-ndjson"
TEXT = "text/plain; charset=utf-8"
_BYTES = (bytes, bytearray, memoryview)
_END = object()


def failure(status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    return Response(orjson.dumps({"error": message}), status, dict(headers or {}), "application/json")


async def to_response(result: Any) -> Response:
    """The response for a route's result.

    A generator streams: strings as text, bytes as they are, anything else as one JSON value a line.

    Raises:
        TypeError: If the result is nothing that can be sent.
    """
    if isinstance(result, Response):
        return result
    if isinstance(result, (Iterator, AsyncIterator)):
        return await _stream(result)
    if isinstance(result, Image.Image):
        return Response(_png(result), media_type="image/png")
    if isinstance(result, Audio):
        return Response(write_wav(result), media_type="audio/wav")
    if isinstance(result, _BYTES):
        return Response(bytes(result), media_type="application/octet-stream")
    return Response(to_json(result), media_type="application/json")


async def _stream(items: Iterator[Any] | AsyncIterator[Any]) -> Response:
    """A stream whose first item is made here: an error in it still gets its status."""
    source = items if isinstance(items, AsyncIterator) else iterate_in_threadpool(items)
    iterator = aiter(source)
    first = await anext(iterator, _END)
    if first is _END:
        return Response(b"", media_type=TEXT)
    media_type = TEXT if isinstance(first, str) else "application/octet-stream"
    if not isinstance(first, (str, *_BYTES)):
        media_type = NDJSON

    async def chunks() -> AsyncIterator[bytes]:
        yield _chunk(first)
        async for item in iterator:
            yield _chunk(item)

    return StreamingResponse(chunks(), media_type=media_type)


def _chunk(item: Any) -> bytes:
    if isinstance(item, str):
        return item.encode()
    return bytes(item) if isinstance(item, _BYTES) else to_json(item) + b"\n"


def _png(picture: Image.Image) -> bytes:
    stream = io.BytesIO()
    known = (
        picture if picture.mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16") else picture.convert("RGB")
    )
    known.save(stream, "PNG")
    return stream.getvalue()
