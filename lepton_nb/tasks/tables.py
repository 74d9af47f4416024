"""Table rows as model inputs: scaling and one-hot coding that training, evaluation and the service share."""

from __future__ import annotations

import csv
import io
import math
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from lepton_nb.errors import nearest
from lepton_nb.signature import Signature
from lepton_nb.tasks.answers import Answers
from lepton_nb.tasks.base import Arrays, Form, InputError
from lepton_nb.tasks.bodies import items_of, kind_of, request_schema
from lepton_nb.tasks.dates import encode_dates, read_date, read_dates, typical_date
from lepton_nb.tasks.doubts import doubt
from lepton_nb.tasks.tensors import NPY, TensorCodec

Row = Mapping[str, Any]

_SHOWN = 5  # known categories in a message


@dataclass(frozen=True)
class Coded:
    """A column by its different values.

    Attributes:
        codes: Which of them each cell holds, −1 where it is missing, ``(N,)``.
        values: The different values.
    """

    codes: np.ndarray
    values: Sequence[Any]

    @classmethod
    def of(cls, cells: Sequence[Any]) -> Coded:
        """The cells by their texts as categories."""
        texts = [category_text(cell) for cell in cells]
        place = {text: i for i, text in enumerate(dict.fromkeys(t for t in texts if t is not None))}
        return cls(np.array([-1 if t is None else place[t] for t in texts], dtype=np.int64), list(place))


Cells = Sequence[Any] | np.ndarray | Coded


class TableCodec(TensorCodec):
    """Takes ``{"row": {column: value}}``, ``{"rows": [...]}`` and CSV with a header.

    Every column must be there: null (an empty cell in CSV) says that its value is missing, and it is
    filled as in training. A category that training never saw counts as missing, and is told as a doubt; so is
    a number beyond those of training.
    """

    kind: ClassVar[str] = "table"
    form: ClassVar[Form] = Form("table", "row", ("text/csv", NPY))

    def __init__(self, signature: Signature, answers: Answers) -> None:
        super().__init__(signature, answers)
        self.forms = {"row": self._from_one, "rows": self._from_many, **self.forms}
        self._columns = {column["name"]: column for column in signature.preprocessing["columns"]}

    def prepare(self, value: Any) -> Arrays:
        """Also takes rows as dicts, a pandas Series or a DataFrame; in all of them NaN is missing."""
        if hasattr(value, "to_dict"):
            frame = value.to_frame().T if value.ndim == 1 else value
            return self._from_many([_without_nan(row) for row in frame.to_dict("records")])
        if isinstance(value, Mapping):
            is_body = (
                len(value) == 1
                and self.forms.keys() >= value.keys()
                and not self._columns.keys() & value.keys()
            )
            return self.decode_json(value) if is_body else self._from_one(_without_nan(value))
        if isinstance(value, list | tuple) and any(isinstance(item, Mapping) for item in value):
            rows = [_without_nan(item) if isinstance(item, Mapping) else item for item in value]
            return self._from_many(rows)
        return self.from_tensors(value)

    def decode_bytes(self, body: bytes, media_type: str) -> Arrays:
        if media_type != "text/csv":
            return super().decode_bytes(body, media_type)
        rows = [self._parse_cells(row, i) for i, row in enumerate(read_csv(body))]
        return self._encode(rows, "row")

    def request_schema(self) -> dict[str, Any]:
        row = {
            "type": "object",
            "properties": {name: _column_schema(column) for name, column in self._columns.items()},
            "required": list(self._columns),
            "additionalProperties": False,
        }
        rows = {"type": "array", "items": row, "minItems": 1}
        return request_schema({"row": row, "rows": rows, "inputs": self.inputs_schema()})

    def example(self) -> dict[str, Any]:
        return {"row": {name: _typical(column) for name, column in self._columns.items()}}

    def _from_one(self, value: Any) -> Arrays:
        return self._encode([value], "row")

    def _from_many(self, value: Any) -> Arrays:
        return self._encode(items_of(value, "rows"), "rows")

    def _encode(self, rows: Sequence[Any], key: str) -> Arrays:
        for index, row in enumerate(rows):
            self._check(row, f"rows[{index}]" if key == "rows" else key, index)
        doubt(self._doubts(rows))
        return (encode_rows(rows, self.signature.preprocessing),)

    def _check(self, row: Any, label: str, index: int) -> None:
        if not isinstance(row, Mapping):
            raise InputError(f"{label!r} must be an object of one value a column, got {kind_of(row)}", index)
        if row.keys() != self._columns.keys():
            self._refuse_columns(row, label, index)
        for name, column in self._columns.items():
            wrong = _wrong_value(row[name], column)
            if wrong:
                raise InputError(f"{name!r} in {label} must be {wrong}, got {_shown(row[name])}", index)

    def _doubts(self, rows: Sequence[Row]) -> Iterator[str]:
        for index, row in enumerate(rows):
            where = f" in rows[{index}]" if len(rows) > 1 else ""
            for name, column in self._columns.items():
                unlike = _unlike_training(row[name], column)
                if unlike:
                    yield f"{name!r}{where} is {_shown(row[name])}: {unlike}"

    def _refuse_columns(self, row: Row, label: str, index: int) -> None:
        for name in row:
            if name in self._columns:
                continue
            if name == self.signature.target.get("name"):
                raise InputError(
                    f"{label} has {name!r}, which is what the model predicts: leave it out", index
                )
            close = nearest(str(name), self._columns)
            advice = f"did you mean {close!r}?" if close else f"the columns are {', '.join(self._columns)}"
            raise InputError(f"{label} has an unknown column {name!r}: {advice}", index)
        missing = [name for name in self._columns if name not in row]
        raise InputError(f"{label} has no {missing[0]!r}: send it, or null where its value is missing", index)

    def _parse_cells(self, row: dict[str, str], index: int) -> dict[str, Any]:
        """CSV cells, which are all text, as the values JSON would hold; an empty cell is missing."""
        values: dict[str, Any] = {}
        for name, cell in row.items():
            column = self._columns.get(name)
            values[name] = cell if cell.strip() else None
            if column is not None and column["kind"] == "number" and cell.strip():
                try:
                    values[name] = float(cell)
                except ValueError:
                    message = f"{name!r} in row {index} must be a number, got {cell!r:.40}"
                    raise InputError(message, index) from None
        return values


