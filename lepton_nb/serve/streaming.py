"""Answers in pieces, as the worker sends them: until there are no more, or nobody wants them."""

from __future__ import annotations

import select
import socket
from collections.abc import Callable, Iterable
from typing import Any

from lepton_nb.processes.channel import Kind, read_frame, send_frame
from lepton_nb.serve.wires.base import dump_json
from lepton_nb.tasks.base import Arrays


class StoppedError(Exception):
    """Nobody wants the rest of an answer."""


def drain(pieces: Iterable[Any], emit: Callable[[bytes], bool]) -> Arrays | None:
    """Send every piece as it comes, as ``{"piece": …}``.

    Returns:
        The outputs of the model, where the generator returns them.

    Raises:
        StoppedError: If nobody wants more.
    """
    coming = iter(pieces)
    while True:
        try:
            piece = next(coming)
        except StopIteration as end:
            outputs: Arrays | None = end.value
            return outputs
        if not emit(dump_json({"piece": piece})):
            raise StoppedError


class Pieces:
    """Sends pieces to the front over the worker's socket, and hears when to stop."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def __call__(self, request: int, piece: bytes) -> bool:
        send_frame(self._connection, Kind.PIECE, piece, request)
        told, _, _ = select.select([self._connection], [], [], 0)
        if told:  # while a batch runs the front says nothing but to stop
            read_frame(self._connection)
        return not told
