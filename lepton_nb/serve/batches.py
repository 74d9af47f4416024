"""Batches and their results, as front and worker pack them into the channel's frames.

A batch is, for each request, ``dialect: u8, type length: u16, encoding length: u8, accept length: u16, JSON
length: u32, body length: u32, content type, encoding, accept, body``; a result is ``milliseconds: f32, items:
u32``, then for each request ``status: u16, type length: u8, JSON length: u32, body length: u32, content type,
body``.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

_REQUEST = struct.Struct("!BHBHII")
_TIMING = struct.Struct("!fI")
_ANSWER = struct.Struct("!HBII")


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


def pack_batch(requests: Iterable[Request]) -> Iterator[bytes | memoryview]:
    """A batch as pieces to be sent one after the other, without copying the bodies."""
    for content_type, body, dialect, encoding, json_length, accept in requests:
        lengths = _REQUEST.pack(
            dialect, len(content_type), len(encoding), len(accept), json_length, len(body)
        )
        yield b"".join((lengths, content_type, encoding, accept))
        yield body


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


def pack_result(result: Result) -> bytes:
    parts = [_TIMING.pack(result.milliseconds, result.items)]
    for status, body, json_length, content_type in result.answers:
        parts += (_ANSWER.pack(status, len(content_type), json_length, len(body)), content_type, body)
    return b"".join(parts)


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
