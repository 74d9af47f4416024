"""Answers in pieces, as the worker makes them: by turns, and between batches, which need not wait."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Generator
from dataclasses import dataclass, replace

from lepton_nb.processes.channel import Kind, send_frame
from lepton_nb.serve.batches import Request, Result, pack_result
from lepton_nb.serve.predictor import Predictor
from lepton_nb.serve.wires.base import failure


@dataclass
class _Stream:
    pieces: Generator[bytes, None, Result]
    seconds: float = 0.0


class Streams:
    """The answers that are being made.

    Args:
        connection: Where their pieces go.
    """

    def __init__(self, predictor: Predictor, connection: socket.socket) -> None:
        self._predictor, self._connection = predictor, connection
        self._running: dict[int, _Stream] = {}

    def begin(self, number: int, request: Request) -> None:
        self._running[number] = _Stream(self._predictor.stream(request))

    def stop(self, number: int) -> None:
        """Nobody wants the rest; a stop may come when there is nothing left to stop."""
        stream = self._running.get(number)
        if stream is not None:
            stream.pieces.close()
            self._end(number, Result([failure(499, "the client has gone")], 0.0, 0))

    def advance(self) -> None:
        """Make pieces, by turns, until all is said or the front says something; one in any case."""
        while self._running:
            number = next(iter(self._running))
            self._running[number] = self._running.pop(number)  # the last to have its next turn
            self._next(number, self._running[number])
            if select.select([self._connection], [], [], 0)[0]:
                return

    def _next(self, number: int, stream: _Stream) -> None:
        started = time.perf_counter()
        try:
            piece = next(stream.pieces)
        except StopIteration as end:
            stream.seconds += time.perf_counter() - started
            self._end(number, end.value)
        else:
            stream.seconds += time.perf_counter() - started
            send_frame(self._connection, Kind.PIECE, piece, number)

    def _end(self, number: int, result: Result) -> None:
        seconds = self._running.pop(number).seconds
        result = replace(result, milliseconds=seconds * 1e3)
        send_frame(self._connection, Kind.RESULT, pack_result(result), number)
