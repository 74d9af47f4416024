"""Connections that do not misuse the server: limits on their number, on headers, and on slow clients.

A client that sends its request by a byte a second, or never takes its answer, costs one connection and a few
kilobytes, for a bounded time. Wherever it can still be read, a refusal is an answer with ``{"error": …}``.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, MutableMapping, Set
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from http import HTTPStatus
from typing import Any

import orjson
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from lepton_nb.serve.http.parsing import Parser
from lepton_nb.serve.http.request_head import fault_in, split_target
from lepton_nb.show.numbers import limit as limit_text

_MAX_CONNECTIONS = 1000
_MAX_HEADERS = 64 << 10  # bytes of a request's line and headers
_AROUND_A_HEADER = 4  # a colon, a space and the end of the line
_HEADER_LIMIT = 10.0  # seconds in which they must have come
_BODY_GRACE = 20.0  # seconds after which a body must have come at the least rate
_LEAST_RATE = 8 << 10  # bytes a second
_ANSWER_LIMIT = 60.0  # seconds in which a client must take something of its answer
_SWEEP = 1.0
_SPARE_FILES = 64  # for the workers, the log, pages
_OURS = "lepton_nb"  # an extension of ASGI


class Corked:
    """A transport that can hold what is written: uvicorn writes head and body of an answer one by one,
    which costs the server a system call and the client a second look at its socket."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._held: list[bytes] | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if self._held is None:
            self._transport.write(data)
        else:
            self._held.append(data)

    def close(self) -> None:
        self._flush()
        self._transport.close()

    @contextmanager
    def corked(self) -> Iterator[None]:
        """Write everything of the block at once."""
        self._held = []
        try:
            yield
        finally:
            self._flush()

    def _flush(self) -> None:
        held, self._held = self._held, None
        if held:
            self._transport.write(b"".join(held))


def corked(send: object) -> AbstractContextManager[None]:
    """Have an ASGI `send` of such a connection write all of the block at once; any other one as it likes."""
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    return transport.corked() if isinstance(transport, Corked) else nullcontext()


def has_gone(scope: MutableMapping[str, Any]) -> Callable[[], bool]:
    """Tells at any time, without waiting, whether the client of this request has closed its connection."""
    asked: Callable[[], bool] = scope["extensions"][_OURS]["has_gone"]
    return asked


class Connection(HttpToolsProtocol):
    """One client's connection. It is looked at once a second, so that no request costs a timer."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(Corked(transport))  # type: ignore[arg-type]  # it is one in all but its class
        self.parser: Any = Parser(self, self._without_offer)
        # Refused when its request has come: who is cut off while still sending cannot read why.
        self._excess = len(self.connections) > _MAX_CONNECTIONS
        self._stuck_since: float | None = None
        self._lost = False
        self._await("headers")
        if len(self.connections) > 2 * _MAX_CONNECTIONS:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if not self._awaited and (self.cycle is None or self.cycle.response_complete):
            self._await("headers")  # uvicorn has just cancelled its own timer for idle connections
        super().data_received(data)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {_OURS: {"has_gone": lambda: self._lost}}
        self._await("headers")

    def on_url(self, url: bytes) -> None:
        self._count_headers(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count_headers(len(name) + len(value) + _AROUND_A_HEADER)
        if self._awaited == "headers":  # what comes after a chunked body is a trailer, and no header
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if self.parser.again:
            return
        fault = fault_in(self.parser.get_method(), self.parser.get_http_version(), self.headers)
        if self._excess:
            self.refuse(503, f"the {_MAX_CONNECTIONS} connections this service takes are in use")
        elif fault is not None:
            self.refuse(*fault)
        if self.transport.is_closing():
            return
        if not self.url.startswith(b"/"):
            self._take_target()
        super().on_headers_complete()
        self._await("body")

    def on_body(self, body: bytes) -> None:
        if not self.transport.is_closing():
            self._received += len(body)
            super().on_body(body)

    def on_message_complete(self) -> None:
        if self.parser.again:
            return
        self._awaited = ""
        if not self.transport.is_closing():
            super().on_message_complete()
            if not self.pipeline:
                self.flow.resume_reading()  # a large body has paused it; only who reads sees a client leave

    def pause_writing(self) -> None:
        self._stuck_since = time.monotonic()
        super().pause_writing()

    def resume_writing(self) -> None:
        self._stuck_since = None
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002
        cycle: Any = self.cycle
        if cycle is not None and self._awaited != "body" and not cycle.response_complete:
            cycle.keep_alive = False  # what cannot be read comes after a request, which has its answer yet
        else:
            self.refuse(400, "this is not an HTTP/1.1 request that can be read")

    def check(self, now: float) -> None:
        """Cut the client off where it has been too slow."""
        waited = now - self._since
        if self._stuck_since is not None and now - self._stuck_since > _ANSWER_LIMIT:
            self.transport.abort()
        elif self._awaited == "headers" and waited > _HEADER_LIMIT:
            if self._received:
                self.refuse(408, f"the headers did not come within {_HEADER_LIMIT:g} s")
            else:
                self.transport.close()  # it was opened in advance, as browsers do, and never used
        elif self._awaited == "body" and self._too_slow(waited):
            self.refuse(408, f"the body comes slower than {limit_text(_LEAST_RATE)}/s")

    def _too_slow(self, waited: float) -> bool:
        return not self.flow.read_paused and self._received < (waited - _BODY_GRACE) * _LEAST_RATE

    def refuse(self, status: int, error: str) -> None:
        """Answer with an error, unless an answer has begun, and close the connection."""
        if self.transport.is_closing():
            return
        if self._may_answer():
            self.transport.write(_answer(status, error))
        self.transport.close()

    def _may_answer(self) -> bool:
        cycle: Any = self.cycle  # None before the first request, whatever uvicorn's annotation says
        if cycle is None:
            return True
        if self._awaited == "headers":
            return bool(cycle.response_complete)  # of the request before
        return not cycle.response_started and not self.pipeline

    def _await(self, what: str) -> None:
        self._awaited = what
        self._since = time.monotonic()
        self._received = 0

    def _without_offer(self) -> bytes:
        """The head at hand without ``Upgrade``."""
        version = self.parser.get_http_version().encode()
        lines = [b"%b: %b" % header for header in self.headers if header[0] != b"upgrade"]
        first = b"%b %b HTTP/%b" % (self.parser.get_method(), self.url, version)
        return b"\r\n".join([first, *lines, b"", b""])

    def _take_target(self) -> None:
        """Where the target names a host, it counts, and the ``Host`` header does not (RFC 9112, 3.2.2)."""
        host, self.url = split_target(self.parser.get_method(), self.url)
        if host:
            self.headers[:] = [(b"host", host), *(item for item in self.headers if item[0] != b"host")]

    def _count_headers(self, size: int) -> None:
        self._received += size
        if self._received > _MAX_HEADERS:
            self.refuse(431, f"the headers are larger than {limit_text(_MAX_HEADERS)}")


async def watch(connections: Set[Any]) -> None:
    """Look at every connection once a second; never returns."""
    while True:
        await asyncio.sleep(_SWEEP)
        now = time.monotonic()
        for connection in list(connections):
            connection.check(now)


def allow_files() -> None:
    """Let this process open as many files as connections need; the usual limit is 1024."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * _MAX_CONNECTIONS + _SPARE_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):
            limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))


def _answer(status: int, error: str) -> bytes:
    body = orjson.dumps({"error": error})
    retry = "retry-after: 1\r\n" if status == 503 else ""
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\n{retry}connection: close\r\n\r\n"
    )
    return head.encode() + body
