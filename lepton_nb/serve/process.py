"""A worker process as the front sees it: started, given one batch at a time, ended."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import orjson

from lepton_nb.serve.environment import environment_of_child
from lepton_nb.serve.frames import (
    HEADER,
    Kind,
    Request,
    Result,
    pack,
    pack_batch,
    pack_stream,
    split_stream,
    unpack_result,
)
from lepton_nb.serve.settings import Settings
from lepton_nb.serve.spawning import Child, WorkerError

__all__ = ["Worker", "WorkerError"]

# glibc would give a batch's activations back to the kernel, and fault them in again for the next one:
# with this, torch takes about a fifth less time for a batch of 32 small pictures.
_KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(128 << 20)}


class Worker(Child):
    """One worker process. It begins to import at once, and loads its package when it is told which.

    Attributes:
        description: What the worker said about its package when it was ready.
        on_result: Called with each batch's result.
        on_piece: Called with the number of a stream and each piece of its answer.
        on_end: Called with the number of a stream and its result.
        on_exit: Called once when the process is gone, whatever ended it.
    """

    def __init__(self) -> None:
        super().__init__("lepton_nb.serve.worker", (), {**_KEEP_MEMORY, **environment_of_child()})
        self.description: dict[str, Any] = {}
        self.on_result: Callable[[Worker, Result], None] = lambda _worker, _result: None
        self.on_piece: Callable[[Worker, int, bytes], None] = lambda _worker, _stream, _piece: None
        self.on_end: Callable[[Worker, int, Result], None] = lambda _worker, _stream, _result: None
        self.on_exit: Callable[[Worker], None] = lambda _worker: None
        self._buffer = bytearray()

    def load(self, settings: Settings) -> None:
        """Let it load the package; `ready` waits for it."""
        self.settings = settings
        with suppress(OSError):  # it is gone already: `ready` says so
            self._socket.sendall(pack(Kind.LOAD, orjson.dumps(settings.without_tokens())))

    def send(self, requests: list[Request]) -> None:
        """Give the worker a batch; `on_result` or `on_exit` is called later."""
        assert self._transport is not None
        self._transport.writelines(pack_batch(requests))

    def stream(self, number: int, request: Request) -> None:
        """Have a request answered in pieces between the batches; `on_end` or `on_exit` is called later."""
        assert self._transport is not None
        self._transport.writelines(pack_batch([request], number))

    def stop_stream(self, number: int) -> None:
        """Nobody wants the rest of its answer; its end still comes."""
        assert self._transport is not None
        self._transport.write(pack_stream(Kind.STOP, number))

    def ended(self) -> None:
        self.on_exit(self)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while len(self._buffer) >= HEADER.size:
            length, kind = HEADER.unpack_from(self._buffer)
            end = HEADER.size + length
            if len(self._buffer) < end:
                return
            payload = bytes(memoryview(self._buffer)[HEADER.size : end])
            del self._buffer[:end]
            self._receive(Kind(kind), payload)

    def _receive(self, kind: Kind, payload: bytes) -> None:
        if kind is Kind.RESULT:
            self.on_result(self, unpack_result(memoryview(payload)))
            return
        if kind in (Kind.PIECE, Kind.END):
            stream, rest = split_stream(memoryview(payload))
            if kind is Kind.PIECE:
                self.on_piece(self, stream, bytes(rest))
            else:
                self.on_end(self, stream, unpack_result(rest))
            return
        content = orjson.loads(payload)
        if kind is Kind.READY:
            self.description = content
            self._settle()
        else:
            self._settle(content["error"])
