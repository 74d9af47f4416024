"""The OpenAPI description, made from what the live worker says about its package."""

from __future__ import annotations

from typing import Any, get_args

from lepton_nb.serve.http.accepting import EVENTS, JSON, LINES
from lepton_nb.serve.service import Service, State
from lepton_nb.serve.v2.openapi import v2_paths, v2_schemas
from lepton_nb.serve.wires.multipart import FORM

_ERRORS = {
    400: "The body is not JSON",
    401: "The token is missing or wrong",
    413: "The body is too large",
    415: "The model takes no body of this type",
    421: "The Host header names another service",
    422: "The input is not one the model takes",
    500: "The model failed on this input",
    503: "Too many requests are waiting, or no model is running; Retry-After says when to come back",
    504: "No answer within the time limit",
}


def describe(service: Service, url: str) -> dict[str, Any]:
    """OpenAPI 3.1 of the service as it is now, for whoever asked it at `url`."""
    about = service.description
    title = f"{service.settings.name}: {about['model']}"
    return {
        "openapi": "3.1.0",
        "info": {
            "title": title,
            "version": str(service.version),
            "description": f"Run {about['run']}, {about['task']}, served by lepton_nb.",
        },
        "paths": {
            "/predict": {"post": _predict(about)},
            "/healthz": {"get": _health()},
            "/metrics": {"get": _metrics()},
            **v2_paths(service.settings.name, about["tensors"], _errors(*_ERRORS)),
            **service.own_routes.paths,
        },
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": {
                "Error": {
                    "type": "object",
                    "properties": {
                        "error": {"type": "string"},
                        "index": {
                            "type": "integer",
                            "description": "position of the bad item in the request",
                        },
                    },
                    "required": ["error"],
                },
                **v2_schemas(service.settings.name, service.version, about["tensors"]),
                **service.own_routes.schemas,
            },
        },
        # What the try-it page needs to fit the task.
        "x-lepton": {
            "name": service.settings.name,
            "url": url,
            "version": service.version,
            "token": bool(service.settings.token),
            **{key: about[key] for key in ("form", "task", "model", "example", "class_names")},
        },
    }


def _predict(about: dict[str, Any]) -> dict[str, Any]:
    content: dict[str, Any] = {
        "application/json": {"schema": _without_dialect(about["request_schema"]), "example": about["example"]}
    }
    content[FORM] = {"schema": _form(about["form"])}
    for media_type in about["form"]["media_types"]:
        content[media_type] = {}
    return {
        "operationId": "predict",
        "summary": "Ask the model",
        "security": [{"token": []}],
        "requestBody": {"required": True, "content": content},
        "responses": {
            "200": {"description": "The answers", "content": _answers(about)},
            **_errors(*_ERRORS),
        },
    }


def _form(form: dict[str, Any]) -> dict[str, Any]:
    """Files, each an item; what a model takes beside them is as in JSON."""
    file = {"type": "string", "contentMediaType": form["media_types"][0]}
    return {"type": "object", "properties": {"file": file}, "required": ["file"]}


def _answers(about: dict[str, Any]) -> dict[str, Any]:
    """What ``/predict`` answers, by media type: JSON, the answer as a file, the answer in pieces."""
    answer = about["answer_schema"]
    whole = {
        "type": "object",
        "properties": {
            "predictions": {
                "type": "array",
                "items": _without_dialect(answer),
                "description": "one for each item of the request, in its order",
            },
            "version": {"type": "integer", "description": "version of the model that answered"},
            "warnings": {
                "type": "array",
                "items": {"type": "string"},
                "description": "what of the input is unlike everything that the model was trained on",
            },
        },
        "required": ["predictions", "version"],
    }
    content: dict[str, Any] = {JSON: {"schema": whole}}
    if about["media"]:
        content[about["media"]] = {}
    if about["form"]["streams"]:
        piece = {"type": "object", "properties": {"piece": {}}, "required": ["piece"]}
        content |= {LINES: {"schema": {"oneOf": [piece, whole]}}, EVENTS: {}}
    return content


def _health() -> dict[str, Any]:
    schema = {
        "type": "object",
        "properties": {
            "status": {"enum": get_args(State)},
            "name": {"type": "string"},
            "version": {"type": "integer"},
        },
        "required": ["status", "name", "version"],
    }
    return {
        "operationId": "health",
        "summary": "Whether the model can be asked",
        "responses": {
            "200": _json_response("It can", schema),
            "503": _json_response("Not now", schema),
            **_errors(421),
        },
    }


def _metrics() -> dict[str, Any]:
    text = {"text/plain": {"schema": {"type": "string"}}}
    return {
        "operationId": "metrics",
        "summary": "Numbers for Prometheus",
        "security": [{"token": []}],
        "responses": {"200": {"description": "The metrics", "content": text}, **_errors(401, 421)},
    }


def _errors(*statuses: int) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Error"}
    return {str(status): _json_response(_ERRORS[status], schema) for status in statuses}


def _json_response(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _without_dialect(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema to stand inside the document, whose dialect (2020-12) is OpenAPI 3.1's own."""
    return {key: value for key, value in schema.items() if key != "$schema"}
