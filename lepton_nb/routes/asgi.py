"""The routes' end of the channel: each request the front sends runs as ASGI, and may ask the model."""

from __future__ import annotations

import asyncio
import concurrent.futures
import itertools
import os
from typing import Any

import anyio
import orjson

from lepton_nb.processes.channel import Channel, Kind, pack_pair, split_pair, split_status
from lepton_nb.processes.encodings import PLAIN, inflate
from lepton_nb.processes.refusals import RefusedError
from lepton_nb.routes.app import RoutesApp
from lepton_nb.routes.model import ModelCallError
from lepton_nb.routes.responses import failure


class RoutesEnd(Channel):
    """The routes' end of the channel: runs each request, and asks the model for them.

    Args:
        max_body: Bytes that a request's body may have once it is decompressed.
    """

    def __init__(self, max_body: int) -> None:
        self.max_body = max_body
        self.app: RoutesApp | None = None
        self.ended = asyncio.Event()
        self._exchanges: dict[int, _Exchange] = {}
        self._asked: dict[int, concurrent.futures.Future[tuple[int, bytes]]] = {}
        self._numbers = itertools.count(1)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closing = False

    def ask(self, content_type: bytes, body: bytes) -> tuple[int, bytes]:
        """What the model answers, from any thread but the loop's.

        Raises:
            ModelCallError: If the service does not run yet, or no more.
        """
        if self._loop is None:
            raise ModelCallError(503, "the model can be asked by requests, not while the service starts")
        future: concurrent.futures.Future[tuple[int, bytes]] = concurrent.futures.Future()
        self._loop.call_soon_threadsafe(self._send_question, future, content_type, body)
        return future.result()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._loop = asyncio.get_running_loop()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        os._exit(0)  # the front has gone; threads of the user's must not keep this alive

    def receive(self, kind: Kind, request: int, payload: bytes) -> None:
        if kind is Kind.REQUEST:
            exchange = _Exchange(self, request, *split_pair(payload))
            self._exchanges[request] = exchange
            exchange.start()
        elif kind is Kind.ANSWER:
            self._asked.pop(request).set_result(split_status(payload))
        elif kind is Kind.CLOSE:
            self._closing = True
            self._end_if_idle()
        elif request in self._exchanges:
            self._exchanges[request].hear(kind)

    def finish(self, request: int) -> None:
        self._exchanges.pop(request, None)
        self.send(Kind.DONE, request)
        self._end_if_idle()

    def _end_if_idle(self) -> None:
        if self._closing and not self._exchanges:
            self.ended.set()

    def _send_question(
        self, future: concurrent.futures.Future[tuple[int, bytes]], content_type: bytes, body: bytes
    ) -> None:
        number = next(self._numbers)
        self._asked[number] = future
        self.send(Kind.ASK, number, pack_pair(content_type), body)


class _Exchange:
    """One request and its answer, as ASGI."""

    def __init__(self, channel: RoutesEnd, number: int, head: bytes, body: bytes) -> None:
        self._channel = channel
        self._number = number
        self._scope = _scope(orjson.loads(head))
        self._body: bytes | None = body
        self._passed = asyncio.Event()
        self._gone = asyncio.Event()
        self._work = anyio.CancelScope()
        self._task: asyncio.Task[None] | None = None
        self._answered = False

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run())

    def hear(self, kind: Kind) -> None:
        if kind is Kind.NEXT:
            self._passed.set()
        elif kind is Kind.CANCEL:
            self._gone.set()
            self._passed.set()
            if not self._answered:
                self._work.cancel()  # waits for a thread, which cannot be ended: the front looks after that

    async def _run(self) -> None:
        assert self._channel.app is not None
        try:
            with self._work:
                await self._inflate()
                await self._channel.app(self._scope, self._receive, self._send)
        except RefusedError as error:
            await failure(error.status, str(error))(self._scope, self._receive, self._send)
        except (Exception, SystemExit, KeyboardInterrupt):  # the application has logged it
            pass
        finally:
            if not self._answered:
                self._channel.send(Kind.ABORT, self._number)
            self._channel.finish(self._number)

    async def _inflate(self) -> None:
        """Take a ``Content-Encoding`` off the body: the application gets what was meant."""
        headers = dict(self._scope["headers"])
        encoding = headers.get(b"content-encoding", b"").lower()
        if self._body and encoding not in PLAIN:
            self._body = bytes(await asyncio.to_thread(inflate, self._body, encoding, self._channel.max_body))
            framing = (b"content-encoding", b"content-length")
            self._scope["headers"] = [item for item in self._scope["headers"] if item[0] not in framing]

    async def _receive(self) -> dict[str, Any]:
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            headers = [
                [name.decode("latin-1"), value.decode("latin-1")] for name, value in message["headers"]
            ]
            content = orjson.dumps({"status": message["status"], "headers": headers})
            self._channel.send(Kind.START, self._number, content)
            return
        more = message.get("more_body", False)
        self._answered = not more
        self._passed.clear()
        self._channel.send(Kind.CHUNK if more else Kind.LAST, self._number, message.get("body", b""))
        if more and not self._gone.is_set():
            await self._passed.wait()


def contained_task(loop: asyncio.AbstractEventLoop, work: Any, **options: Any) -> asyncio.Task[Any]:
    """A task whose `sys.exit()` ends it alone: asyncio would end the loop, and all other requests."""

    async def contained() -> Any:
        try:
            return await work
        except (SystemExit, KeyboardInterrupt) as error:
            raise RuntimeError(f"{type(error).__name__}: {error}") from error

    return asyncio.Task(contained(), loop=loop, **options)


def _scope(head: dict[str, Any]) -> dict[str, Any]:
    path: str = head["path"]
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "scheme": "http",
        "root_path": "",
        "method": head["method"],
        "path": path,
        "raw_path": path.encode(),
        "query_string": head["query"].encode("latin-1"),
        "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in head["headers"]],
        "client": None,
        "server": None,
    }
