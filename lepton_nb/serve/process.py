"""A worker process as the front sees it: started, given one batch at a time, ended."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import orjson

from lepton_nb.processes.channel import Kind, send_frame
from lepton_nb.processes.environment import environment_of_child
from lepton_nb.processes.settings import Settings
from lepton_nb.processes.spawning import Child, WorkerError
from lepton_nb.serve.batches import Request, Result, pack_batch, unpack_result

__all__ = ["Worker", "WorkerError"]

# glibc would give a batch's activations back to the kernel, and fault them in again for the next one:
# with this, torch takes about a fifth less time for a batch of 32 small pictures.
_KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(128 << 20)}


class Worker(Child):
    """One worker process. It begins to import at once, and loads its package when it is told which.

    Attributes:
        on_result: Called with each batch's result.
        on_piece: Called with the number of a stream and each piece of its answer.
        on_end: Called with the number of a stream and its result.
        on_exit: Called once when the process is gone, whatever ended it.
    """

    def __init__(self) -> None:
        super().__init__("lepton_nb.serve.worker", (), {**_KEEP_MEMORY, **environment_of_child()})
        self.on_result: Callable[[Worker, Result], None] = lambda _worker, _result: None
        self.on_piece: Callable[[Worker, int, bytes], None] = lambda _worker, _stream, _piece: None
        self.on_end: Callable[[Worker, int, Result], None] = lambda _worker, _stream, _result: None
        self.on_exit: Callable[[Worker], None] = lambda _worker: None

    def load(self, settings: Settings) -> None:
        """Let it load the package; `ready` waits for it."""
        self.settings = settings
        with suppress(OSError):  # it is gone already: `ready` says so
            send_frame(self._socket, Kind.LOAD, orjson.dumps(settings.without_tokens()))

    def run(self, requests: list[Request]) -> None:
        """Give the worker a batch; `on_result` or `on_exit` is called later."""
        self.send(Kind.BATCH, 0, *pack_batch(requests))

    def stream(self, number: int, request: Request) -> None:
        """Have a request answered in pieces between the batches; `on_end` or `on_exit` is called later.

        Args:
            number: What the stream is called from now on, from 1.
        """
        self.send(Kind.STREAM, number, *pack_batch([request]))

    def stop_stream(self, number: int) -> None:
        """Nobody wants the rest of its answer; its end still comes."""
        self.send(Kind.STOP, number)

    def ended(self) -> None:
        self.on_exit(self)

    def receive(self, kind: Kind, request: int, payload: bytes) -> None:
        if kind is Kind.RESULT and request:
            self.on_end(self, request, unpack_result(memoryview(payload)))
        elif kind is Kind.RESULT:
            self.on_result(self, unpack_result(memoryview(payload)))
        elif kind is Kind.PIECE:
            self.on_piece(self, request, payload)
        else:
            super().receive(kind, request, payload)
