"""Tables as text, also compressed: how lines are parted into cells, and which cells are no numbers."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import re
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
import pandas as pd

from lepton_nb.data.report import Finding
from lepton_nb.data.tables.number_texts import COMMA, are_codes, is_plain, read_numbers
from lepton_nb.data.tables.texts import is_text
from lepton_nb.errors import DataError

_OPENERS: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
COMPRESSED = tuple(_OPENERS)
DELIMITERS = "\t;|,"  # of two that part the lines alike, a comma is rather one of decimals
_BEFORE_A_CELL = np.isin(np.arange(256), list(b"\n\r\t ,;|\"'"))
_CHUNK = 1 << 20  # bytes that are looked at together
PROBED = 20  # lines that show how a file is laid out
SAMPLE = 1000  # cells that show how a column's numbers are written


def read_delimited(path: Path, rows: int | None = None) -> tuple[pd.DataFrame, list[Finding]]:
    """A table with a header line, its texts as they stand in the file: only an empty cell is missing.

    Numbers whose digits say more than their value, such as ``01067``, stay texts.

    Args:
        rows: How many are read; all where None.

    Raises:
        DataError: If it is empty, is no table, or is not text.
    """
    encoding, findings = encoding_of(path)
    lines = _first_lines(path, encoding)
    if any("\0" in line for line in lines):
        raise DataError(f"{path.name!r} is not a text file.", "Save the table as CSV in UTF-8.")
    layout, said = _layout(path, lines)
    table = _parse(path, encoding, **layout, nrows=rows)
    names = _parse(path, encoding, **layout, header=None, nrows=1, dtype=str).iloc[0]
    findings += said + _check_header(path.name, table, names)
    if rows is None and isinstance(table.index, pd.RangeIndex):
        _restore_texts(table, path, encoding, layout)
    return table, findings


def open_file(path: Path) -> IO[bytes]:
    """A file's bytes, as they were before it was compressed."""
    opener = _OPENERS.get(path.suffix.lower())
    return open(path, "rb") if opener is None else cast(IO[bytes], opener(path, "rb"))


def encoding_of(path: Path) -> tuple[str, list[Finding]]:
    """The encoding of a text file by its first bytes and by whether it is UTF-8."""
    with open_file(path) as stream:
        if stream.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            return "utf-16", []
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with open_file(path) as stream:
            while chunk := stream.read(_CHUNK):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "latin-1", [Finding(f"{path.name} is not UTF-8: read as Latin-1.", warning=True)]
    return "utf-8-sig", []


def layout_of(path: Path) -> tuple[str, dict[str, Any]]:
    """The encoding of a file, and how its lines are parted into cells."""
    encoding, _ = encoding_of(path)
    return encoding, _layout(path, _first_lines(path, encoding))[0]


def _first_lines(path: Path, encoding: str) -> list[str]:
    with io.TextIOWrapper(open_file(path), encoding=encoding, newline=None) as stream:
        return [line.rstrip("\n") for line in islice(stream, PROBED)]


def _layout(path: Path, lines: list[str]) -> tuple[dict[str, Any], list[Finding]]:
    """How pandas is to part the lines into cells.

    By the line that spreadsheets write for each other, else by what the header has most of; where some
    delimiters part the lines below into as many cells as the header, by one of those.
    """
    told = re.fullmatch(r'"?sep=(.)"?', lines[0].strip(" ")) if lines else None
    if told:
        return {"sep": told[1], "skiprows": 1}, []
    if path.name.lower().split(".")[1:2] == ["tsv"] or not lines:
        return {"sep": "\t"}, []
    counts = {mark: [_count(line, mark) for line in lines if line.strip()] for mark in DELIMITERS}
    found = {mark: numbers for mark, numbers in counts.items() if numbers and numbers[0]}
    even = {mark: numbers for mark, numbers in found.items() if len(set(numbers)) == 1}
    if found:
        return {"sep": max(even or found, key=lambda mark: found[mark][0])}, []
    words = {len(line.split()) for line in lines if line.strip()}
    if len(lines) > 1 and len(words) == 1 and words != {1}:
        return {"sep": r"\s+"}, [Finding(f"{path.name} has no delimiter: its cells are parted at spaces.")]
    return {"sep": ","}, []


