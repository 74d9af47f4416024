"""Tensors by the Open Inference Protocol (v2), whichever way they come: in JSON, in binary, by gRPC.

Source: https://github.com/kserve/open-inference-protocol, with Triton's extension for classification.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from lepton_nb.serve.wires.floats import DTYPES
from lepton_nb.signature import Signature, TensorSpec
from lepton_nb.tasks import Codec, InputError
from lepton_nb.tasks.base import Arrays

_DATATYPES = {"bool": "BOOL", **{dtype.name: name for name, dtype in DTYPES.items()}}
_LENGTH = struct.Struct("<I")


def describe_tensors(signature: Signature) -> dict[str, list[dict[str, Any]]]:
    """The ``inputs`` and ``outputs`` of the model's metadata."""

    def described(spec: TensorSpec) -> dict[str, Any]:
        shape = [-1, *(-1 if dim is None else dim for dim in spec.shape)]
        return {"name": spec.name, "datatype": _DATATYPES[spec.dtype], "shape": shape}

    return {
        "inputs": list(map(described, signature.inputs)),
        "outputs": list(map(described, signature.outputs)),
    }


class Asked(NamedTuple):
    """An output as a request wants it.

    Attributes:
        place: Its position among the model's.
        classes: How many of the most likely classes to answer with; 0 answers with the output itself.
        binary: Whether as binary data.
    """

    place: int
    classes: int = 0
    binary: bool = True


class Output(NamedTuple):
    """An output as a tensor of the protocol: an array, or texts where the datatype is BYTES."""

    name: str
    datatype: str
    values: np.ndarray

    def raw(self) -> bytes:
        """The values as binary data."""
        if self.datatype == "BYTES":
            texts = (str(text).encode() for text in self.values.flat)
            return b"".join(_LENGTH.pack(len(text)) + text for text in texts)
        return np.ascontiguousarray(self.values).tobytes()


class Tensors:
    """Reads the tensors of requests for one model, and names those of its answers.

    One input of datatype BYTES and shape ``[N]`` may stand for the tensors of a model that takes pictures or
    sentences: the files' bytes (in JSON their base64), or the text.
    """

    def __init__(self, codec: Codec) -> None:
        self.codec = codec
        self.specs = {spec.name: spec for spec in codec.signature.inputs}
        self.names = [spec.name for spec in codec.signature.outputs]

    def value(self, name: str, datatype: str, shape: Sequence[int], content: Any) -> Any:
        """The array of one input, or the list of its texts or files.

        Args:
            content: A memoryview of binary data, or a list or an array of the values.

        Raises:
            InputError: If the model has no such input.
        """
        if not shape or min(shape) < 0:
            raise InputError(f"input {name!r} needs a 'shape': a list of whole numbers")
        if shape[0] == 0:
            raise InputError(f"input {name!r} is empty: send at least one item")
        if datatype == "BYTES":
            return self._elements(name, shape, content)
        spec = self.specs.get(name)
        if spec is None:
            names = ", ".join(map(str, self.specs))
            raise InputError(f"there is no input {name!r}: this model takes {names}")
        expected = _DATATYPES[spec.dtype]
        if datatype != expected:
            raise InputError(f"input {name!r} has the datatype {datatype!r:.20}, this model takes {expected}")
        wanted = [-1, *(-1 if dim is None else dim for dim in spec.shape)]
        if len(shape) != len(wanted) or any(w not in (-1, s) for s, w in zip(shape, wanted, strict=True)):
            raise InputError(f"input {name!r} has the shape {list(shape)}, this model takes {wanted}")
        count = math.prod(shape)
        if not isinstance(content, memoryview):
            return _array(content, name, datatype, count).reshape(shape)
        if len(content) != count * np.dtype(spec.dtype).itemsize:
            raise InputError(
                f"input {name!r} has {len(content)} bytes, not those of {datatype} {list(shape)}"
            )
        array = np.frombuffer(content, spec.dtype).reshape(shape)
        return array if array.flags.aligned else array.copy()

    def arrays(self, values: dict[str, Any]) -> Arrays:
        """The model's inputs, of what `value` gave for each name.

        Raises:
            InputError: If one is missing, or the task's codec refuses one.
        """
        if len(values) == 1 and isinstance(elements := next(iter(values.values())), list):
            form = self.codec.form
            if not form.file:
                elements = [_text(element) for element in elements]
            elif isinstance(elements[0], bytes):
                return self.codec.prepare(elements)
            return self.codec.decode_json({form.plural: elements})
        missing = [name for name in self.specs if not isinstance(values.get(name), np.ndarray)]
        if missing or len(values) > len(self.specs):
            raise InputError(f"input {missing[0]!r} is missing" if missing else "there are too many inputs")
        return self.codec.prepare(next(iter(values.values())) if len(values) == 1 else {"inputs": values})

    def every(self, *, binary: bool) -> list[Asked]:
        """All outputs, as where a request names none."""
        return [Asked(place, binary=binary) for place in range(len(self.names))]

    def place_of(self, name: Any) -> int:
        """The position of the output of that name.

        Raises:
            InputError: If there is none.
        """
        if name not in self.names:
            known = ", ".join(map(repr, self.names))
            raise InputError(f"there is no output {name!r:.40}: this model gives {known}")
        return self.names.index(name)

    def output(self, outputs: Arrays, asked: Asked) -> Output:
        """The tensor to answer with: an output of the model, or its most likely classes."""
        output, name = outputs[asked.place], self.names[asked.place]
        if asked.classes:
            return Output(name, "BYTES", self._classify(output, asked.classes))
        return Output(name, _DATATYPES[str(output.dtype)], output)

    def check_classes(self, place: int, classes: Any) -> int:
        """The number of classes that were asked for of an output.

        Raises:
            InputError: If it is no number, or the output is none of classes.
        """
        if type(classes) is not int or classes < 0:
            raise InputError("'classification' must be a number of classes")
        signature = self.codec.signature
        if classes and not signature.class_names:
            raise InputError("this model has no classes: leave 'classification' out")
        if classes and signature.outputs[place].shape != (len(signature.class_names),):
            raise InputError(f"output {self.names[place]!r} has no classes: leave 'classification' out")
        return classes

    def _elements(self, name: str, shape: Sequence[int], content: Any) -> list[Any]:
        if not (self.codec.form.file or self.codec.form.widget == "text"):
            raise InputError(f"input {name!r} is BYTES, but this model takes numbers")
        elements = _split(content, name) if isinstance(content, memoryview) else list(content)
        if len(shape) not in (1, 2) or (len(shape) == 2 and shape[1] != 1) or len(elements) != shape[0]:
            raise InputError(
                f"input {name!r} has the shape {list(shape)} and {len(elements)} elements, expected [N]"
            )
        return elements

    def _classify(self, output: np.ndarray, count: int) -> np.ndarray:
        """The most likely classes of each item as ``score:index:label``."""
        scores = self.codec.scores(output)
        names = self.codec.signature.class_names
        order = np.argsort(-scores, axis=1, kind="stable")[:, :count]
        texts = [
            [f"{row[i]:.6f}:{i}:{names[i]}" for i in indices]
            for row, indices in zip(scores, order, strict=True)
        ]
        return np.array(texts, dtype=object)


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
