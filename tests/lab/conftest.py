"""A real Jupyter Server with the extension, for this folder only.

pytest-jupyter's fixtures are imported here, not named as plugins: as plugins they would reach every test, and
their event loop keeps the browser tests' synchronous Playwright from starting.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from pytest_jupyter.jupyter_server import *  # noqa: F403
from pytest_jupyter.pytest_tornasync import *  # noqa: F403
from tornado.httpclient import HTTPClientError, HTTPResponse

Ask = Callable[..., Awaitable[Any]]


@pytest.fixture
def jp_server_config() -> dict[str, Any]:
    return {"ServerApp": {"jpserver_extensions": {"lepton_nb": True}}}


@pytest.fixture
def ask(jp_fetch: Any) -> Ask:
    """Asks a route of the extension: its JSON, or ``(status, JSON)`` of a refusal."""

    async def ask(path: str, body: Any = None, **params: Any) -> Any:
        options = {} if body is None else {"method": "POST", "body": json.dumps(body)}
        try:
            answer: HTTPResponse = await jp_fetch("lepton", "api", *path.split("/"), params=params, **options)
        except HTTPClientError as error:
            return error.code, json.loads(error.response.body if error.response else "{}")
        return json.loads(answer.body)

    return ask
