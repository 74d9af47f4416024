"""Passing a route's answer on, once it is one that HTTP has."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import orjson

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

# The page keeps the token for this address: no script may run in what a route answers, unless it says so.
_SAFE = {
    b"content-security-policy": (
        b"default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'; sandbox"
    ),
    b"x-content-type-options": b"nosniff",
}
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(rb"[^\x00-\x08\x0a-\x1f\x7f]*")
_BODILESS = (204, 304)
# How an answer is sent is the connection's own business (RFC 9110, 7.6.1).
_HOP_BY_HOP = {b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer"}
_HOP_BY_HOP |= {b"transfer-encoding", b"upgrade"}


class Relay:
    """One answer on its way to the client.

    Args:
        send: ASGI's.

    Attributes:
        started: Whether its head has been sent, after which nothing else can be answered.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._head: dict[str, Any] = {}
        self._length: int | None = None
        self.started = False

    async def start(self, payload: bytes) -> None:
        """Take the head. Where it tells the body's length, it waits for the first piece, to be compared.

        Raises:
            ValueError: If it has what HTTP has not.
        """
        content = orjson.loads(payload)
        headers = [
            (name.encode("latin-1").lower(), value.encode("latin-1")) for name, value in content["headers"]
        ]
        _check(content["status"], headers)
        dropped = _HOP_BY_HOP | {b"content-length"} if content["status"] in _BODILESS else _HOP_BY_HOP
        kept = [header for header in headers if header[0] not in dropped]
        given = dict(kept)
        kept += [header for header in _SAFE.items() if header[0] not in given]
        self._head = {"type": "http.response.start", "status": content["status"], "headers": kept}
        self._length = int(given[b"content-length"]) if b"content-length" in given else None
        if self._length is None:
            await self._begin()

    async def piece(self, body: bytes, *, more: bool) -> None:
        """Pass a piece of the body on.

        Raises:
            ValueError: If the head tells another length, and has not been sent.
        """
        if self._head.get("status") in _BODILESS:
            body = b""
        if not self.started:
            if not more and len(body) != self._length:
                raise ValueError(f"its content-length is {self._length}, and its body has {len(body)} bytes")
            await self._begin()
        await self._send({"type": "http.response.body", "body": body, "more_body": more})

    async def _begin(self) -> None:
        self.started = True
        await self._send(self._head)


def _check(status: Any, headers: list[tuple[bytes, bytes]]) -> None:
    if not isinstance(status, int) or not 200 <= status <= 599:
        raise ValueError(f"{status} is no status of an answer")
    for name, value in headers:
        shown = name.decode("latin-1")
        if not _NAME.fullmatch(name):
            raise ValueError(f"{shown!r} is no name of a header")
        if not _VALUE.fullmatch(value):
            raise ValueError(f"the header {shown} has a line break or another control character")
        if name == b"content-length" and not value.isdigit():
            raise ValueError(f"its content-length is {value.decode('latin-1')!r}")
