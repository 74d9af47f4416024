"""ASGI over a socket pair: what the front and the process of the handlers say to each other.

A frame is ``length: u32, kind: u8, request: u32, payload``. The front opens requests, whose bodies it has
read and bounded. The other side answers each in pieces and waits for ``NEXT`` after every one, so that a
fast generator and a slow client never fill anybody's memory. ``ASK`` goes the other way: a handler asks the
model.
"""

from __future__ import annotations

import asyncio
import struct
from enum import IntEnum
from typing import cast

_HEADER = struct.Struct("!IBI")
_LENGTH = struct.Struct("!I")
_STATUS = struct.Struct("!H")


class Kind(IntEnum):
    """What a frame is."""

    READY = 1  # JSON: the routes
    FAILED = 2  # JSON: why the handlers cannot be loaded
    REQUEST = 3  # head length, head as JSON, body
    START = 4  # JSON: status and headers
    CHUNK = 5  # a piece of the body, another follows
    LAST = 6  # the last piece of the body
    ABORT = 7  # the answer broke off
    NEXT = 8  # the front has passed the last piece on
    CANCEL = 9  # the client has gone
    ASK = 10  # content type length, content type, body: for the model
    ANSWER = 11  # status, JSON: from the model
    DONE = 12  # nothing of a request runs any more, its background tasks included
    CLOSE = 13  # end once everything that runs has ended


class Link(asyncio.Protocol):
    """One end of the socket pair: splits what arrives into frames for `receive`."""

    _transport: asyncio.Transport | None = None
    _buffer: bytearray

    def receive(self, kind: Kind, request: int, payload: bytes) -> None:
        """One frame has arrived."""
        raise NotImplementedError

    def send_frame(self, kind: Kind, request: int = 0, *parts: bytes) -> None:
        """Send a frame; nothing where the other side has gone."""
        if self._transport is None or self._transport.is_closing():
            return
        length = sum(map(len, parts))
        self._transport.writelines([_HEADER.pack(length, kind, request), *parts])

    @staticmethod
    def pack(kind: Kind, payload: bytes) -> bytes:
        """A frame about no request."""
        return _HEADER.pack(len(payload), kind, 0) + payload

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._buffer = bytearray()
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but its class

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while len(self._buffer) >= _HEADER.size:
            length, kind, request = _HEADER.unpack_from(self._buffer)
            end = _HEADER.size + length
            if len(self._buffer) < end:
                return
            payload = bytes(memoryview(self._buffer)[_HEADER.size : end])
            del self._buffer[:end]
            self.receive(Kind(kind), request, payload)


def pack_pair(first: bytes) -> bytes:
    """What stands before a payload of two parts: the length of the first, and the first."""
    return _LENGTH.pack(len(first)) + first


def split_pair(payload: bytes) -> tuple[bytes, bytes]:
    (length,) = _LENGTH.unpack_from(payload)
    middle = _LENGTH.size + length
    return payload[_LENGTH.size : middle], payload[middle:]


def pack_status(status: int) -> bytes:
    return _STATUS.pack(status)


def split_status(payload: bytes) -> tuple[int, bytes]:
    (status,) = _STATUS.unpack_from(payload)
    return int(status), payload[_STATUS.size :]
