"""What every handler shares: Jupyter's login and permissions, threads for the store, errors as sentences."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from tornado import web

from lepton_nb.errors import ArgumentError, LeptonError, NotFoundError
from lepton_nb.lab.room import Room

RESOURCE = "lepton"
"""What an authorizer of Jupyter Server knows these handlers as."""

ROOM = "lepton_room"
"""The application's setting that holds the `Room`."""

_LONGEST_LIST = 1000

Value = TypeVar("Value")


class ConflictError(LeptonError):
    """What is asked for cannot be done in the present state."""


class LabHandler(APIHandler):
    """A handler of JSON. Looking at runs is no sign of life to a hub that ends idle servers."""

    auth_resource = RESOURCE
    _track_activity = False

    @property
    def room(self) -> Room:
        return cast(Room, self.settings[ROOM])

    async def in_thread(self, function: Callable[..., Value], *args: Any) -> Value:
        """Call what reads the disk without holding up the server."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.room.executor, lambda: function(*args))

    def answer(self, content: Mapping[str, Any], status: int = 200) -> None:
        """Send JSON; numbers that are not finite become null."""
        self.set_status(status)
        self.set_header("Cache-Control", "no-store")
        self.finish(encode(content))

    def body(self) -> dict[str, Any]:
        """The JSON object of the request.

        Raises:
            ArgumentError: If it is none.
        """
        try:
            content = json.loads(self.request.body or b"{}")
        except ValueError as error:
            raise ArgumentError(f"The body is not JSON: {error}.") from None
        if not isinstance(content, dict):
            raise ArgumentError(f"The body is a {type(content).__name__}, expected a JSON object.")
        return content

    def text(self, name: str, default: str = "") -> str:
        """A query argument."""
        return self.get_query_argument(name, default)

    def names(self, name: str) -> list[str]:
        """A query argument of names with commas between them."""
        return [part.strip() for part in self.text(name).split(",") if part.strip()]

    def number(self, name: str, default: int, most: int = _LONGEST_LIST) -> int:
        """A query argument that is a whole number, at most `most`.

        Raises:
            ArgumentError: If it is none.
        """
        given = self.text(name)
        if not given:
            return default
        if not given.isdecimal():
            raise ArgumentError(f"{name} is {given!r}, expected a whole number.")
        return min(int(given), most)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """A failure as ``message`` and ``hint``, with the status that fits it."""
        error = (kwargs.get("exc_info") or (None, None))[1]
        if not isinstance(error, LeptonError):
            super().write_error(status_code, **kwargs)
            return
        self.set_status(status_of(error))
        self.finish(json.dumps({"message": error.message, "hint": error.hint, "kind": type(error).__name__}))

    def log_exception(self, kind: Any, value: Any, trace: Any) -> None:
        """A user's slip is no failure of the server: it is answered, not logged with a traceback."""
        if not isinstance(value, LeptonError):
            super().log_exception(kind, value, trace)


class NoSuchRoute(LabHandler):
    """Whatever else lies under ``lepton/api``: 404 as JSON, and only to those who may ask."""

    @web.authenticated
    @authorized
    async def get(self, path: str) -> None:
        raise NotFoundError(f"There is no route {path!r}.")


def status_of(error: LeptonError) -> int:
    """The HTTP status of an error."""
    if isinstance(error, NotFoundError):
        return 404
    return 400 if isinstance(error, ArgumentError) else 409


def encode(content: Any) -> str:
    """Compact JSON; numbers that are not finite become null."""
    try:
        return json.dumps(content, allow_nan=False, separators=(",", ":"), default=str)
    except ValueError:
        return json.dumps(_finite(content), separators=(",", ":"), default=str)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
