"""A worker process as the front sees it: started, given one batch at a time, ended."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import orjson

from lepton_nb.processes.environment import environment_of_child
from lepton_nb.processes.settings import Settings
from lepton_nb.processes.spawning import Child, WorkerError
from lepton_nb.serve.frames import (
    HEADER,
    Kind,
    Request,
    Result,
    pack,
    pack_batch,
    unpack_piece,
    unpack_result,
)

__all__ = ["Worker", "WorkerError"]

# glibc would give a batch's activations back to the kernel, and fault them in again for the next one:
# with this, torch takes about a fifth less time for a batch of 32 small pictures.
_KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(128 << 20)}


class Worker(Child):
    """One worker process. It begins to import at once, and loads its package when it is told which.

    Attributes:
        description: What the worker said about its package when it was ready.
        on_result: Called with each batch's result.
        on_piece: Called with each piece of an answer, and the position of its request in the batch.
        on_exit: Called once when the process is gone, whatever ended it.
    """

    def __init__(self) -> None:
        super().__init__("lepton_nb.serve.worker", (), {**_KEEP_MEMORY, **environment_of_child()})
        self.description: dict[str, Any] = {}
        self.on_result: Callable[[Worker, Result], None] = lambda _worker, _result: None
        self.on_piece: Callable[[Worker, int, bytes], None] = lambda _worker, _index, _piece: None
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

    def stop_pieces(self) -> None:
        """Nobody wants the rest of the answer that is coming in pieces; the result still comes."""
        assert self._transport is not None
        self._transport.write(pack(Kind.STOP, b""))

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
        if kind is Kind.PIECE:
            self.on_piece(self, *unpack_piece(payload))
            return
        content = orjson.loads(payload)
        if kind is Kind.READY:
            self.description = content
            self._settle()
        else:
            self._settle(content["error"])
