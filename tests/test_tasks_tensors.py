"""The tensor codec: what every task takes as nested lists, arrays, tensors and .npy bytes."""

from __future__ import annotations

import io
from typing import Any

import jsonschema
import numpy as np
import pytest
import torch

from lepton_nb.signature import Signature, TensorSpec
from lepton_nb.tasks import Codec, InputError, get_task
from lepton_nb.tasks.tensors import NPY


def codec(*inputs: TensorSpec) -> Codec:
    signature = Signature(
        "tabular-classification", inputs, TensorSpec("logits", "float32", (2,)), ("no", "yes")
    )
    return get_task(signature.task).codec(signature)


ROW = TensorSpec("features", "float32", (3,))
IDS = TensorSpec("ids", "int64", (None,))


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


@pytest.mark.parametrize(
    "value",
    [
        [[1, 2, 3]],
        [1.0, 2.0, 3.0],
        np.array([1, 2, 3]),
        np.array([[1.0, 2.0, 3.0]]),
        torch.tensor([[1.0, 2.0, 3.0]]),
        [torch.tensor([1.0, 2.0, 3.0])],
    ],
)
def test_every_form_of_the_same_input_gives_the_same_batch(value: Any) -> None:
    (batch,) = codec(ROW).prepare(value)
    assert batch.dtype == np.float32
    assert batch.tolist() == [[1.0, 2.0, 3.0]]


def test_the_items_of_a_batch_keep_their_order() -> None:
    values = np.arange(12.0).reshape(4, 3)
    (batch,) = codec(ROW).decode_json({"inputs": values.tolist()})
    np.testing.assert_array_equal(batch, values)


@pytest.mark.parametrize(
    ("value", "message", "index"),
    [
        ([[1, 2, 3], [1, 2]], r"inputs\[1\] has the shape \(2,\), expected \(3,\)", 1),
        ([[1, 2, 3], [1, "2", 3]], r"inputs\[1\] holds '2', expected numbers only", 1),
        ([[1, 2, 3], [1, None, 3]], r"inputs\[1\] holds null", 1),
        ([[1, 2, 3], [float("nan"), 2, 3]], r"inputs\[1\]\[0\] is nan, expected a finite number", 1),
        ([[float("inf"), 2, 3]], r"inputs\[0\]\[0\] is inf", 0),
        ([[1e39, 2, 3]], r"inputs\[0\]\[0\] is 1e\+39, expected a finite number", 0),
        ([[True, False, True]], "holds true or false", 0),
        ([], "'inputs' is empty", None),
        ([[]], r"'inputs' has the shape \(1, 0\), expected \(N, 3\)", None),
        (np.zeros((0, 3)), "'inputs' is empty", None),
        ("1,2,3", "must be nested lists of numbers, got a string", None),
        (7, r"has the shape \(\), expected \(N, 3\)", None),
        ({"a": 1}, "must be nested lists of numbers, got an object", None),
        ([{"a": 1}], "holds an object", 0),
        ([[[1, 2, 3]]], r"has the shape \(1, 1, 3\), expected \(N, 3\)", None),
        ([[1, 2, 10**400]], "holds a number that is too large", 0),
    ],
)
def test_a_wrong_input_says_what_and_where(value: Any, message: str, index: int | None) -> None:
    with pytest.raises(InputError, match=message) as caught:
        codec(ROW).decode_json({"inputs": value})
    assert caught.value.index == index


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([[1.5, 2]], r"inputs\[0\]\[0\] is 1.5, expected a whole number"),
        ([[2**70]], "holds"),
        ([[1], [1, 2]], "ragged: dimensions of any length must agree"),
    ],
)
def test_whole_numbers_must_be_whole(value: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        codec(IDS).decode_json({"inputs": value})


def test_whole_numbers_written_as_floats_are_taken() -> None:
    (batch,) = codec(IDS).decode_json({"inputs": [[1.0, 2.0]]})
    assert batch.dtype == np.int64
    assert batch.tolist() == [[1, 2]]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "send exactly one of 'inputs', got an empty object"),
        ({"input": [[1, 2, 3]]}, "unknown key 'input': send 'inputs'. Did you mean 'inputs'?"),
        ([1], "expected a JSON object with 'inputs', got a list"),
    ],
)
def test_a_body_with_the_wrong_keys_is_refused(body: Any, message: str) -> None:
    with pytest.raises(InputError) as caught:
        codec(ROW).decode_json(body)
    assert str(caught.value) == message


def test_several_inputs_come_by_name_or_position() -> None:
    two = codec(ROW, IDS)
    by_name = two.decode_json({"inputs": {"ids": [[4, 5]], "features": [[1, 2, 3]]}})
    by_position = two.prepare(([[1, 2, 3]], [[4, 5]]))
    assert [batch.tolist() for batch in by_name] == [[[1.0, 2.0, 3.0]], [[4, 5]]]
    assert [batch.tolist() for batch in by_position] == [batch.tolist() for batch in by_name]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"features": [[1, 2, 3]]}, "'inputs' has no 'ids'"),
        ({"features": [[1, 2, 3]], "ids": [[1]], "x": 1}, "unknown input 'x'"),
        ({"features": [[1, 2, 3]], "ids": [[1], [2]]}, "differ in their number of items: features 1, ids 2"),
        ([[1, 2, 3]], "takes 2 inputs: 'features', 'ids'"),
    ],
)
def test_several_inputs_must_all_be_there_and_agree(value: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        codec(ROW, IDS).decode_json({"inputs": value})


@pytest.mark.parametrize("order", ["C", "F"])
def test_an_npy_body_is_read(order: Any) -> None:
    values = np.asarray(np.arange(6.0).reshape(2, 3), order=order)
    (batch,) = codec(ROW).decode_bytes(npy(values), NPY)
    np.testing.assert_array_equal(batch, values)


def test_an_npy_header_that_claims_more_than_the_body_is_refused() -> None:
    whole = npy(np.zeros((2, 3)))
    huge = whole.replace(b"(2, 3), }      ", b"(9999999999,)} ")
    assert len(huge) == len(whole)
    for bad in (huge, whole[:-8], whole[:10], b"not numpy", npy(np.array([object()], dtype=object))):
        with pytest.raises(InputError, match="npy"):
            codec(ROW).decode_bytes(bad, NPY)


def test_an_unknown_media_type_is_refused() -> None:
    with pytest.raises(InputError, match="takes no audio/wav body"):
        codec(ROW).decode_bytes(b"RIFF", "audio/wav")


def test_the_example_fits_the_schema_and_decodes() -> None:
    for one in (codec(ROW), codec(ROW, IDS)):
        jsonschema.Draft202012Validator.check_schema(one.request_schema())
        jsonschema.validate(one.example(), one.request_schema())
        assert all(len(batch) == 1 for batch in one.decode_json(one.example()))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"inputs": [[1, 2]]}, codec(ROW).request_schema())


def test_several_outputs_are_answered_by_name() -> None:
    outputs = (TensorSpec("guess", "float32", (2,)), TensorSpec("ids", "int64", (None,)))
    signature = Signature("generic", (ROW,), outputs[0], further_outputs=outputs[1:])
    codec = get_task("generic").codec(signature)
    answers = codec.encode((np.array([[0.5, 1.0]], np.float32), np.array([[3, 4, 5]])))
    assert answers == [{"outputs": {"guess": [0.5, 1.0], "ids": [3, 4, 5]}}]
    jsonschema.validate(answers[0], codec.answer_schema())
