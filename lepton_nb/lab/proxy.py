"""A service's own routes under Jupyter's address, with the service's token added here.

So its page works wherever Jupyter does: through a hub, an SSH tunnel or a reverse proxy, which know nothing
of the service's port.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from typing import cast
from urllib.parse import unquote

import httpx
from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.utils import url_path_join
from tornado import web
from tornado.iostream import StreamClosedError

from lepton_nb.deployment.service import Deployment
from lepton_nb.errors import LeptonError, NotFoundError
from lepton_nb.lab.handler import RESOURCE, ROOM
from lepton_nb.lab.room import Room
from lepton_nb.runs import RunStore
from lepton_nb.show.numbers import limit as limit_text

LONGEST_BODY = 64 << 20
_PATIENCE = httpx.Timeout(300.0, connect=5.0)  # a service ends by itself what takes too long

_HOP_BY_HOP = {
    *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection"),
    *("te", "trailer", "trailers", "transfer-encoding", "upgrade"),
}
"""Headers of one connection, not of the message: RFC 9110, section 7.6.1."""
_KEPT_HERE = {
    *("host", "cookie", "authorization", "content-length", "x-xsrftoken", "origin", "referer"),
}
"""What is between the browser and Jupyter, and no business of a service."""
_NOT_PASSED_BACK = {
    *("content-length", "server", "date", "set-cookie", "content-security-policy", "location"),
}
_STRICT = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; "
    "img-src 'self' data: blob:; media-src 'self' data: blob:; base-uri 'none'; form-action 'none'"
)
"""For an answer without a policy of its own: whatever a model says, no script in it runs."""


class SlashHandler(JupyterHandler):
    """Leads to the page's address with its last slash, without which its links would lead elsewhere."""

    auth_resource = RESOURCE

    @web.authenticated
    @authorized
    async def get(self, name: str) -> None:
        self.redirect(url_path_join(self.base_url, "lepton/services", name, "proxy/"))


@web.stream_request_body
class ServiceProxy(JupyterHandler):
    """Passes a request on to the service of that name in the user's own store."""

    auth_resource = RESOURCE
    _track_activity = False
    _exchange: asyncio.Task[None] | None = None

    async def prepare(self) -> None:  # type: ignore[override]
        self._body = bytearray()
        self._too_long = False
        await super().prepare()

    def data_received(self, chunk: bytes) -> None:
        if self._too_long or self.current_user is None or len(self._body) + len(chunk) > LONGEST_BODY:
            self._too_long = True
            self._body.clear()
        else:
            self._body += chunk

    # One decorated method for each: `authorized` remembers the permission that its first request needed.
    @web.authenticated
    @authorized
    async def get(self, name: str, path: str) -> None:
        await self._answer(name, path)

    @web.authenticated
    @authorized
    async def head(self, name: str, path: str) -> None:
        await self._answer(name, path)

    @web.authenticated
    @authorized
    async def post(self, name: str, path: str) -> None:
        await self._answer(name, path)

    @web.authenticated
    @authorized
    async def put(self, name: str, path: str) -> None:
        await self._answer(name, path)

    @web.authenticated
    @authorized
    async def patch(self, name: str, path: str) -> None:
        await self._answer(name, path)

    @web.authenticated
    @authorized
    async def delete(self, name: str, path: str) -> None:
        await self._answer(name, path)

    def on_connection_close(self) -> None:
        """The browser went away: so does the request to the service, which then stops working on it."""
        if self._exchange is not None:
            self._exchange.cancel()
        super().on_connection_close()

    async def _answer(self, name: str, path: str) -> None:
        if self._too_long:
            self._refuse(413, f"the body has more than {limit_text(LONGEST_BODY)}")
            return
        self._exchange = asyncio.ensure_future(self._pass_on(name, path))
        with suppress(asyncio.CancelledError):
            await self._exchange

    async def _pass_on(self, name: str, path: str) -> None:
        room = cast(Room, self.settings[ROOM])
        loop = asyncio.get_running_loop()
        try:
            url, token = await loop.run_in_executor(room.executor, _address, room.store, name)
        except LeptonError as error:
            self._refuse(404 if isinstance(error, NotFoundError) else 502, error.message)
            return
        target = httpx.URL(url).copy_with(raw_path=self._raw_path())
        if "admin" in (path.strip("/").split("/")[0], unquote(target.path).strip("/").split("/")[0]):
            self._refuse(404, f"there is no {path[:80]!r} here")
            return
        headers = [*self._forwarded(), ("authorization", f"Bearer {token}")]
        request = room.http.build_request(
            self.request.method or "GET",
            target,
            headers=headers,
            content=bytes(self._body) or None,
            timeout=_PATIENCE,
        )
        try:
            answer = await room.http.send(request, stream=True)
        except httpx.HTTPError as error:
            self._refuse(502, f"the service {name} does not answer: {str(error) or type(error).__name__}")
            return
        try:
            await self._pass_back(answer, name)
        finally:
            await answer.aclose()

    def _raw_path(self) -> bytes:
        """The address after ``proxy`` as it was sent, without a token of Jupyter's in its query."""
        sent = "/" + (self.request.uri or "").partition("/proxy/")[2].lstrip("/")
        path, mark, query = sent.partition("?")
        kept = "&".join(part for part in query.split("&") if not part.startswith("token="))
        return f"{path}{mark if kept else ''}{kept}".encode("ascii", "replace")

    def _forwarded(self) -> Iterator[tuple[str, str]]:
        """The headers that go on to the service; httpx makes ``Host`` of its address."""
        own = {part.strip().lower() for part in self.request.headers.get("Connection", "").split(",")}
        if "Accept-Encoding" not in self.request.headers:
            yield "accept-encoding", "identity"
        for header, value in self.request.headers.get_all():
            if header.lower() not in _HOP_BY_HOP | _KEPT_HERE | own:
                yield header, value

    async def _pass_back(self, answer: httpx.Response, name: str) -> None:
        self.set_status(answer.status_code)
        self.clear_header("Content-Type")
        own = {part.strip().lower() for part in answer.headers.get("connection", "").split(",")}
        for header, value in answer.headers.multi_items():
            if header.lower() not in _HOP_BY_HOP | _NOT_PASSED_BACK | own:
                self.set_header(header, value)
        policy = answer.headers.get("content-security-policy", _STRICT)
        self.set_header("Content-Security-Policy", f"{policy}; frame-ancestors 'self'")
        if (place := answer.headers.get("location", "")).startswith("/"):
            self.set_header("Location", url_path_join(self.base_url, "lepton/services", name, "proxy", place))
        if "content-length" in answer.headers:
            self.set_header("Content-Length", answer.headers["content-length"])
        with suppress(StreamClosedError):
            async for chunk in answer.aiter_raw():
                self.write(chunk)
                await self.flush()
            await self.finish()

    def _refuse(self, status: int, error: str) -> None:
        """An answer as a service would give it."""
        self.set_status(status)
        self.finish({"error": error})


def _address(store: RunStore, name: str) -> tuple[str, str]:
    service = Deployment(store.get_deployment(name), store)
    return service.url, service.token
