"""The Open Inference Protocol (v2) over REST as the worker speaks it: JSON, or JSON before binary tensors.

Source: https://github.com/kserve/open-inference-protocol, with Triton's extension for binary tensors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import orjson

from lepton_nb.processes.refusals import RefusedError
from lepton_nb.serve.batches import Answer, Request
from lepton_nb.serve.wires.base import Question, load_json
from lepton_nb.serve.wires.floats import load_tensors
from lepton_nb.serve.wires.protocol import ProtocolWire
from lepton_nb.serve.wires.tensors import Asked, Output
from lepton_nb.tasks import InputError
from lepton_nb.tasks.base import Arrays
from lepton_nb.tasks.bodies import kind_of

_LONG = 2048  # shorter JSON is read faster in one go than tensor by tensor


class _Wanted(NamedTuple):
    outputs: list[Asked]
    id: str


class InferWire(ProtocolWire):
    """Reads ``infer`` requests, writes their responses."""

    def read(self, request: Request) -> Question:
        body = memoryview(request.body)
        length = request.json_length or len(body)
        if length > len(body):
            raise RefusedError(400, f"Inference-Header-Content-Length is {length}, the body has {len(body)}")
        text = bytes(body[:length])
        head = load_tensors(text) if length > _LONG else None
        if head is None:
            head = load_json(text)
        if not isinstance(head, Mapping):
            raise InputError(f"expected a JSON object with 'inputs', got {kind_of(head)}")
        inputs = _list(head, "inputs")
        if not inputs:
            raise InputError("'inputs' is missing or empty")
        values: dict[str, Any] = {}
        at = length
        for entry in inputs:
            name, datatype, shape = _heading(entry)
            size = _parameters(entry).get("binary_data_size")
            content = _data(entry, name) if size is None else _piece(body, at, size, name)
            at += size or 0
            if name in values:
                raise InputError(f"input {name!r} comes twice")
            values[name] = self.tensors.value(name, datatype, shape, content)
        if at != len(body):
            raise InputError(
                f"{len(body) - at} bytes follow the last input; is a 'binary_data_size' missing?"
            )
        wanted = self._wanted(head)
        return Question(self.tensors.arrays(values), wanted)

    def _wanted(self, head: Mapping[str, Any]) -> _Wanted:
        binary = _parameters(head).get("binary_data_output", False)
        entries = _list(head, "outputs")
        asked = [self._asked(entry, binary) for entry in entries] or self.tensors.every(binary=binary)
        id_ = head.get("id", "")
        if not isinstance(id_, str):
            raise InputError(f"'id' must be a string, got {kind_of(id_)}")
        if not all(isinstance(output.binary, bool) for output in asked):
            raise InputError("'binary_data' and 'binary_data_output' must be true or false")
        return _Wanted(asked, id_)

    def _asked(self, entry: Any, binary: Any) -> Asked:
        place = self.tensors.place_of(entry.get("name") if isinstance(entry, Mapping) else entry)
        parameters = _parameters(entry)
        classes = self.tensors.check_classes(place, parameters.get("classification", 0))
        return Asked(place, classes, parameters.get("binary_data", binary))

    def _write(self, outputs: Arrays, question: Question) -> Answer:
        wanted: _Wanted = question.wanted
        described, raw = [], b""
        for asked in wanted.outputs:
            entry, data = _described(self.tensors.output(outputs, asked), binary=asked.binary)
            described.append(entry)
            raw += data
        head: dict[str, Any] = {"model_name": self.name, "model_version": self.version, "outputs": described}
        if wanted.id:
            head["id"] = wanted.id
        if question.warnings:
            head["parameters"] = {"warnings": question.warnings}
        text = orjson.dumps(head)
        binary = any(asked.binary for asked in wanted.outputs)
        return Answer(200, text + raw, len(text)) if binary else Answer(200, text)


def _described(tensor: Output, *, binary: bool) -> tuple[dict[str, Any], bytes]:
    """An output in the JSON of a response, and its bytes after it."""
    entry: dict[str, Any] = {
        "name": tensor.name,
        "datatype": tensor.datatype,
        "shape": tensor.values.shape,
    }
    if binary:
        raw = tensor.raw()
        return {**entry, "parameters": {"binary_data_size": len(raw)}}, raw
    if tensor.datatype != "BYTES" and not np.isfinite(tensor.values).all():
        raise InputError("the model gives no finite output for this input; JSON cannot carry it")
    return {**entry, "data": tensor.values.reshape(-1).tolist()}, b""


def _heading(entry: Any) -> tuple[str, str, list[int]]:
    if not isinstance(entry, Mapping):
        raise InputError(f"an input must be an object, got {kind_of(entry)}")
    name, datatype, shape = (entry.get(key) for key in ("name", "datatype", "shape"))
    if not isinstance(name, str) or not isinstance(datatype, str):
        raise InputError("every input needs a 'name' and a 'datatype'")
    if not isinstance(shape, list) or not all(type(dim) is int for dim in shape):
        raise InputError(f"input {name!r} needs a 'shape': a list of whole numbers")
    return name, datatype, shape


def _piece(body: memoryview, at: int, size: Any, name: str) -> memoryview:
    if type(size) is not int or size < 0:
        raise InputError(f"the 'binary_data_size' of input {name!r} must be a number of bytes")
    if at + size > len(body):
        raise InputError(f"input {name!r} should have {size} bytes, the body ends after {len(body) - at}")
    return body[at : at + size]


def _data(entry: Mapping[str, Any], name: str) -> Any:
    data = entry.get("data")
    if not isinstance(data, list | np.ndarray):
        raise InputError(
            f"input {name!r} needs 'data': a list, or a 'binary_data_size' and bytes after the JSON"
        )
    return data


def _list(head: Mapping[str, Any], key: str) -> Sequence[Any]:
    value = head.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise InputError(f"{key!r} must be a list, got {kind_of(value)}")
    return value


def _parameters(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    value = entry.get("parameters")
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise InputError(f"'parameters' must be an object, got {kind_of(value)}")
    return value
