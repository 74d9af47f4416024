"""What front and worker say to each other over their socket pair: length-prefixed frames of raw bytes.

A frame is ``length: u32, kind: u8, payload``. A batch's payload is, for each request, ``dialect: u8, type
length: u16, encoding length: u8, accept length: u16, JSON length: u32, body length: u32, content type,
encoding, accept, body``; a result's is ``milliseconds: f32, items: u32``, then for each request ``status:
u16, type length: u8, JSON length: u32, body length: u32, content type, body``. A stream is a request whose
answer comes in pieces, between batches: ``stream: u32, batch of it alone``. It is answered by pieces, each
``stream: u32, JSON``, and an end, ``stream: u32, result``; once nobody wants more the front says stop.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

HEADER = struct.Struct("!IB")
_REQUEST = struct.Struct("!BHBHII")
_TIMING = struct.Struct("!fI")
_ANSWER = struct.Struct("!HBII")
_STREAM = struct.Struct("!I")


class Kind(IntEnum):
    """What a frame is."""

    READY = 1
    FAILED = 2
    BATCH = 3
    RESULT = 4
    LOAD = 5
    PIECE = 6
    STOP = 7
    STREAM = 8
    END = 9


class Dialect(IntEnum):
    """How a body is to be read and its answer to be written."""

    PREDICT = 0  # our own: real inputs and readable answers
    INFER = 1  # tensors, by the Open Inference Protocol over REST
    GRPC = 2  # the same over gRPC
    STREAM = 3  # our own, in pieces where the model has any


class Request(NamedTuple):
    """One request of a batch, as it came over HTTP.

    Attributes:
        encoding: The ``Content-Encoding``; empty where there is none.
        json_length: Bytes of JSON before binary tensors; 0 where the body is all one thing.
        accept: What the client wants beside JSON, as ``Accept`` says it; empty where that is nothing.
    """

    content_type: bytes
    body: bytes | memoryview
    dialect: int = Dialect.PREDICT
    encoding: bytes = b""
    json_length: int = 0
    accept: bytes = b""


class Answer(NamedTuple):
    """One answer.

    Attributes:
        status: The HTTP status.
        body: JSON, after which binary tensors may follow.
        json_length: Bytes of JSON where they do; 0 where the body is all one thing.
        content_type: What the body is, where it is a file.
    """

    status: int
    body: bytes
    json_length: int = 0
    content_type: bytes = b""


@dataclass(frozen=True)
class Result:
    """The answers of a batch, in the order of its requests.

    Attributes:
        milliseconds: Time the model itself ran.
        items: Items the model ran on.
    """

    answers: list[Answer]
    milliseconds: float
    items: int


def pack_batch(requests: Iterable[Request], stream: int | None = None) -> list[bytes | memoryview]:
    """A batch frame, or that of a stream, as pieces to be written in turn, without copying the bodies."""
    pieces: list[bytes | memoryview] = [b""]
    length = 0
    for content_type, body, dialect, encoding, json_length, accept in requests:
        lengths = _REQUEST.pack(
            dialect, len(content_type), len(encoding), len(accept), json_length, len(body)
        )
        head = b"".join((lengths, content_type, encoding, accept))
        pieces += (head, body)
        length += len(head) + len(body)
    if stream is None:
        pieces[0] = HEADER.pack(length, Kind.BATCH)
    else:
        pieces[0] = HEADER.pack(length + _STREAM.size, Kind.STREAM) + _STREAM.pack(stream)
    return pieces


def unpack_batch(payload: memoryview) -> list[Request]:
    requests = []
    at = 0
    while at < len(payload):
        dialect, type_length, encoding_length, accept_length, json_length, body_length = _REQUEST.unpack_from(
            payload, at
        )
        at += _REQUEST.size
        content_type = bytes(payload[at : at + type_length])
        at += type_length
        encoding = bytes(payload[at : at + encoding_length])
        at += encoding_length
        accept = bytes(payload[at : at + accept_length])
        at += accept_length
        body = payload[at : at + body_length]
        at += body_length
        requests.append(Request(content_type, body, dialect, encoding, json_length, accept))
    return requests


def pack_result(result: Result, stream: int | None = None) -> bytes:
    """A result frame, or the end of a stream."""
    parts = [] if stream is None else [_STREAM.pack(stream)]
    parts += [_TIMING.pack(result.milliseconds, result.items)]
    for status, body, json_length, content_type in result.answers:
        parts += (_ANSWER.pack(status, len(content_type), json_length, len(body)), content_type, body)
    return pack(Kind.RESULT if stream is None else Kind.END, b"".join(parts))


def unpack_result(payload: memoryview) -> Result:
    milliseconds, items = _TIMING.unpack_from(payload)
    answers = []
    at = _TIMING.size
    while at < len(payload):
        status, type_length, json_length, length = _ANSWER.unpack_from(payload, at)
        at += _ANSWER.size
        content_type = bytes(payload[at : at + type_length])
        at += type_length
        answers.append(Answer(status, bytes(payload[at : at + length]), json_length, content_type))
        at += length
    return Result(answers, milliseconds, items)


def pack_stream(kind: Kind, stream: int, payload: bytes = b"") -> bytes:
    return pack(kind, _STREAM.pack(stream) + payload)


def split_stream(payload: memoryview) -> tuple[int, memoryview]:
    """The number of a stream, and what is said of it."""
    return _STREAM.unpack_from(payload)[0], payload[_STREAM.size :]


def pack(kind: Kind, payload: bytes) -> bytes:
    return HEADER.pack(len(payload), kind) + payload


def read_frame(connection: socket.socket) -> tuple[Kind, memoryview] | None:
    """The next frame from a blocking socket, or None where the other side has closed it."""
    header = _read_exactly(connection, HEADER.size)
    if header is None:
        return None
    length, kind = HEADER.unpack(header)
    payload = _read_exactly(connection, length)
    return None if payload is None else (Kind(kind), payload)


def _read_exactly(connection: socket.socket, length: int) -> memoryview | None:
    buffer = memoryview(bytearray(length))
    at = 0
    while at < length:
        count = connection.recv_into(buffer[at:])
        if count == 0:
            return None
        at += count
    return buffer
