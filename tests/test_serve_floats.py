"""Numbers read without Python lists: the same arrays as the ordinary way gives, or none at all."""

from __future__ import annotations

import json

import numpy as np
import pytest

from lepton_nb.serve.wires.floats import InputsReader, load_tensors
from lepton_nb.signature import TensorSpec

PICTURE = InputsReader((TensorSpec("image", "float32", (2, 2, 3)),))
TOKENS = InputsReader((TensorSpec("ids", "int64", (4,)),))


def body(array: np.ndarray, **options: object) -> bytes:
    return json.dumps({"inputs": array.tolist()}, **options).encode()  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", [(1, 2, 2, 3), (5, 2, 2, 3)])
@pytest.mark.parametrize("options", [{}, {"separators": (",", ":")}, {"indent": 2}])
def test_batches_are_read_as_they_are(shape: tuple[int, ...], options: dict[str, object]) -> None:
    array = (np.random.default_rng(0).normal(size=shape) * 10.0 ** np.arange(-1, 2)).astype(np.float32)
    read = PICTURE.read(body(array, **options).replace(b'{\n  "', b'{"'))
    assert read is not None
    assert (read.dtype, read.shape) == (np.float32, shape)
    np.testing.assert_array_equal(read, array)


def test_one_item_may_come_without_the_batch_dimension() -> None:
    array = np.arange(12, dtype=np.float32).reshape(2, 2, 3)
    read = PICTURE.read(body(array))
    assert read is not None
    np.testing.assert_array_equal(read, array[None])


def test_whole_numbers_stay_whole() -> None:
    ids = np.array([[0, 1, -5, 2**62 + 1]])
    read = TOKENS.read(body(ids))
    assert read is not None
    np.testing.assert_array_equal(read, ids)
    assert TOKENS.read(b'{"inputs": [[0, 1, 2, 3.5]]}') is None


ROW = "[[[1,2,3],[4,5,6]],[[7,8,9],[10,11,12]]]"


@pytest.mark.parametrize(
    "text",
    [
        ROW.replace("[1,2,3],[4,5,6]", "[1,2],[3,4,5,6]"),  # ragged, the count is right
        ROW.replace("[1,2,3],[4,5,6]", "[1,2,3,4,5,6]"),
        ROW.replace("[1,2,3]", "[1,[2],3]"),
        f"[[{ROW}]]",
        f"[{ROW},[]]",
        "[1,2,3,4,5,6,7,8,9,10,11,12]",
        ROW.replace("12", "null"),
        ROW.replace("12", "true"),
        ROW.replace("12", '"12"'),
        ROW.replace("12", "NaN"),
        ROW.replace("12", "1e39"),  # not a float32
        ROW.replace("12", "1e400"),
        ROW.replace(",12", ""),
        ROW[:-1],
        "[" * 3000,
        "{}",
        "3",
    ],
)
def test_everything_else_is_left_to_the_ordinary_way(text: str) -> None:
    assert PICTURE.read(f'{{"inputs":{text}}}'.encode()) is None
    assert PICTURE.read(f'{{"inputs":{ROW}}}'.encode()) is not None  # also after a failure


@pytest.mark.parametrize(
    "text", ["{}", "[]", f'{{"inputs":{ROW},"more":1}}', f'{{"inputs":{ROW},"inputs":3}}', "", '{"inputs"']
)
def test_other_bodies_are_left_to_the_ordinary_way(text: str) -> None:
    assert PICTURE.read(text.encode()) is None


def test_shapes_of_any_length_are_left_to_the_ordinary_way() -> None:
    reader = InputsReader((TensorSpec("x", "float32", (None, 2)),))
    assert reader.read(b'{"inputs": [[[1, 2]]]}') is None


def test_flat_data_of_a_tensor_becomes_an_array() -> None:
    request = {
        "id": "a",
        "inputs": [
            {"name": "x", "datatype": "FP32", "shape": [1, 2], "data": [1.5, 2]},
            {"name": "y", "datatype": "FP32", "shape": [1, 2], "data": [[1.5, 2]]},
            {"name": "z", "datatype": "BYTES", "shape": [1], "data": ["text"], "parameters": {"a": [1]}},
        ],
    }
    head = load_tensors(json.dumps(request).encode())
    array = head["inputs"][0].pop("data")
    assert (array.dtype, array.tolist()) == (np.float32, [1.5, 2])
    del request["inputs"][0]["data"]  # type: ignore[union-attr, attr-defined]
    assert head == request
    assert load_tensors(b'{"inputs": [3]}') is None
    assert load_tensors(b"{") is None
