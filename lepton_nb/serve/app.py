"""The ASGI application: a bare path for questions to the model, and Starlette for everything else.

Nothing that goes wrong closes a connection: every failure is answered with ``{"error": ...}``.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import orjson

from lepton_nb.processes.encodings import KNOWN
from lepton_nb.routes.process import NoAnswerError
from lepton_nb.serve.batches import Answer, Dialect, Request
from lepton_nb.serve.endpoints import OPEN_PATHS, make_routes
from lepton_nb.serve.http.accepting import EVENTS, JSON, LINES, PLAIN, preferred
from lepton_nb.serve.http.auth import Gate, Refusal
from lepton_nb.serve.http.connections import corked, has_gone
from lepton_nb.serve.pieces import send_pieces
from lepton_nb.serve.service import Service
from lepton_nb.serve.v2.rest import INFER, infer_target, wrong_model
from lepton_nb.show.numbers import limit as limit_text

log = logging.getLogger("lepton_nb.serve")

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

PREDICT = "/predict"

_UNKNOWN_ENCODING = Refusal(415, "send the body as it is, or with gzip or deflate")
_JSON_HEADERS: Headers = [(b"content-type", b"application/json")]


class TooLargeError(Exception):
    """A body is larger than the limit."""


class Application:
    """What uvicorn calls for every request."""

    def __init__(self, service: Service, gate: Gate) -> None:
        self.service = service
        self.gate = gate
        self.routes = make_routes(service)
        self._open_paths = OPEN_PATHS | {"/metrics"} if service.settings.open_metrics else OPEN_PATHS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await _refuse_other(scope, receive, send)
            return
        started = time.perf_counter()
        sent = _Sent(send)
        try:
            await self._answer(scope, receive, sent)
        except Exception:
            log.exception("answering %s %s failed", scope["method"], scope["path"])
            if sent.status == 0:
                await _send_error(sent, 500, "the service failed; its log says how")
        seconds = time.perf_counter() - started
        self.service.metrics.observe(scope["method"], self._label(scope["path"]), sent.status, seconds)

    async def _answer(self, scope: Scope, receive: Receive, send: _Sent) -> None:
        authorization = content_type = encoding = json_length = accept = b""
        host: bytes | None = None
        length: int | None = None  # a chunked body tells only at its end
        for name, value in scope["headers"]:
            if name == b"host":
                host = value
            elif name == b"authorization":
                authorization = value
            elif name == b"content-type":
                content_type = value
            elif name == b"content-length":
                length = int(value)
            elif name == b"content-encoding":
                encoding = value.lower()
            elif name == b"accept":
                accept = value
            elif name == b"inference-header-content-length":
                json_length = value
        path = scope["path"]
        refusal = self.gate.check_host(host) or self._check_token(path, authorization)
        if refusal is not None:
            await _send_error(send, *refusal)
        elif path == PREDICT and scope["method"] == "POST":
            asked = Request(content_type, b"", Dialect.PREDICT, encoding)
            if accept not in PLAIN:
                asked = _wanting(asked, accept)
            await self._ask(asked, length, scope, receive, send)
        elif scope["method"] == "POST" and (target := infer_target(path)):
            refusal = wrong_model(self.service, *target) or _wrong_length(json_length)
            if refusal is not None:
                await _send_error(send, *refusal)
                return
            asked = Request(content_type, b"", Dialect.INFER, encoding, int(json_length or 0))
            await self._ask(asked, length, scope, receive, send)
        elif path in self.service.own_routes.paths:
            if encoding in KNOWN:
                await self._handle(scope, length, receive, send)
            else:
                await _send_error(send, *_UNKNOWN_ENCODING)
        else:
            await self.routes.app(scope, receive, send)

    def _check_token(self, path: str, authorization: bytes) -> Refusal | None:
        if path in self._open_paths:
            return None
        if path.startswith("/admin/"):
            return self.gate.check_admin(authorization)
        return self.gate.check_client(authorization)

    def _label(self, path: str) -> str:
        """What the metrics call a path: never what the client made up."""
        if path in self.routes.known or path in self.service.own_routes.paths:
            return path
        return INFER if infer_target(path) else "other"

    async def _ask(
        self, asked: Request, length: int | None, scope: Scope, receive: Receive, send: _Sent
    ) -> None:
        """Read the body of `asked`, have the worker answer, and send that."""
        if asked.encoding not in KNOWN:
            await _send_error(send, *_UNKNOWN_ENCODING)
            return
        limit = self.service.settings.max_body
        if length is not None and length > limit:
            await _send_error(send, 413, _too_large(limit))
            return
        size = length if length is not None else limit
        refusal = self.service.refusal(size)  # before the body is read
        if refusal:
            await self._send_busy(send, refusal)
            return
        batcher = self.service.batcher
        with batcher.holding(size):
            try:
                body = await read_body(receive, limit)
            except TooLargeError:
                await _send_error(send, 413, _too_large(limit))
                return
        if body is None:
            return  # the client hung up while sending
        refusal = self.service.refusal(0)  # others may have come while it was read
        if refusal:
            await self._send_busy(send, refusal)
            return
        asked = asked._replace(body=body)
        answer: Answer | None
        with batcher.holding(len(body)):
            if asked.dialect == Dialect.STREAM:
                answer = await send_pieces(batcher, asked, has_gone(scope), send)
            else:
                answer = await batcher.submit(asked, has_gone(scope))
        if answer is None:
            return  # it has been sent
        if answer.status == 503:
            await self._send_busy(send, answer.body)
        else:
            await _send_answer(send, answer)

    async def _handle(self, scope: Scope, length: int | None, receive: Receive, send: _Sent) -> None:
        """A route of the user's own."""
        limit = self.service.settings.max_body
        size = length if length is not None else limit if scope["method"] == "POST" else 0
        refusal = self.service.batcher.refusal(size) if size <= limit else ""
        if refusal:
            await self._send_busy(send, refusal)
            return
        try:
            if size > limit:
                raise TooLargeError
            with self.service.batcher.holding(size):
                body = await read_body(receive, limit)
            if body is not None:
                await self.service.own_routes.answer(scope, body, receive, send)
        except TooLargeError:
            await _send_error(send, 413, _too_large(limit))
        except NoAnswerError as error:
            if error.status == 503:
                await self._send_busy(send, str(error))
            else:
                await _send_error(send, error.status, str(error))

    async def _send_busy(self, send: _Sent, reason: str | bytes) -> None:
        body = reason if isinstance(reason, bytes) else orjson.dumps({"error": reason})
        await send_json(send, 503, body, [(b"retry-after", str(self.service.retry_after()).encode())])


