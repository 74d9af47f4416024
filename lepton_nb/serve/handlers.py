"""The process of the handlers: `python -m lepton_nb.serve.handlers`. Runs the user's routes for the front.

It loads the captured source of one package, says which routes there are, and answers requests until the front
closes. Spawned by the front; nothing else talks to it.
"""

from __future__ import annotations

import argparse
import asyncio
import concurrent.futures
import itertools
import logging
import os
import socket
import sys
import traceback
from types import TracebackType
from typing import Any

import anyio
import orjson

from lepton_nb.errors import LeptonError
from lepton_nb.handlers.app import HandlerApp
from lepton_nb.handlers.model import Model, ModelCallError
from lepton_nb.handlers.openapi import describe
from lepton_nb.handlers.responses import failure
from lepton_nb.handlers.routes import routes_of, takes_model
from lepton_nb.handlers.source import HandlerSource
from lepton_nb.packaging import Package
from lepton_nb.serve.backend import require_own
from lepton_nb.serve.child import tie_to_the_front
from lepton_nb.serve.encodings import PLAIN, inflate
from lepton_nb.serve.link import Kind, Link, pack_pair, split_pair, split_status
from lepton_nb.serve.memory import limit_growth
from lepton_nb.serve.refusals import RefusedError
from lepton_nb.serve.settings import Settings
from lepton_nb.tasks import get_task

log = logging.getLogger("lepton_nb.handlers")


def main(arguments: list[str] | None = None) -> int:
    options = _parse(arguments)
    tie_to_the_front()
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    connection = socket.socket(fileno=options.fd)
    link = HandlerLink(options.max_body)
    try:
        app = load(options.package, link, trusted=options.trusted)
    except (Exception, SystemExit) as error:
        message = error.message if isinstance(error, LeptonError) else _explain(error)
        connection.sendall(Link.pack(Kind.FAILED, orjson.dumps({"error": message})))
        return 1
    paths, schemas = describe(app.routes.values())
    content = orjson.dumps({"paths": paths, "schemas": schemas})
    if options.memory_limit:
        limit_growth(options.memory_limit)
    connection.setblocking(False)
    asyncio.run(_run(connection, link, app, content))
    return 0


def load(path: str, link: HandlerLink, *, trusted: bool) -> HandlerApp:
    """The application of a package's handlers.

    Raises:
        LeptonError: If the package is damaged, not of this user's store, or its handlers are no routes.
        Exception: Whatever the user's code raises while it loads.
    """
    package = Package.load(path)
    if not trusted:
        require_own(package)
    codec = get_task(package.signature.task).codec(package.signature)
    model = Model(codec, link.ask)
    source = HandlerSource.read(package.path)
    target = source.targets(source.load())
    if isinstance(target, type):
        target = target(model) if takes_model(target) else target()
    own = source.own_files
    return HandlerApp(routes_of(target), model, own.__contains__)


class HandlerLink(Link):
    """The handlers' end of the link: runs each request, and asks the model for them.

    Args:
        max_body: Bytes that a request's body may have once it is decompressed.
    """

    def __init__(self, max_body: int) -> None:
        self.max_body = max_body
        self.app: HandlerApp | None = None
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
        self.send_frame(Kind.DONE, request)
        self._end_if_idle()

    def _end_if_idle(self) -> None:
        if self._closing and not self._exchanges:
            self.ended.set()

    def _send_question(
        self, future: concurrent.futures.Future[tuple[int, bytes]], content_type: bytes, body: bytes
    ) -> None:
        number = next(self._numbers)
        self._asked[number] = future
        self.send_frame(Kind.ASK, number, pack_pair(content_type), body)


class _Exchange:
    """One request and its answer, as ASGI."""

    def __init__(self, link: HandlerLink, number: int, head: bytes, body: bytes) -> None:
        self._link = link
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
        assert self._link.app is not None
        try:
            with self._work:
                await self._inflate()
                await self._link.app(self._scope, self._receive, self._send)
        except RefusedError as error:
            await failure(error.status, str(error))(self._scope, self._receive, self._send)
        except (Exception, SystemExit, KeyboardInterrupt):  # the application has logged it
            pass
        finally:
            if not self._answered:
                self._link.send_frame(Kind.ABORT, self._number)
            self._link.finish(self._number)

    async def _inflate(self) -> None:
        """Take a ``Content-Encoding`` off the body: the application gets what was meant."""
        headers = dict(self._scope["headers"])
        encoding = headers.get(b"content-encoding", b"").lower()
        if self._body and encoding not in PLAIN:
            self._body = bytes(await asyncio.to_thread(inflate, self._body, encoding, self._link.max_body))
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
            self._link.send_frame(Kind.START, self._number, content)
            return
        more = message.get("more_body", False)
        self._answered = not more
        self._passed.clear()
        self._link.send_frame(Kind.CHUNK if more else Kind.LAST, self._number, message.get("body", b""))
        if more and not self._gone.is_set():
            await self._passed.wait()


async def _run(connection: socket.socket, link: HandlerLink, app: HandlerApp, ready: bytes) -> None:
    link.app = app
    asyncio.get_running_loop().set_task_factory(_contained_task)
    await asyncio.get_running_loop().create_unix_connection(lambda: link, sock=connection)
    link.send_frame(Kind.READY, 0, ready)
    await link.ended.wait()
    sys.stdout.flush()
    os._exit(0)  # as where the front has gone


def _contained_task(loop: asyncio.AbstractEventLoop, work: Any, **options: Any) -> asyncio.Task[Any]:
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


def _explain(error: BaseException) -> str:
    """The error and the user's line, for the notebook; the traceback goes to the log."""
    frames = [
        frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith("Cell ")
    ]
    traceback.print_exception(type(error), error, _from_user(error.__traceback__))
    where = f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames else ""
    return f"the handlers cannot be loaded: {type(error).__name__}: {error}{where}"


def _from_user(trace: TracebackType | None) -> TracebackType | None:
    first = trace
    while first is not None and not first.tb_frame.f_code.co_filename.startswith("Cell "):
        first = first.tb_next
    return first or trace


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m lepton_nb.serve.handlers")
    parser.add_argument("--fd", type=int, required=True)
    parser.add_argument("--package", required=True)
    parser.add_argument("--memory-limit", type=int, default=0)
    parser.add_argument("--max-body", type=int, default=Settings.max_body)
    parser.add_argument("--trusted", action="store_true")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
