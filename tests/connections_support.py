"""A server of our own connections around a tiny application, and clients that speak in bytes."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from lepton_nb.serve.http.connections import Connection, watch


class Running:
    """A server that answers with `application`, in a thread."""

    def __init__(self, application: Any) -> None:
        config = uvicorn.Config(application, http=Connection, ws="none", lifespan="off", log_config=None)
        self.server = uvicorn.Server(config)
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        self.thread = threading.Thread(target=lambda: asyncio.run(self._run(listener)))
        self.thread.start()

    async def _run(self, listener: socket.socket) -> None:
        watching = asyncio.create_task(watch(self.server.server_state.connections))
        await self.server.serve(sockets=[listener])
        watching.cancel()

    def connect(self) -> socket.socket:
        client = socket.create_connection(("127.0.0.1", self.port))
        client.settimeout(10)
        return client

    def ask(self, request: bytes) -> bytes:
        """The whole answer to some bytes, until the server closes the connection."""
        with self.connect() as client:
            client.sendall(request)
            return everything(client)


@contextmanager
def running(application: Any) -> Iterator[Running]:
    server = Running(application)
    try:
        yield server
    finally:
        server.server.should_exit = True
        server.thread.join()


async def body_length(receive: Any) -> int | None:
    """How long the body of a request is; None where its client has gone."""
    length, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        length, more = length + len(message["body"]), message["more_body"]
    return length


async def send_text(send: Any, body: bytes) -> None:
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def everything(client: socket.socket) -> bytes:
    parts = []
    try:
        while part := client.recv(65536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)
