"""Table rows as model inputs."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import numpy as np
import pandas as pd
import pytest

from lepton_nb.signature import Signature, TensorSpec
from lepton_nb.tasks import Codec, InputError, get_task
from lepton_nb.tasks.tables import category_text, encode_columns, encode_rows

COLUMNS = [
    {"name": "age", "kind": "number", "mean": 30.0, "std": 10.0, "fill": 40.0},
    {"name": "city", "kind": "category", "values": ["Oslo", "Rome"]},
    {"name": "rooms", "kind": "category", "values": ["1", "2"]},
]
PREPROCESSING = {"kind": "table", "columns": COLUMNS}


@pytest.fixture
def codec() -> Codec:
    signature = Signature(
        "tabular-regression",
        (TensorSpec("features", "float32", (5,)),),
        TensorSpec("values", "float32", (1,)),
        preprocessing=PREPROCESSING,
        target={"name": "price", "mean": 100.0, "std": 10.0},
    )
    return get_task(signature.task).codec(signature)


def test_numbers_are_scaled_and_categories_one_hot() -> None:
    rows = [
        {"age": 50, "city": "Rome", "rooms": 1},
        {"age": None, "city": "Paris", "rooms": None},
        {"age": float("nan"), "city": None, "rooms": 2.0},
        {},
    ]
    batch = encode_rows(rows, PREPROCESSING)
    assert batch.dtype == np.float32
    assert batch.tolist() == [[2, 0, 1, 1, 0], [1, 0, 0, 0, 0], [1, 0, 0, 0, 1], [1, 0, 0, 0, 0]]


def test_columns_encode_like_rows() -> None:
    rows = [{"age": i, "city": "Oslo" if i % 2 else None, "rooms": str(i % 3)} for i in range(9)]
    frame = pd.DataFrame(rows)
    by_column = encode_columns({name: frame[name].tolist() for name in frame}, PREPROCESSING)
    np.testing.assert_array_equal(by_column, encode_rows(rows, PREPROCESSING))


@pytest.mark.parametrize(
    ("value", "text"),
    [(3, "3"), (3.0, "3"), ("3", "3"), (np.float64(3), "3"), (2.5, "2.5"), (True, "True"), (None, None)],
)
def test_a_category_reads_the_same_however_it_is_stored(value: Any, text: str | None) -> None:
    assert category_text(value) == text
    assert category_text(float("nan")) is None


def test_every_form_of_a_row_gives_the_same_input(codec: Codec) -> None:
    row = {"age": 50, "city": "Rome", "rooms": "1"}
    frame = pd.DataFrame([row])
    batches = [codec.prepare(v)[0] for v in (row, [row], frame, frame.iloc[0], {"row": row}, {"rows": [row]})]
    batches += [
        codec.decode_bytes(b"city,age,rooms\nRome,50,1\n", "text/csv")[0],
        codec.decode_bytes("\ufeffcity, age ,rooms\r\nRome,50,1\r\n\r\n".encode(), "text/csv")[0],
        codec.decode_json({"inputs": [2, 0, 1, 1, 0]})[0],
    ]
    assert all(batch.tolist() == [[2, 0, 1, 1, 0]] for batch in batches)


def test_null_says_that_a_value_is_missing(codec: Codec) -> None:
    (batch,) = codec.decode_json({"row": {"age": None, "city": None, "rooms": None}})
    assert batch.tolist() == [[1, 0, 0, 0, 0]]
    (same,) = codec.decode_bytes(b"age,city,rooms\n, ,\n", "text/csv")
    assert same.tolist() == batch.tolist()
    gaps = pd.DataFrame({"age": [np.nan], "city": [None], "rooms": pd.Series([pd.NA], dtype="Int64")})
    assert codec.prepare(gaps)[0].tolist() == batch.tolist()
    row = {"age": float("nan"), "city": None, "rooms": None}
    assert codec.prepare(row)[0].tolist() == codec.prepare([row])[0].tolist() == batch.tolist()


@pytest.mark.parametrize(
    ("body", "message", "index"),
    [
        ({"row": {"age": 1, "city": "Rome"}}, "row has no 'rooms': send it, or null where", 0),
        ({"row": {"agee": 1, "city": "", "rooms": 1}}, "unknown column 'agee': did you mean 'age'?", 0),
        ({"row": {"age": 1, "zzzz": 2}}, "unknown column 'zzzz': the columns are age, city, rooms", 0),
        (
            {"row": {"age": 1, "city": "", "rooms": 1, "price": 5}},
            "'price', which is what the model predicts: leave it out",
            0,
        ),
        ({"row": {"age": "old", "city": "", "rooms": 1}}, "'age' in row must be a finite number or null", 0),
        ({"row": {"age": True, "city": "", "rooms": 1}}, "'age' in row must be a finite number", 0),
        ({"row": {"age": float("nan"), "city": "", "rooms": 1}}, "finite number or null, got nan", 0),
        (
            {"row": {"age": 1, "city": ["Rome"], "rooms": 1}},
            "must be a string, a number or null, got a list",
            0,
        ),
        (
            {"row": {"age": 1, "city": float("inf"), "rooms": 1}},
            "'city' in row must be a string, a finite",
            0,
        ),
        ({"row": [1, 2, 3]}, "'row' must be an object of one value a column, got a list", 0),
        ({"rows": []}, "'rows' is empty", None),
        ({"rows": {"age": 1}}, "'rows' must be a list, got an object", None),
        (
            {"rows": [{"age": 1, "city": "", "rooms": 1}, {"age": 1}]},
            r"rows\[1\] has no 'city'",
            1,
        ),
        ({"inputs": [[1, 2]]}, r"expected \(N, 5\)", None),
    ],
)
def test_a_wrong_request_says_what_and_where(
    codec: Codec, body: dict[str, Any], message: str, index: int | None
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        codec.decode_json(body)
    assert caught.value.index == index


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "needs a header line and at least one row"),
        (b"age,city,rooms\n", "needs a header line and at least one row"),
        (b"age,city,rooms\n1,2\n", "row 0 has 2 cells, the header 3"),
        (b"age,age,rooms\n1,2,3\n", "header has 'age' twice"),
        (b"age,city,rooms\nold,Rome,1\n", "'age' in row 0 must be a number, got 'old'"),
        (b"age,town,rooms\n1,Rome,1\n", "unknown column 'town'"),
        (b"age,city,rooms\nnan,Rome,1\n", "must be a finite number or null"),
        (b"\xff\xfe", "not UTF-8"),
        (b'age,city,rooms\n1,"Ro\n', "row 0 has"),
    ],
)
def test_wrong_csv_is_refused(codec: Codec, body: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        codec.decode_bytes(body, "text/csv")


def test_the_example_fits_the_schema_and_decodes(codec: Codec) -> None:
    jsonschema.Draft202012Validator.check_schema(codec.request_schema())
    jsonschema.validate(codec.example(), codec.request_schema())
    assert codec.decode_json(json.loads(json.dumps(codec.example())))[0].shape == (1, 5)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"row": {"age": 1}}, codec.request_schema())