def _count(line: str, delimiter: str) -> int:
    """How often a delimiter stands outside of quotes."""
    return re.sub(r'"[^"]*"', "", line).count(delimiter)


def _parse(path: Path, encoding: str, *, sep: str, **options: Any) -> pd.DataFrame:
    try:
        table: pd.DataFrame = pd.read_csv(
            path,
            sep=sep,
            encoding=encoding,
            skipinitialspace=True,
            low_memory=False,
            keep_default_na=False,
            na_values=[""],
            **options,
        )
    except pd.errors.EmptyDataError:
        raise DataError(f"{path.name!r} is empty.", "It needs a header line and rows.") from None
    except pd.errors.ParserError as error:
        raise DataError(f"{path.name!r} cannot be read as a table: {str(error).strip()}.") from None
    return table


def _check_header(name: str, table: pd.DataFrame, names: pd.Series) -> list[Finding]:
    """What to say about the first line, read as the names of the columns."""
    if table.empty:
        raise DataError(f"{name!r} has a header but no rows.", "Add rows, or name another file.")
    findings = []
    numbers = [str(column) for column in table.columns if is_plain(str(column))]
    if len(numbers) > table.shape[1] / 2:
        text = f"The first line of {name} was read as column names, but holds numbers: has it no header?"
        findings.append(Finding(text, tuple(numbers[:3]), warning=True))
    twice = names[names.duplicated()].dropna()
    if len(twice):
        text = f"{name} has two columns {twice.iloc[0]!r}: the second is called {f'{twice.iloc[0]}.1'!r}."
        findings.append(Finding(text, warning=True))
    if not isinstance(table.index, pd.RangeIndex):
        text = (
            f"The rows of {name} have more cells than its header: the first are taken as names of the rows."
        )
        findings.append(Finding(text, tuple(map(str, table.index[:3])), warning=True))
    return findings


def _restore_texts(table: pd.DataFrame, path: Path, encoding: str, layout: dict[str, Any]) -> None:
    """Put texts back in place of numbers that say less than they: ``01067``, or ``1.234`` for 1234."""
    places = [i for i, name in enumerate(table.columns) if _may_say_less(table[name])]
    commas = any(_has_decimal_commas(table[name]) for name in table.columns if is_text(table[name]))
    if not places or not (commas or _may_have_codes(path, encoding)):
        return
    texts = _parse(path, encoding, **layout, usecols=places, dtype=str)
    for place, name in zip(places, texts.columns, strict=True):
        cells = texts[name].dropna().str.strip()
        if (commas and _has_thousands(cells)) or are_codes(list(cells.unique())):
            table[table.columns[place]] = texts[name]


def _may_say_less(column: pd.Series) -> bool:
    """Whether numbers may have been codes or thousands: none of them has more than 3 decimals."""
    if not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        return False
    thousandths = column.dropna().to_numpy(dtype=np.float64) * 1000
    with np.errstate(invalid="ignore"):
        rest = np.abs(thousandths - np.rint(thousandths))
    return bool((rest <= 1e-6 * np.abs(thousandths)).all())


def _may_have_codes(path: Path, encoding: str) -> bool:
    """Whether a zero and another digit stand at the start of a cell, anywhere in the file."""
    if encoding == "utf-16":
        return True
    with open_file(path) as stream:
        before = b"\n"
        while chunk := stream.read(_CHUNK):
            if _starts_with_zero(np.frombuffer(before + chunk, dtype=np.uint8)):
                return True
            before = chunk[-2:]
    return False


def _starts_with_zero(content: np.ndarray) -> bool:
    zero = np.flatnonzero(content[1:-1] == ord("0"))
    zero = zero[_BEFORE_A_CELL[content[zero]]]
    after = content[zero + 2]
    return bool(((after >= ord("0")) & (after <= ord("9"))).any())


def _has_decimal_commas(column: pd.Series) -> bool:
    values = list(column.dropna().iloc[:SAMPLE].unique())
    numbers = read_numbers(values, np.ones(len(values)))
    return numbers.style is COMMA and not numbers.ambiguous and np.isnan(numbers.values).mean() < 0.5


def _has_thousands(texts: pd.Series) -> bool:
    return bool(texts.str.contains(".", regex=False).any()) and all(map(COMMA.pattern.fullmatch, texts))