def encode_rows(rows: Sequence[Row], preprocessing: Mapping[str, Any]) -> np.ndarray:
    """Rows as float32 ``(N, F)``; None, NaN and absent columns count as missing.

    A number is filled where it is missing, then standardised; a category is one-hot over its known
    values, all zeros where it is missing or unknown.
    """
    columns = preprocessing["columns"]
    table = {column["name"]: [row.get(column["name"]) for row in rows] for column in columns}
    return encode_columns(table, preprocessing)


def encode_columns(table: Mapping[str, Cells], preprocessing: Mapping[str, Any]) -> np.ndarray:
    """Like `encode_rows`, from N cells a column: of numbers and dates arrays, of categories also `Coded`."""
    columns = preprocessing["columns"]
    first = table[columns[0]["name"]]
    count = len(first.codes if isinstance(first, Coded) else first)
    encoded = np.zeros((count, sum(map(width, columns))), dtype=np.float32)
    start = 0
    for column in columns:
        stop = start + width(column)
        _ENCODERS[column["kind"]](table[column["name"]], column, encoded[:, start:stop])
        start = stop
    return encoded


def width(column: Mapping[str, Any]) -> int:
    """How many inputs a column has."""
    return 1 if column["kind"] == "number" else len(column["values" if "values" in column else "parts"])


