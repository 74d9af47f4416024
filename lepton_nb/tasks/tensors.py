"""The codec every task falls back to: inputs that already are tensors, as nested lists or arrays."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from lepton_nb.errors import did_you_mean
from lepton_nb.signature import Signature, TensorSpec
from lepton_nb.tasks.answers import Answers
from lepton_nb.tasks.base import Arrays, Codec, InputError, InputKind

NPY = "application/x-npy"


class TensorCodec(Codec):
    """Takes ``{"inputs": ...}``: one batch of what ``model.forward`` takes.

    With several inputs, ``inputs`` is an object of one batch a name. Subclasses add their own keys to
    ``forms``.

    Args:
        signature: What the model takes.
        answers: Turns its outputs into answers.
    """

    kind: ClassVar[InputKind] = "tensor"
    media_types: ClassVar[tuple[str, ...]] = (NPY,)

    def __init__(self, signature: Signature, answers: Answers) -> None:
        super().__init__(signature)
        self.answers = answers
        self.forms: dict[str, Callable[[Any], Arrays]] = {"inputs": self.from_tensors}

    def prepare(self, value: Any) -> Arrays:
        if isinstance(value, Mapping):
            return self.decode_json(value)
        return self.from_tensors(value)

    def decode_json(self, body: Mapping[str, Any]) -> Arrays:
        if not isinstance(body, Mapping):
            raise InputError(f"expected a JSON object with {self._choices()}, got {kind_of(body)}")
        unknown = [key for key in body if key not in self.forms]
        if unknown:
            advice = did_you_mean(str(unknown[0]), self.forms) or ""
            raise InputError(f"unknown key {unknown[0]!r}: send {self._choices()}. {advice}".rstrip())
        if len(body) != 1:
            seen = " and ".join(map(repr, body)) or "an empty object"
            raise InputError(f"send exactly one of {self._choices()}, got {seen}")
        ((key, value),) = body.items()
        return self.forms[key](value)

    def decode_bytes(self, body: bytes, media_type: str) -> Arrays:
        if media_type == NPY:
            return self.from_tensors(read_npy(body))
        return super().decode_bytes(body, media_type)

    def from_tensors(self, value: Any) -> Arrays:
        """Model inputs as nested lists, arrays or tensors, with or without the batch dimension.

        Raises:
            InputError: If a shape or type is not the signature's.
        """
        specs = self.signature.inputs
        if len(specs) == 1:
            return (self.check(to_batch(value, specs[0])),)
        batches = tuple(
            to_batch(part, spec, spec.name) for part, spec in zip(self._parts(value), specs, strict=True)
        )
        if len({len(batch) for batch in batches}) > 1:
            sizes = ", ".join(f"{spec.name} {len(batch)}" for spec, batch in zip(specs, batches, strict=True))
            raise InputError(f"the inputs differ in their number of items: {sizes}")
        return batches

    def check(self, batch: np.ndarray) -> np.ndarray:
        """A place for subclasses to refuse values that no real input of theirs can give."""
        return batch

    def encode(self, output: np.ndarray) -> list[dict[str, Any]]:
        return self.answers.encode(output)

    def request_schema(self) -> dict[str, Any]:
        return request_schema({"inputs": self.inputs_schema()})

    def inputs_schema(self) -> dict[str, Any]:
        """JSON schema of the value of ``inputs``."""
        specs = self.signature.inputs
        schemas = {spec.name: _array_schema(spec) for spec in specs}
        if len(specs) == 1:
            return schemas[specs[0].name]
        return {
            "type": "object",
            "properties": schemas,
            "required": list(schemas),
            "additionalProperties": False,
        }

    def answer_schema(self) -> dict[str, Any]:
        return self.answers.schema()

    def example(self) -> dict[str, Any]:
        values = {spec.name: zeros(spec).tolist() for spec in self.signature.inputs}
        return {"inputs": next(iter(values.values())) if len(values) == 1 else values}

    def _parts(self, value: Any) -> Sequence[Any]:
        """The value of each input, by name or by position."""
        names = [spec.name for spec in self.signature.inputs]
        if isinstance(value, Mapping):
            for name in names:
                if name not in value:
                    raise InputError(f"'inputs' has no {name!r}: it needs {', '.join(map(repr, names))}")
            for name in value:
                if name not in names:
                    raise InputError(
                        f"unknown input {name!r}: this model takes {', '.join(map(repr, names))}"
                    )
            return [value[name] for name in names]
        if isinstance(value, tuple | list) and len(value) == len(names):
            return value
        raise InputError(f"this model takes {len(names)} inputs: {', '.join(map(repr, names))}")

    def _choices(self) -> str:
        return " or ".join(repr(form) for form in self.forms)


def to_batch(value: Any, spec: TensorSpec, label: str = "inputs") -> np.ndarray:
    """`value` as a contiguous array ``(N, *spec.shape)`` of the spec's dtype.

    Args:
        value: Nested lists, an array, a tensor, or a list of arrays or tensors; one item may come
            without the batch dimension.
        spec: The input it is for.
        label: What to call it in a message.

    Raises:
        InputError: If it is empty, ragged, of another shape, or holds something other than finite numbers.
    """
    array = _as_array(value, spec, label)
    if array.ndim > 0 and len(array) == 0:
        raise InputError(f"{label!r} is empty: send at least one item")
    batch = array[None] if array.ndim == len(spec.shape) else array
    if not _fits(batch.shape[1:], spec.shape):
        expected = _shape_text(("N", *spec.shape))
        raise InputError(f"{label!r} has the shape {_shape_text(array.shape)}, expected {expected}")
    return _cast(batch, spec, label)


def as_numpy(value: Any) -> Any:
    """A torch tensor as a numpy array; anything else as it is."""
    return value.detach().cpu().numpy() if hasattr(value, "detach") else value


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


def zeros(spec: TensorSpec) -> np.ndarray:
    """One item of zeros, with a batch dimension; dimensions of any length get length 1."""
    return np.zeros((1, *(1 if dim is None else dim for dim in spec.shape)), dtype=spec.dtype)


def read_npy(body: bytes) -> np.ndarray:
    """The array in the bytes of an ``.npy`` file; never unpickles, never allocates by the header's word.

    Raises:
        InputError: If they are something else.
    """
    stream = io.BytesIO(body)
    try:
        version = np.lib.format.read_magic(stream)
        reader = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }[version]
        shape, fortran, dtype = reader(stream)
    except (ValueError, KeyError, EOFError, SyntaxError) as error:
        raise InputError("the body is not an .npy file") from error
    if dtype.kind not in "biuf":
        raise InputError(f"the .npy file holds {dtype}, expected numbers")
    size = math.prod(shape)
    if len(body) - stream.tell() != size * dtype.itemsize:
        raise InputError(f"the .npy file is damaged: its header says {_shape_text(shape)} of {dtype}")
    flat = np.frombuffer(body, dtype, count=size, offset=stream.tell())
    return flat.reshape(shape, order="F" if fortran else "C")


def decode_base64(text: str) -> bytes:
    """The bytes behind base64 text, which may stand in a ``data:`` URL and hold line breaks.

    Raises:
        ValueError: If it is not base64.
    """
    if text.startswith("data:"):
        text = text.partition(",")[2]
    return base64.b64decode("".join(text.split()), validate=True)


def _as_array(value: Any, spec: TensorSpec, label: str) -> np.ndarray:
    value = as_numpy(value)
    if isinstance(value, list | tuple) and value and hasattr(value[0], "shape"):
        value = [as_numpy(item) for item in value]
    try:
        array = np.asarray(value)
    except ValueError:  # ragged
        raise _explain(value, spec, label) from None
    if array.dtype.kind not in "fiu" and not (array.dtype.kind == "b" and spec.dtype == "bool"):
        raise _explain(value, spec, label)
    return array


def _cast(array: np.ndarray, spec: TensorSpec, label: str) -> np.ndarray:
    """The array in the spec's dtype, every value finite and in its range."""
    dtype = np.dtype(spec.dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        cast = np.ascontiguousarray(array, dtype=dtype)
    bad = ~np.isfinite(cast) if dtype.kind == "f" else cast != array
    if bad.any():
        where = tuple(int(i) for i in np.argwhere(bad)[0])
        position = "".join(f"[{i}]" for i in where)
        expected = "a finite number" if dtype.kind == "f" else f"a whole number of type {dtype}"
        raise InputError(f"{label}{position} is {array[where]}, expected {expected}", where[0])
    return cast


def _explain(value: Any, spec: TensorSpec, label: str) -> InputError:
    """Which item of a value that is no rectangular array of numbers is wrong, and how."""
    if not isinstance(value, Iterable) or isinstance(value, str | bytes | Mapping):
        return InputError(f"{label!r} must be nested lists of numbers, got {kind_of(value)}")
    items = list(value)
    batched = _depth(items) > len(spec.shape)
    for index, item in enumerate(items if batched else [items]):
        position = f"{label}[{index}]" if batched else label
        try:
            array = np.asarray(item)
        except ValueError:
            return InputError(f"{position} is ragged, expected the shape {_shape_text(spec.shape)}", index)
        if array.dtype.kind not in "fiu":
            wrong = _first_non_number(item) or "a number that is too large"
            return InputError(f"{position} holds {wrong}, expected numbers only", index)
        if not _fits(array.shape, spec.shape):
            seen, expected = _shape_text(array.shape), _shape_text(spec.shape)
            return InputError(f"{position} has the shape {seen}, expected {expected}", index)
    return InputError(f"{label!r} is ragged: dimensions of any length must agree within one batch")


def _depth(value: Any) -> int:
    value = as_numpy(value)
    if isinstance(value, np.ndarray):
        return value.ndim
    if not isinstance(value, list | tuple):
        return 0
    return 1 + max((_depth(item) for item in value), default=0)


def _first_non_number(value: Any) -> str:
    if isinstance(value, list | tuple):
        return next((found for item in value if (found := _first_non_number(item))), "")
    if isinstance(value, int | float) and not isinstance(value, bool):
        return ""
    return f"{value!r:.40}" if isinstance(value, str) else kind_of(value)


def _fits(shape: Sequence[int], expected: Sequence[int | None]) -> bool:
    return len(shape) == len(expected) and all(
        want is None or size == want for size, want in zip(shape, expected, strict=True)
    )


def _shape_text(shape: Iterable[Any]) -> str:
    dims = ["any" if dim is None else str(dim) for dim in shape]
    return f"({', '.join(dims)}{',' if len(dims) == 1 else ''})"


def _array_schema(spec: TensorSpec) -> dict[str, Any]:
    """A batch of the spec, or one item without the batch dimension, as nested arrays."""
    whole = np.dtype(spec.dtype).kind in "iu"
    schema: dict[str, Any] = {"type": "integer" if whole else "number"}
    for dim in reversed(spec.shape):
        schema = {"type": "array", "items": schema}
        if dim is not None:
            schema |= {"minItems": dim, "maxItems": dim}
    batch = {"type": "array", "items": schema, "minItems": 1}
    return {"anyOf": [batch, schema], "description": f"{spec}; N is the number of items"}
