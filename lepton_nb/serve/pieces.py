"""An answer in pieces, as the front sends it: one JSON a piece, then the answer as it would come whole.

As ``application/x-ndjson`` each stands on a line of its own; as ``text/event-stream`` each is a message, the
last one an event named ``answer``, or ``error``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from lepton_nb.serve.batcher import Batcher
from lepton_nb.serve.batches import Answer, Request
from lepton_nb.serve.http.accepting import EVENTS

_HEADERS = [(b"cache-control", b"no-cache"), (b"x-accel-buffering", b"no")]  # nobody on the way may hold it


async def send_pieces(
    batcher: Batcher, asked: Request, gone: Callable[[], bool], send: Callable[[Any], Awaitable[None]]
) -> Answer | None:
    """Have a request answered in pieces of the type it accepts.

    Returns:
        What is to be sent in their place, where it failed before the first.
    """
    queue: asyncio.Queue[bytes | None] = asyncio.Queue()
    coming = batcher.submit(asked, gone, queue.put_nowait)
    coming.add_done_callback(lambda _: queue.put_nowait(None))
    begun = False
    while (piece := await queue.get()) is not None:
        if not begun:
            begun = await _begin(asked, send)
        await send({"type": "http.response.body", "body": _framed(asked, piece), "more_body": True})
    answer = coming.result()
    if not begun:
        if answer.status != 200:
            return answer
        await _begin(asked, send)
    event = b"answer" if answer.status == 200 else b"error"
    await send({"type": "http.response.body", "body": _framed(asked, answer.body, event)})
    return None


async def _begin(asked: Request, send: Callable[[Any], Awaitable[None]]) -> bool:
    headers = [(b"content-type", asked.accept), *_HEADERS]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    return True


def _framed(asked: Request, piece: bytes, event: bytes = b"") -> bytes:
    if asked.accept != EVENTS.encode():
        return piece + b"\n"
    return (b"event: " + event + b"\n" if event else b"") + b"data: " + piece + b"\n\n"
