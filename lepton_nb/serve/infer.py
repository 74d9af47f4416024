"""The Open Inference Protocol (v2) as the worker speaks it: tensors in JSON or in binary.

Source: https://github.com/kserve/open-inference-protocol, with Triton's extensions for binary tensors and
for classification.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
import orjson

from lepton_nb.serve.floats import DTYPES, load_tensors
from lepton_nb.serve.frames import Answer, Request
from lepton_nb.serve.wires import Question, RefusedError, Wire, load_json, parts
from lepton_nb.signature import Signature, TensorSpec
from lepton_nb.tasks import Codec, InputError
from lepton_nb.tasks.answers import softmax
from lepton_nb.tasks.base import Arrays
from lepton_nb.tasks.bodies import kind_of

_DATATYPES = {"bool": "BOOL", **{dtype.name: name for name, dtype in DTYPES.items()}}
_LONG = 2048  # shorter JSON is read faster in one go than tensor by tensor
_LENGTH = struct.Struct("<I")

# The codecs' key for a list of real inputs, which may come as one tensor of BYTES.
_REAL_INPUTS = {"image": "images", "text": "texts"}


def tensors(signature: Signature) -> dict[str, list[dict[str, Any]]]:
    """The ``inputs`` and ``outputs`` of the model's metadata."""

    def described(spec: TensorSpec) -> dict[str, Any]:
        shape = [-1, *(-1 if dim is None else dim for dim in spec.shape)]
        return {"name": spec.name, "datatype": _DATATYPES[spec.dtype], "shape": shape}

    return {"inputs": list(map(described, signature.inputs)), "outputs": [described(signature.output)]}


class _Wanted(NamedTuple):
    """How the output is to be answered: in binary or JSON, as a tensor (0) or as that many classes."""

    binary: bool
    classes: int
    id: str


class InferWire(Wire):
    """Reads ``infer`` requests, writes their responses.

    One input of datatype BYTES and shape ``[N]`` may stand for the tensors of a model that takes pictures or
    sentences: the files' bytes (in JSON their base64), or the text.

    Args:
        name: Name of the model, as clients call it.
        version: Its version.
    """

    input_status: ClassVar[int] = 400

    def __init__(self, codec: Codec, name: str, version: int) -> None:
        self.codec = codec
        self.specs = {spec.name: spec for spec in codec.signature.inputs}
        self.output = codec.signature.output
        self.name = name
        self.version = str(version)

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
            data = _piece(body, at, size, name) if size is not None else None
            at += len(data) if data is not None else 0
            if name in values:
                raise InputError(f"input {name!r} comes twice")
            values[name] = self._value(entry, name, datatype, shape, data)
        if at != len(body):
            raise InputError(
                f"{len(body) - at} bytes follow the last input; is a 'binary_data_size' missing?"
            )
        wanted = self._wanted(head)
        return Question(self._arrays(values), wanted)

    def write(self, questions: Sequence[Question], output: np.ndarray) -> list[Answer]:
        return [self._write(part, question.wanted) for question, part in parts(questions, output)]

    def _value(self, entry: Any, name: str, datatype: str, shape: list[int], data: memoryview | None) -> Any:
        """The array of one input, or the list of its strings or files."""
        if datatype == "BYTES":
            return self._elements(entry, name, shape, data)
        spec = self.specs.get(name)
        if spec is None:
            raise InputError(
                f"there is no input {name!r}: this model takes {', '.join(map(str, self.specs))}"
            )
        expected = _DATATYPES[spec.dtype]
        if datatype != expected:
            raise InputError(f"input {name!r} has the datatype {datatype!r:.20}, this model takes {expected}")
        wanted = [-1, *(-1 if dim is None else dim for dim in spec.shape)]
        if len(shape) != len(wanted) or any(w not in (-1, s) for s, w in zip(shape, wanted, strict=True)):
            raise InputError(f"input {name!r} has the shape {shape}, this model takes {wanted}")
        count = math.prod(shape)
        if data is not None:
            if len(data) != count * np.dtype(spec.dtype).itemsize:
                raise InputError(f"input {name!r} has {len(data)} bytes, not those of {datatype} {shape}")
            array = np.frombuffer(data, spec.dtype).reshape(shape)
            return array if array.flags.aligned else array.copy()
        return _array(_data(entry, name), name, datatype, count).reshape(shape)

    def _elements(self, entry: Any, name: str, shape: list[int], data: memoryview | None) -> list[Any]:
        if self.codec.kind not in _REAL_INPUTS:
            raise InputError(f"input {name!r} is BYTES, but this model takes numbers")
        elements = _split(data, name) if data is not None else _data(entry, name)
        if len(shape) not in (1, 2) or (len(shape) == 2 and shape[1] != 1) or len(elements) != shape[0]:
            raise InputError(
                f"input {name!r} has the shape {shape} and {len(elements)} elements, expected [N]"
            )
        return elements

    def _arrays(self, values: dict[str, Any]) -> Arrays:
        if len(values) == 1 and isinstance(elements := next(iter(values.values())), list):
            key = _REAL_INPUTS[self.codec.kind]
            if self.codec.kind == "text":
                elements = [_text(element) for element in elements]
            elif isinstance(elements[0], bytes):
                return self.codec.prepare(elements)
            return self.codec.decode_json({key: elements})
        missing = [name for name in self.specs if not isinstance(values.get(name), np.ndarray)]
        if missing or len(values) > len(self.specs):
            raise InputError(f"input {missing[0]!r} is missing" if missing else "there are too many inputs")
        return self.codec.prepare(next(iter(values.values())) if len(values) == 1 else {"inputs": values})

    def _wanted(self, head: Mapping[str, Any]) -> _Wanted:
        binary = _parameters(head).get("binary_data_output", False)
        outputs = _list(head, "outputs")
        classes = 0
        for entry in outputs:
            if not isinstance(entry, Mapping) or entry.get("name") != self.output.name:
                seen = entry.get("name") if isinstance(entry, Mapping) else entry
                raise InputError(f"there is no output {seen!r:.40}: this model gives {self.output.name!r}")
            parameters = _parameters(entry)
            binary = parameters.get("binary_data", binary)
            classes = parameters.get("classification", 0)
        id_ = head.get("id", "")
        if not isinstance(id_, str):
            raise InputError(f"'id' must be a string, got {kind_of(id_)}")
        if not isinstance(binary, bool):
            raise InputError("'binary_data' and 'binary_data_output' must be true or false")
        if not isinstance(classes, int) or classes < 0:
            raise InputError("'classification' must be a number of classes")
        if classes and not self.codec.signature.class_names:
            raise InputError("this model has no classes: leave 'classification' out")
        return _Wanted(binary, classes, id_)

    def _write(self, output: np.ndarray, wanted: _Wanted) -> Answer:
        values: Any = output
        datatype = _DATATYPES[str(output.dtype)]
        if wanted.classes:
            values, datatype = self._classify(output, wanted.classes), "BYTES"
        described: dict[str, Any] = {"name": self.output.name, "datatype": datatype, "shape": values.shape}
        raw = b""
        if wanted.binary:
            raw = _join(values) if datatype == "BYTES" else np.ascontiguousarray(values).tobytes()
            described["parameters"] = {"binary_data_size": len(raw)}
        else:
            if datatype != "BYTES" and not np.isfinite(output).all():
                raise InputError("the model gives no finite output for this input; JSON cannot carry it")
            described["data"] = values.reshape(-1).tolist()
        head = {"model_name": self.name, "model_version": self.version, "outputs": [described]}
        if wanted.id:
            head["id"] = wanted.id
        text = orjson.dumps(head)
        return Answer(200, text + raw, len(text)) if wanted.binary else Answer(200, text)

    def _classify(self, output: np.ndarray, count: int) -> np.ndarray:
        """The most likely classes of each item as ``score:index:label``."""
        scores = softmax(output)
        names = self.codec.signature.class_names
        order = np.argsort(-scores, axis=1, kind="stable")[:, :count]
        texts = [
            [f"{row[i]:.6f}:{i}:{names[i]}" for i in indices]
            for row, indices in zip(scores, order, strict=True)
        ]
        return np.array(texts, dtype=object)


