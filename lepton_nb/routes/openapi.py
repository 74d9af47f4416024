"""Routes in OpenAPI."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any, get_origin

import numpy as np
from PIL import Image
from pydantic import TypeAdapter
from pydantic.errors import PydanticUserError

from lepton_nb.routes.inputs import Audio
from lepton_nb.routes.reading import FORMS, JSON, media_types
from lepton_nb.routes.responses import NDJSON
from lepton_nb.routes.route import Route

TAG = "routes"
_ERRORS = {
    "401": "The token is missing or wrong",
    "421": "The Host header names another service",
    "422": "The input is not one the route takes",
    "500": "The route failed on this input",
    "503": "Too many requests are waiting, or the routes are being restarted",
    "504": "No answer within the time limit",
}
_BODY_ERRORS = {
    "400": "The body is not JSON, or a damaged form",
    "413": "The body is too large",
    "415": "The route takes no body of this type",
}


def describe(routes: Iterable[Route]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The paths of the routes, and the schemas they refer to."""
    paths: dict[str, Any] = {}
    schemas: dict[str, Any] = {}
    for route in routes:
        schemas.update(route.arguments.definitions)
        paths[route.path] = {method.lower(): _operation(route, method, schemas) for method in route.methods}
    return paths, schemas


def _operation(route: Route, method: str, schemas: dict[str, Any]) -> dict[str, Any]:
    summary, _, rest = route.about.partition("\n")
    both = len(route.methods) > 1
    operation: dict[str, Any] = {
        "operationId": f"{route.name}_{method.lower()}" if both and method == "GET" else route.name,
        "summary": summary or route.name.replace("_", " ").capitalize(),
        "tags": [TAG],
        "security": [{"token": []}],
        "responses": {"200": _answer(route, schemas), **_failures(_ERRORS)},
    }
    if rest.strip():
        operation["description"] = rest.strip()
    if method == "GET":
        operation["parameters"] = [
            {"name": name, "in": "query", "required": name in route.arguments.required, "schema": schema}
            for name, schema in route.arguments.properties.items()
        ]
        return operation
    operation["responses"].update(_failures(_BODY_ERRORS))
    content: dict[str, Any] = {JSON: {"schema": route.arguments.schema}}
    for media in media_types(route.arguments)[1:]:
        content[media] = {"schema": route.arguments.schema} if media in FORMS else {}
    operation["requestBody"] = {"required": bool(route.arguments.required), "content": content}
    return operation


def _answer(route: Route, schemas: dict[str, Any]) -> dict[str, Any]:
    media, schema = _returned(route, schemas)
    return {"description": "The answer", "content": {media: {"schema": schema} if schema else {}}}


def _returned(route: Route, schemas: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The media type and schema of what a route says it returns."""
    kind = route.returns
    origin = get_origin(kind) or kind
    if isinstance(origin, type):
        if issubclass(origin, Image.Image):
            return "image/png", {}
        if issubclass(origin, Audio):
            return "audio/wav", {}
        if issubclass(origin, bytes):
            return "application/octet-stream", {}
        if issubclass(origin, (Iterator, AsyncIterator)) or inspect.isgeneratorfunction(route.call):
            item = (getattr(kind, "__args__", None) or (Any,))[0]
            media = "text/plain" if item is str else "application/octet-stream" if item is bytes else NDJSON
            return media, {}
        if issubclass(origin, np.ndarray):
            return JSON, {"type": "array", "items": {}}
    if kind is inspect.Parameter.empty or kind is Any:
        return JSON, {}
    try:
        schema = TypeAdapter(kind).json_schema(
            mode="serialization", ref_template=f"#/components/schemas/{route.name}.{{model}}"
        )
    except (PydanticUserError, TypeError):
        return JSON, {}
    schemas.update({f"{route.name}.{name}": value for name, value in schema.pop("$defs", {}).items()})
    return JSON, schema


def _failures(errors: dict[str, str]) -> dict[str, Any]:
    content = {JSON: {"schema": {"$ref": "#/components/schemas/Error"}}}
    return {status: {"description": text, "content": content} for status, text in errors.items()}
