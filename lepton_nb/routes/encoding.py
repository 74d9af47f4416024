"""JSON of what a route returns: plain values spelled as FastAPI does, arrays as lists, NaN as null."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import ipaddress
import json
import math
import re
import uuid
from collections import deque
from collections.abc import Iterator, Set, ValuesView
from decimal import Decimal
from pathlib import PurePath
from typing import Any

import numpy as np
import orjson
from pydantic import BaseModel, SecretBytes, SecretStr

_OPTIONS = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS
_LISTS = (Set, deque, tuple, range, ValuesView, Iterator)
_TEXTS = (
    PurePath,
    SecretStr,
    SecretBytes,
    ipaddress.IPv4Address,
    ipaddress.IPv6Address,
    ipaddress.IPv4Network,
    ipaddress.IPv6Network,
    ipaddress.IPv4Interface,
    ipaddress.IPv6Interface,
)
_DATES = (datetime.date, datetime.time, uuid.UUID)


def to_json(value: Any) -> bytes:
    """JSON of plain values, arrays, tensors, dataclasses and pydantic models; NaN is null.

    Raises:
        TypeError: If something in it is none of these.
    """
    try:
        return orjson.dumps(value, default=_plain, option=_OPTIONS)
    except orjson.JSONEncodeError:
        pass  # integers of more than 64 bits and keys of other types only take longer
    try:
        return json.dumps(_spelled(value), ensure_ascii=False, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise TypeError(f"the result cannot be sent as JSON: {error}") from None


def _plain(value: Any) -> Any:
    """What orjson does not know, in terms that it does."""
    if isinstance(value, BaseModel):
        return value.model_dump()
    if hasattr(value, "detach"):  # a tensor, without importing torch
        return value.detach().cpu().tolist()
    if isinstance(value, (np.ndarray, np.generic)):  # not contiguous, or of a type orjson leaves out
        return value.tolist()
    if isinstance(value, _LISTS):
        return list(value)
    if isinstance(value, _TEXTS):
        return str(value)
    if isinstance(value, Decimal):
        return _number(value)
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    if isinstance(value, re.Pattern):
        return value.pattern
    if isinstance(value, (bytes, bytearray, memoryview)):
        return _text(bytes(value))
    raise TypeError(f"a {type(value).__name__} is no JSON")


def _number(value: Decimal) -> int | float:
    exponent = value.as_tuple().exponent
    return int(value) if isinstance(exponent, int) and exponent >= 0 else float(value)


def _text(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise TypeError(
            "bytes that are not UTF-8 are no JSON; return them alone, or base64.b64encode(…).decode()"
        ) from None


def _spelled(value: Any) -> Any:
    """A value for `json.dumps`."""
    if isinstance(value, enum.Enum):
        return _spelled(value.value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (str, int)):
        return value
    if isinstance(value, dict):
        return {_key(key): _spelled(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_spelled(item) for item in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in dataclasses.fields(value)]
        return {name: _spelled(getattr(value, name)) for name in names}
    if isinstance(value, _DATES):
        return orjson.loads(orjson.dumps(value))
    return _spelled(_plain(value))


def _key(value: Any) -> str:
    spelled = _spelled(value)
    if isinstance(spelled, str):
        return spelled
    if isinstance(spelled, (dict, list)):
        raise TypeError(f"a {type(value).__name__} is no key of a JSON object")
    return json.dumps(spelled)
