"""Nested lists, arrays and tensors as checked batches: the numeric half of every codec."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from lepton_nb.signature import TensorSpec
from lepton_nb.tasks.base import InputError
from lepton_nb.tasks.bodies import kind_of


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
    except Exception as error:  # numpy's parsers let through whatever Python's tokenizer raises
        raise InputError("the body is not an .npy file") from error
    if dtype.kind not in "biuf":
        raise InputError(f"the .npy file holds {dtype}, expected numbers")
    size = math.prod(shape)
    if min(shape, default=0) < 0 or len(body) - stream.tell() != size * dtype.itemsize:
        raise InputError(f"the .npy file is damaged: its header says {_shape_text(shape)} of {dtype}")
    flat = np.frombuffer(body, dtype, count=size, offset=stream.tell())
    return flat.reshape(shape, order="F" if fortran else "C")


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