class _Sent:
    """A `send` that remembers the status."""

    __slots__ = ("status", "wrapped")

    def __init__(self, send: Send) -> None:
        self.wrapped = send
        self.status = 0

    async def __call__(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self.wrapped(message)


async def read_body(receive: Receive, limit: int) -> bytes | None:
    """A request's body, or None where the client hung up.

    Raises:
        TooLargeError: As soon as it has more than `limit` bytes, whatever its header said.
    """
    message = await receive()
    if message["type"] == "http.disconnect":
        return None
    body: bytes = message.get("body", b"")
    if not message.get("more_body"):
        if len(body) > limit:
            raise TooLargeError
        return body
    parts = bytearray(body)
    while message.get("more_body"):
        if len(parts) > limit:
            raise TooLargeError
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts += message.get("body", b"")
    if len(parts) > limit:
        raise TooLargeError
    return bytes(parts)


def _wanting(asked: Request, accept: bytes) -> Request:
    """The request of a client that names what it wants to get: pieces, or a file."""
    chosen = preferred(accept, (JSON, EVENTS, LINES))
    if chosen == JSON:
        return asked._replace(accept=accept)
    return asked._replace(accept=chosen.encode(), dialect=Dialect.STREAM)


async def _send_answer(send: Send, answer: Answer) -> None:
    if answer.json_length:
        length = str(answer.json_length).encode()
        headers = [
            (b"content-type", b"application/octet-stream"),
            (b"inference-header-content-length", length),
        ]
        await _send(send, answer.status, answer.body, headers)
    elif answer.content_type:
        await _send(send, answer.status, answer.body, [(b"content-type", answer.content_type)])
    else:
        await _send(send, answer.status, answer.body, _JSON_HEADERS)


async def send_json(send: Send, status: int, body: bytes, headers: Headers | None = None) -> None:
    await _send(send, status, body, _JSON_HEADERS + headers if headers else _JSON_HEADERS)


async def _send(send: Send, status: int, body: bytes, headers: Headers) -> None:
    length = (b"content-length", str(len(body)).encode())
    with corked(send.wrapped if isinstance(send, _Sent) else send):
        await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
        await send({"type": "http.response.body", "body": body})


async def _send_error(send: Send, status: int, error: str) -> None:
    extra = [(b"www-authenticate", b"Bearer")] if status == 401 else None
    await send_json(send, status, orjson.dumps({"error": error}), extra)


async def _refuse_other(scope: Scope, receive: Receive, send: Send) -> None:
    """WebSockets are closed; the lifespan is uvicorn's handshake, and all is done before it."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1000})
        return
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


def _wrong_length(given: bytes) -> Refusal | None:
    if given == b"" or (given.isdigit() and len(given) < 10):
        return None
    return Refusal(400, "Inference-Header-Content-Length must be the number of bytes of JSON in the body")


def _too_large(limit: int) -> str:
    return (
        f"the body is larger than the {limit_text(limit)} this service takes; "
        "whoever starts it raises that with --max-body SIZE"
    )