def category_text(value: Any) -> str | None:
    """A category as the text its column's ``values`` list holds; None where it is missing.

    A whole number reads the same as an int, as the float that pandas makes of it, and as text.
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)


def read_csv(body: bytes) -> list[dict[str, str]]:
    """The rows of CSV text in UTF-8 with a header.

    Raises:
        InputError: If it is not that, has no rows, or a row has too few or too many cells.
    """
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"the CSV is not UTF-8: byte {error.start} is 0x{body[error.start]:02x}") from error
    try:
        lines = [line for line in csv.reader(io.StringIO(text, newline="")) if line]
    except csv.Error as error:
        raise InputError(f"the CSV cannot be read: {error}") from error
    if len(lines) < 2:
        raise InputError("the CSV needs a header line and at least one row")
    header = [name.strip() for name in lines[0]]
    if len(set(header)) != len(header):
        twice = next(name for name in header if header.count(name) > 1)
        raise InputError(f"the CSV header has {twice!r} twice")
    for index, line in enumerate(lines[1:]):
        if len(line) != len(header):
            raise InputError(f"row {index} has {len(line)} cells, the header {len(header)}", index)
    return [dict(zip(header, line, strict=True)) for line in lines[1:]]


def _encode_numbers(values: Any, column: Mapping[str, Any], into: np.ndarray) -> None:
    numbers = np.array(values, dtype=np.float64)  # None becomes NaN
    numbers[np.isnan(numbers)] = float(column["fill"])
    into[:, 0] = (numbers - float(column["mean"])) / float(column["std"])


def _encode_categories(values: Any, column: Mapping[str, Any], into: np.ndarray) -> None:
    coded = values if isinstance(values, Coded) else Coded.of(values)
    position = {name: i for i, name in enumerate(column["values"])}
    place = np.array([*(position.get(str(category_text(v)), -1) for v in coded.values), -1])[coded.codes]
    known = np.flatnonzero(place >= 0)
    into[known, place[known]] = 1.0


def _encode_dates(values: Any, column: Mapping[str, Any], into: np.ndarray) -> None:
    is_read = isinstance(values, np.ndarray) and values.dtype.kind == "M"
    into[:] = encode_dates(values if is_read else read_dates(values, column["order"]), column)


_ENCODERS = {"number": _encode_numbers, "category": _encode_categories, "date": _encode_dates}


def _wrong_value(value: Any, column: Mapping[str, Any]) -> str | None:
    """What the value should have been, or None where it is right."""
    if value is None:
        return None
    if column["kind"] == "date":
        orders = dict.fromkeys((column["order"], "ymd"))
        return None if any(read_date(value, order) for order in orders) else "a date like 2024-01-31, or null"
    if column["kind"] == "number":
        right = isinstance(value, int | float | np.number) and not isinstance(value, bool)
        return None if right and math.isfinite(value) else "a finite number or null"
    if isinstance(value, float | np.floating) and not math.isfinite(value):
        return "a string, a finite number or null"
    return None if isinstance(value, str | int | float | np.generic) else "a string, a number or null"


def _unlike_training(value: Any, column: Mapping[str, Any]) -> str:
    """What training had instead; empty where it had such a value, or nobody knows what it had."""
    if value is None:
        return ""
    if column["kind"] == "number":
        low, high = column.get("range", (value, value))
        return "" if low <= value <= high else f"training had {low:g} to {high:g}"
    if column["kind"] == "date":
        low, high = column.get("range", ("", "9999"))
        day = read_dates([value], column["order"])[0].astype("datetime64[D]")
        return "" if low <= str(day) <= high else f"training had {low} to {high}"
    text, known = str(category_text(value)), column["values"]
    if text in known:
        return ""
    close = nearest(" ".join(unicodedata.normalize("NFKC", text).split()), known)
    advice = f"did you mean {close!r}?" if close else f"it knows {', '.join(map(repr, known[:_SHOWN]))}"
    return f"the model does not know this value and takes it as missing; {advice}"


def _without_nan(row: Mapping[Any, Any]) -> dict[str, Any]:
    """A row of pandas values with its missing ones (NaN, NaT, NA: all unequal to themselves) as None."""
    return {str(name): None if _is_missing(value) else value for name, value in row.items()}


def _is_missing(value: Any) -> bool:
    try:
        return bool(value != value)
    except TypeError:  # pandas.NA has no truth value
        return True


def _shown(value: Any) -> str:
    return f"{value!r:.40}" if isinstance(value, str | int | float) else kind_of(value)


def _column_schema(column: Mapping[str, Any]) -> dict[str, Any]:
    if column["kind"] == "number":
        return {"type": ["number", "null"]}
    if column["kind"] == "date":
        return {"type": ["string", "null"], "examples": ["2024-01-31"]}
    return {"type": ["string", "number", "boolean", "null"], "examples": list(column["values"][:10])}


def _typical(column: Mapping[str, Any]) -> Any:
    if column["kind"] == "number":
        return float(f"{float(column['mean']):.4g}")
    if column["kind"] == "date":
        return typical_date(column)
    return column["values"][0] if column["values"] else None
