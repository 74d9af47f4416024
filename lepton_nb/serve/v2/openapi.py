"""The Open Inference Protocol's routes in the OpenAPI description: those of the one model this service has.

Source: https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/open_inference_rest.yaml
"""

from __future__ import annotations

import math
from typing import Any

_NAME = {"type": "string"}
_PARAMETERS = {"type": "object", "description": "by the protocol and its extensions"}
_BINARY = "application/octet-stream"


def v2_schemas(name: str, version: int, tensors: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """The component schemas of the routes."""
    return {
        "InferRequest": {
            "type": "object",
            "properties": {
                "id": {"type": "string", "description": "sent back with the answer"},
                "parameters": _PARAMETERS,
                "inputs": {"type": "array", "minItems": 1, "items": _input_tensor(tensors["inputs"])},
                "outputs": {"type": "array", "items": _requested_output(tensors["outputs"])},
            },
            "required": ["inputs"],
        },
        "InferResponse": {
            "type": "object",
            "properties": {
                "model_name": {"const": name},
                "model_version": {"const": str(version)},
                "id": {"type": "string"},
                "outputs": {"type": "array", "items": _output_tensor(tensors["outputs"])},
            },
            "required": ["model_name", "model_version", "outputs"],
        },
        "ModelMetadata": {
            "type": "object",
            "properties": {
                "name": {"const": name},
                "versions": {"type": "array", "items": _NAME},
                "platform": _NAME,
                "inputs": {"type": "array", "items": _METADATA_TENSOR},
                "outputs": {"type": "array", "items": _METADATA_TENSOR},
            },
            "required": ["name", "versions", "platform", "inputs", "outputs"],
        },
        "ServerMetadata": {
            "type": "object",
            "properties": {
                "name": _NAME,
                "version": _NAME,
                "extensions": {"type": "array", "items": _NAME},
            },
            "required": ["name", "version", "extensions"],
        },
    }


def v2_paths(
    name: str, tensors: dict[str, list[dict[str, Any]]], errors: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    """The paths, `errors` being the responses by status that every route may give."""

    def failing(*statuses: int) -> dict[str, Any]:
        return {str(status): errors[str(status)] for status in statuses}

    model = f"/v2/models/{name}"
    token: list[dict[str, list[str]]] = [{"token": []}]
    return {
        "/v2": {
            "get": {
                "operationId": "v2_server_metadata",
                "summary": "About this server, by the Open Inference Protocol",
                "security": token,
                "responses": {"200": _response("The metadata", _ref("ServerMetadata")), **failing(401, 421)},
            }
        },
        "/v2/health/live": {"get": _health("live", {}, errors, secured=False)},
        "/v2/health/ready": {"get": _health("ready", {}, errors, secured=False)},
        model: {
            "get": {
                "operationId": "v2_model_metadata",
                "summary": "What tensors the model takes and gives",
                "security": token,
                "responses": {"200": _response("The metadata", _ref("ModelMetadata")), **failing(401, 421)},
            }
        },
        f"{model}/ready": {"get": _health("ready", {"name": {"const": name}}, errors, secured=True)},
        f"{model}/infer": {
            "post": {
                "operationId": "v2_infer",
                "summary": "Ask the model for tensors, by the Open Inference Protocol",
                "security": token,
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/json": {
                            "schema": _ref("InferRequest"),
                            "example": _example(tensors["inputs"]),
                        }
                    },
                },
                "responses": {
                    "200": {
                        "description": "The tensors",
                        "content": {
                            "application/json": {"schema": _ref("InferResponse")},
                            _BINARY: {},  # where a binary output was asked for
                        },
                    },
                    **failing(400, 401, 413, 415, 421, 500, 503, 504),
                },
            }
        },
    }


_METADATA_TENSOR = {
    "type": "object",
    "properties": {
        "name": _NAME,
        "datatype": _NAME,
        "shape": {"type": "array", "items": {"type": "integer"}},
    },
    "required": ["name", "datatype", "shape"],
}


def _health(what: str, more: dict[str, Any], errors: dict[str, Any], *, secured: bool) -> dict[str, Any]:
    properties = {**more, what: {"type": "boolean"}}
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    operation: dict[str, Any] = {
        "operationId": f"v2_model_{what}" if more else f"v2_{what}",
        "summary": f"Whether the {'model' if more else 'server'} is {what}",
        "responses": {"200": _response("It is", schema), "421": errors["421"]},
    }
    if what == "ready":
        operation["responses"]["503"] = _response("Not now", schema)
    if secured:
        operation["security"] = [{"token": []}]
        operation["responses"]["401"] = errors["401"]
    return operation


def _input_tensor(inputs: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            "name": {"enum": [item["name"] for item in inputs]},
            "datatype": {"enum": sorted({item["datatype"] for item in inputs} | {"BYTES"})},
            "shape": {
                "type": "array",
                "items": {"type": "integer", "minimum": 1},
                "description": " or ".join(f"{item['name']}: {item['shape']}" for item in inputs),
            },
            "parameters": _PARAMETERS,
            "data": {"type": "array", "description": "the values, flat or nested"},
        },
        "required": ["name", "datatype", "shape"],
    }


def _requested_output(outputs: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {"name": {"enum": [item["name"] for item in outputs]}, "parameters": _PARAMETERS},
        "required": ["name"],
    }


def _output_tensor(outputs: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            "name": {"enum": [item["name"] for item in outputs]},
            "datatype": _NAME,
            "shape": {"type": "array", "items": {"type": "integer", "minimum": 0}},
            "parameters": _PARAMETERS,
            "data": {"type": "array"},
        },
        "required": ["name", "datatype", "shape"],
    }


def _example(inputs: list[dict[str, Any]]) -> dict[str, Any]:
    """A request of zeros, one item."""
    shapes = [[1 if dim == -1 else dim for dim in item["shape"]] for item in inputs]
    return {
        "inputs": [
            {
                "name": item["name"],
                "datatype": item["datatype"],
                "shape": shape,
                "data": [0] * math.prod(shape),
            }
            for item, shape in zip(inputs, shapes, strict=True)
        ]
    }


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _response(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}
