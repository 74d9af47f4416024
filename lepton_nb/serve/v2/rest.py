"""The Open Inference Protocol (v2) as the front speaks it: health, metadata, and where to ask the model."""

from __future__ import annotations

import re
from typing import Any

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lepton_nb import __version__
from lepton_nb.serve.http.auth import Refusal
from lepton_nb.serve.service import Service

INFER = "/v2/models/{model}/infer"
"""The label of the ``infer`` routes in the metrics."""

EXTENSIONS = ["binary_tensor_data", "classification"]
OPEN_PATHS = frozenset({"/v2/health/live", "/v2/health/ready"})

_INFER = re.compile(r"/v2/models/([^/]+)(?:/versions/([^/]+))?/infer")
_PLATFORMS = {"onnx": "onnxruntime_onnx", "pt2": "pytorch_export", "source": "pytorch_eager"}


def only_post(path: str) -> Route:
    """Tells every method but POST, which is answered elsewhere, that it is the wrong one."""

    async def refuse(_: Request) -> Response:
        raise HTTPException(405, "send a POST request", headers={"allow": "POST"})

    return Route(path, refuse, methods=["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])


def infer_target(path: str) -> tuple[str, str | None] | None:
    """The model and the version a path asks, where it is one of the ``infer`` routes."""
    match = _INFER.fullmatch(path) if path.startswith("/v2/models/") else None
    return (match[1], match[2]) if match else None


def wrong_model(service: Service, model: str, version: str | None) -> Refusal | None:
    """Why a model, or a version of it, is not the one this service has."""
    name, live = service.settings.name, str(service.version)
    if model != name:
        return Refusal(404, f"there is no model {model[:80]!r}, only {name!r}")
    if version not in (None, live):
        return Refusal(404, f"version {version!r:.40} of {name!r} is not served, only {live!r}")
    return None


def v2_routes(service: Service) -> list[Route]:
    """Every route of the protocol but ``infer`` itself, which takes the fast path."""

    async def server(_: Request) -> Response:
        return _json({"name": "lepton_nb", "version": __version__, "extensions": EXTENSIONS})

    async def live(_: Request) -> Response:
        return _json({"live": True})

    async def ready(_: Request) -> Response:
        return _readiness({})

    async def model_ready(request: Request) -> Response:
        _check(request)
        return _readiness({"name": service.settings.name})

    def _readiness(about: dict[str, Any]) -> Response:
        is_ready = service.state == "ready"
        return _json({**about, "ready": is_ready}, 200 if is_ready else 503)

    async def model(request: Request) -> Response:
        _check(request)
        return _json(model_metadata(service))

    def _check(request: Request) -> None:
        refusal = wrong_model(service, request.path_params["model"], request.path_params.get("version"))
        if refusal:
            raise HTTPException(refusal.status, refusal.error)

    routes = [
        Route("/v2", server),
        Route("/v2/health/live", live),
        Route("/v2/health/ready", ready),
    ]
    for base in ("/v2/models/{model}", "/v2/models/{model}/versions/{version}"):
        routes += [
            Route(base, model),
            Route(f"{base}/ready", model_ready),
            only_post(f"{base}/infer"),
        ]
    return routes


def model_metadata(service: Service) -> dict[str, Any]:
    """The protocol's metadata of the live model."""
    return {
        "name": service.settings.name,
        "versions": [str(service.version)],
        "platform": _PLATFORMS[service.description["format"]],
        **service.description["tensors"],
    }


def _json(value: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(value), status, media_type="application/json")