def _heading(entry: Any) -> tuple[str, str, list[int]]:
    if not isinstance(entry, Mapping):
        raise InputError(f"an input must be an object, got {kind_of(entry)}")
    name, datatype, shape = (entry.get(key) for key in ("name", "datatype", "shape"))
    if not isinstance(name, str) or not isinstance(datatype, str):
        raise InputError("every input needs a 'name' and a 'datatype'")
    whole = isinstance(shape, list) and all(type(dim) is int and dim >= 0 for dim in shape)
    if not whole or not shape:
        raise InputError(f"input {name!r} needs a 'shape': a list of whole numbers")
    if shape[0] == 0:
        raise InputError(f"input {name!r} is empty: send at least one item")
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


def _array(data: Any, name: str, datatype: str, count: int) -> np.ndarray:
    """Flat or nested lists of numbers as an array of `count` of them."""
    try:
        array = np.asarray(data)
    except ValueError:
        raise InputError(f"the data of input {name!r} is ragged") from None
    if array.dtype.kind not in ("b" if datatype == "BOOL" else "iuf"):
        raise InputError(f"the data of input {name!r} must be {datatype} values only")
    if array.size != count:
        raise InputError(f"input {name!r} has {array.size} values, its shape says {count}")
    return array


def _split(data: memoryview, name: str) -> list[bytes]:
    """The elements of a BYTES tensor: each ``length: u32 (little-endian), bytes``."""
    elements = []
    at = 0
    while at < len(data):
        start = at + _LENGTH.size
        end = start + _LENGTH.unpack_from(data, at)[0] if start <= len(data) else len(data) + 1
        if end > len(data):
            raise InputError(f"the BYTES of input {name!r} are cut off")
        elements.append(bytes(data[start:end]))
        at = end
    return elements


def _text(element: Any) -> Any:
    try:
        return element.decode() if isinstance(element, bytes) else element
    except UnicodeDecodeError as error:
        raise InputError(
            f"the text is not UTF-8: byte {error.start} is 0x{element[error.start]:02x}"
        ) from None


def _join(texts: np.ndarray) -> bytes:
    encoded = (str(text).encode() for text in texts.flat)
    return b"".join(_LENGTH.pack(len(text)) + text for text in encoded)


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
