"""Request bodies: what their values are called, what may stand in them, and their JSON schema."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np

from lepton_nb.signature import TensorSpec
from lepton_nb.tasks.base import InputError


def kind_of(value: Any) -> str:
    """What a JSON value is, in the words of JSON."""
    names = {dict: "an object", list: "a list", str: "a string", bool: "true or false", type(None): "null"}
    if type(value) in names:
        return names[type(value)]
    return "a number" if isinstance(value, int | float) else type(value).__name__


def items_of(value: Any, key: str) -> list[Any]:
    """The list under a plural key of a request.

    Raises:
        InputError: If it is no list, or an empty one.
    """
    if not isinstance(value, list | tuple):
        raise InputError(f"{key!r} must be a list, got {kind_of(value)}")
    if not value:
        raise InputError(f"{key!r} is empty: send at least one item")
    return list(value)


def request_schema(forms: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """JSON schema of an object that has exactly one of the keys of `forms`."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": dict(forms),
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 1,
    }


def decode_base64(text: str) -> bytes:
    """The bytes behind base64 text, which may stand in a ``data:`` URL and hold line breaks.

    Raises:
        ValueError: If it is not base64.
    """
    if text.startswith("data:"):
        text = text.partition(",")[2]
    return base64.b64decode("".join(text.split()), validate=True)


def array_schema(spec: TensorSpec) -> dict[str, Any]:
    """A batch of the spec, or one item without the batch dimension, as nested arrays."""
    item = item_schema(spec)
    batch = {"type": "array", "items": item, "minItems": 1}
    return {"anyOf": [batch, item], "description": f"{spec}; N is the number of items"}


def media_schema(media_type: str) -> dict[str, Any]:
    """JSON schema of an answer that is a file of this type."""
    content = {"type": "string", "contentEncoding": "base64", "contentMediaType": media_type}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {"content": content, "type": {"const": media_type}},
        "required": ["content", "type"],
        "additionalProperties": False,
    }


def media_type_of(answer_schema: Mapping[str, Any]) -> str:
    """The type of an answer that is a file; empty where it is none."""
    content = answer_schema.get("properties", {}).get("content", {})
    return str(content.get("contentMediaType", "")) if isinstance(content, Mapping) else ""


def item_schema(spec: TensorSpec) -> dict[str, Any]:
    """One item of the spec as nested arrays."""
    whole = np.dtype(spec.dtype).kind in "iu"
    schema: dict[str, Any] = {"type": "integer" if whole else "number"}
    for dim in reversed(spec.shape):
        schema = {"type": "array", "items": schema}
        if dim is not None:
            schema |= {"minItems": dim, "maxItems": dim}
    return schema
