"""What the front and its child processes say to each other over their socket pairs: frames of raw bytes.

A frame is ``length: u32, kind: u8, request: u32, payload``; `request` is the number of what it is about, and
0 where that is nothing.

The worker gets batches, and streams: requests whose answers come in pieces, made between the batches, each
with the number of its stream, as the result at the end. The process of the routes gets requests, whose bodies
the front has read and bounded, and answers each in pieces; it waits for ``NEXT`` after every one: a fast
generator and a slow client must never fill anybody's memory. ``ASK`` goes the other way: a route asks the
model.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from enum import IntEnum
from typing import cast

_HEADER = struct.Struct("!IBI")
_LENGTH = struct.Struct("!I")
_STATUS = struct.Struct("!H")

Bytes = bytes | memoryview


class Kind(IntEnum):
    """What a frame is."""

    READY = 1  # JSON: what has been loaded
    FAILED = 2  # JSON: why it cannot be
    LOAD = 3  # JSON: the settings
    BATCH = 4  # requests, see `serve.batches`
    PIECE = 5  # JSON: a piece of the answer of a stream
    STOP = 6  # nobody wants more pieces of it
    RESULT = 7  # the answers to a batch, or that of a stream
    REQUEST = 8  # head length, head as JSON, body
    START = 9  # JSON: status and headers
    CHUNK = 10  # a piece of the body, another follows
    LAST = 11  # the last piece of the body
    ABORT = 12  # the answer broke off
    NEXT = 13  # the front has passed the last piece on
    CANCEL = 14  # the client has gone
    ASK = 15  # content type length, content type, body: for the model
    ANSWER = 16  # status, JSON: from the model
    DONE = 17  # nothing of a request runs any more, its background tasks included
    CLOSE = 18  # end once everything that runs has ended
    STREAM = 19  # a batch of one, whose answer is to come in pieces


class Channel(asyncio.Protocol):
    """One end of a socket pair on an event loop: splits what arrives into frames for `receive`."""

    _transport: asyncio.Transport | None = None
    _buffer: bytearray

    def receive(self, kind: Kind, request: int, payload: bytes) -> None:
        """One frame has arrived."""
        raise NotImplementedError

    def send(self, kind: Kind, request: int = 0, *parts: Bytes) -> None:
        """Send a frame, without copying its parts; nothing where the other side has gone."""
        if self._transport is None or self._transport.is_closing():
            return
        self._transport.writelines([_HEADER.pack(sum(map(len, parts)), kind, request), *parts])

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


def send_frame(connection: socket.socket, kind: Kind, payload: bytes, request: int = 0) -> None:
    """Send a frame through a blocking socket."""
    connection.sendall(_HEADER.pack(len(payload), kind, request) + payload)


def read_frame(connection: socket.socket) -> tuple[Kind, int, memoryview] | None:
    """The next frame from a blocking socket, or None where the other side has closed it."""
    header = _read_exactly(connection, _HEADER.size)
    if header is None:
        return None
    length, kind, request = _HEADER.unpack(header)
    payload = _read_exactly(connection, length)
    return None if payload is None else (Kind(kind), request, payload)


def _read_exactly(connection: socket.socket, length: int) -> memoryview | None:
    buffer = memoryview(bytearray(length))
    at = 0
    while at < length:
        count = connection.recv_into(buffer[at:])
        if count == 0:
            return None
        at += count
    return buffer


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
