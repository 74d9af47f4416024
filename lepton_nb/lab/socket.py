"""The websocket that tells of changes."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import Any, cast

from jupyter_server.auth.decorator import authorized, ws_authenticated
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.base.websocket import WebSocketMixin
from tornado.websocket import WebSocketClosedError, WebSocketHandler

import lepton_nb
from lepton_nb.lab.handler import RESOURCE, ROOM, encode
from lepton_nb.lab.room import Room

_MOST_WAITING = 32  # messages for a client that does not read


class EventsSocket(WebSocketMixin, WebSocketHandler, JupyterHandler):
    """Sends every message of `Events`. A client may say ``pause`` and ``resume``; it can do nothing else."""

    auth_resource = RESOURCE
    _listens = False
    _waiting = 0

    @property
    def room(self) -> Room:
        return cast(Room, self.settings[ROOM])

    @ws_authenticated
    @authorized("read")  # type: ignore[untyped-decorator]
    async def get(self, *args: Any, **kwargs: Any) -> None:  # type: ignore[override]
        await super().get(*args, **kwargs)

    def open(self, *args: Any, **kwargs: Any) -> None:
        super().open(*args, **kwargs)
        self._resume()

    def on_message(self, message: str | bytes) -> None:
        try:
            said = json.loads(message)
        except ValueError:
            return
        kind = said.get("type") if isinstance(said, dict) else None
        if kind == "pause":
            self._pause()
        elif kind == "resume" and not self._listens:
            self._resume()

    def on_close(self) -> None:
        self._pause()
        super().on_close()

    def _resume(self) -> None:
        self._send({"type": "hello", "version": lepton_nb.__version__})
        self.room.events.listen(self._send)
        self._listens = True

    def _pause(self) -> None:
        if self._listens:
            self.room.events.leave(self._send)
            self._listens = False

    def _send(self, message: dict[str, Any]) -> None:
        if self._waiting >= _MOST_WAITING:  # its network is gone; it asks anew when it is back
            self.close(1013, "too slow")
            return
        self._waiting += 1
        asyncio.ensure_future(self._write(encode(message)))  # noqa: RUF006

    async def _write(self, text: str) -> None:
        try:
            with suppress(WebSocketClosedError):
                await self.write_message(text)
        finally:
            self._waiting -= 1
