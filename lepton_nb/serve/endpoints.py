"""Every route but ``/predict``: state, documentation, metrics, the try-it page and administration."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lepton_nb.processes.environment import unpack_environment
from lepton_nb.serve.metrics import CONTENT_TYPE
from lepton_nb.serve.openapi import describe
from lepton_nb.serve.process import WorkerError
from lepton_nb.serve.service import Service
from lepton_nb.serve.v2 import rest

_ASSETS = {
    "/": ("page.html", "text/html"),
    "/docs": ("docs.html", "text/html"),
    "/assets/style.css": ("style.css", "text/css"),
    **{
        f"/assets/{name}.js": (f"{name}.js", "text/javascript")
        for name in ("page", "docs", "dom", "inputs", "forms", "answers", "snippets")
    },
}

_ACTIVATION: dict[str, type] = {
    "package": str,
    "version": int,
    "format": str,
    "device": str,
    "environment": dict,
}

OPEN_PATHS = frozenset({"/healthz", "/openapi.json", *rest.OPEN_PATHS, *_ASSETS})
"""Paths that need no token: they tell what the service is, and run nothing."""

_PAGE_HEADERS = {
    # Pages hold no data and load nothing from elsewhere; this keeps it so.
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src 'self' data: blob:; media-src blob:; base-uri 'none'; form-action 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-cache",
}


@dataclass(frozen=True)
class Routes:
    """The Starlette application and the paths it knows, which are the labels of the metrics."""

    app: Starlette
    known: frozenset[str]


def make_routes(service: Service) -> Routes:
    """The routes of a service."""

    async def healthz(_: Request) -> Response:
        return _json(service.health(), 200 if service.state == "ready" else 503)

    async def openapi(request: Request) -> Response:
        return _json(describe(service, str(request.base_url).rstrip("/")))

    async def metrics(_: Request) -> Response:
        return Response(service.metrics.render(), media_type=CONTENT_TYPE)

    async def stats(_: Request) -> Response:
        return _json(service.stats())

    async def activate(request: Request) -> Response:
        wanted = _fields(await request.body(), _ACTIVATION)
        try:
            await service.activate(
                wanted["package"],
                wanted["version"],
                wanted.get("format", ""),
                wanted.get("device", "cpu"),
                _environment(wanted),
            )
        except WorkerError as error:
            return _json({"error": str(error)}, 409)
        return _json(service.stats())

    routes = [
        Route("/healthz", healthz),
        Route("/openapi.json", openapi),
        Route("/metrics", metrics),
        rest.only_post("/predict"),
        *rest.v2_routes(service),
        Route("/admin/stats", stats),
        Route("/admin/activate", activate, methods=["POST"]),
        *(Route(path, _asset(name, kind)) for path, (name, kind) in _ASSETS.items()),
    ]
    handlers: dict[Any, Any] = {HTTPException: _http_error, Exception: _crashed}
    app = Starlette(routes=routes, exception_handlers=handlers)
    app.router.redirect_slashes = False
    return Routes(app, frozenset(route.path for route in routes))


def _asset(name: str, media_type: str) -> Any:
    content = files("lepton_nb.serve").joinpath("static", name).read_bytes()

    async def send(_: Request) -> Response:
        return Response(content, media_type=media_type, headers=_PAGE_HEADERS)

    return send


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        known = error.detail != "Not Found"
        there_is_not = f"there is no {request.url.path[:80]}; /docs lists what there is"
        return _json({"error": error.detail if known else there_is_not}, 404)
    message = (
        error.detail if error.status_code != 405 else f"{request.url.path} does not take {request.method}"
    )
    return _json({"error": message}, error.status_code, error.headers)


async def _crashed(_: Request, __: Exception) -> Response:
    """The answer to an unforeseen failure; the application logs it."""
    return _json({"error": "the service failed; its log says how"}, 500)


def _fields(body: bytes, kinds: dict[str, type]) -> dict[str, Any]:
    """The JSON object of an administration request; the first two fields are required."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise HTTPException(400, f"the body is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise HTTPException(422, "expected a JSON object")
    for name, content in value.items():
        if name not in kinds or not isinstance(content, kinds[name]):
            expected = ", ".join(f"{key}: {kind.__name__}" for key, kind in kinds.items())
            raise HTTPException(422, f"{name!r} is wrong; expected {expected}")
    for name in list(kinds)[:2]:
        if name not in value:
            raise HTTPException(422, f"{name!r} is missing")
    return value


def _environment(wanted: dict[str, Any]) -> dict[str, str] | None:
    if "environment" not in wanted:
        return None
    try:
        return unpack_environment(wanted["environment"])
    except (AttributeError, ValueError):
        raise HTTPException(
            422, "'environment' is wrong; expected names and values, a byte a character"
        ) from None


def _json(value: Any, status: int = 200, headers: Any = None) -> Response:
    return Response(orjson.dumps(value), status, headers, "application/json")
