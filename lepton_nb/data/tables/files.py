"""Files that hold a table: which they are, and what reads each."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from lepton_nb.data.class_folders import suggest_path
from lepton_nb.data.report import Finding
from lepton_nb.data.tables.delimited import COMPRESSED, read_delimited
from lepton_nb.errors import DataError

DELIMITED = (".csv", ".tsv")
_READERS: dict[str, Callable[[Path], Any]] = {
    ".parquet": pd.read_parquet,
    ".feather": pd.read_feather,
    ".jsonl": lambda path: _read_json(path, lines=True),
    ".ndjson": lambda path: _read_json(path, lines=True),
    ".json": lambda path: _read_json(path, lines=False),
    ".xlsx": lambda path: _read_sheet(path),
    ".xlsm": lambda path: _read_sheet(path),
    ".xls": lambda path: _read_sheet(path),
    ".ods": lambda path: _read_sheet(path),
    ".dta": pd.read_stata,
}
_PACKAGES = {".parquet": "pyarrow", ".feather": "pyarrow", ".xls": "xlrd", ".ods": "odfpy"}
PEEKED = 200  # rows that tell what a file is about


def kind_of(path: Path) -> str:
    """The ending that says what a file is, without that of its compression: ``.csv`` of ``rows.csv.gz``."""
    name = path.name.lower()
    packed = next((ending for ending in COMPRESSED if name.endswith(ending)), "")
    return Path(name.removesuffix(packed)).suffix


def is_table_file(path: Path) -> bool:
    """Whether a file's name says that it is a table."""
    packed = path.suffix.lower() in COMPRESSED
    return kind_of(path) in (*DELIMITED, *(() if packed else _READERS), ".jsonl", ".ndjson")


def existing_file(path: str | os.PathLike[str]) -> Path:
    """The file as an absolute path.

    Raises:
        DataError: If it is not there; the nearest name beside it is suggested.
    """
    file = Path(path).expanduser().absolute()
    if file.is_file():
        return file
    if file.is_dir():
        raise DataError(f"{str(path)!r} is a folder, not a file.", "Name one of its files.")
    raise DataError(f"There is no file or folder {str(path)!r}.", suggest_path(file))


def read_table(path: Path) -> tuple[pd.DataFrame, list[Finding]]:
    """The table in a file, and what is to be said of how it was read.

    Raises:
        DataError: If it is empty, is no table, or a package that reads such files is not installed.
    """
    reader = _READERS.get(kind_of(path))
    if reader is None:
        return read_delimited(path)
    try:
        found = reader(path)
    except ImportError as error:
        package = _PACKAGES.get(kind_of(path)) or getattr(error, "name", None) or "openpyxl"
        raise DataError(f"{path.name!r} needs the package {package}.", f"pip install {package}") from None
    except (ValueError, KeyError, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{path.name!r} cannot be read as a table: {reason}.") from None
    table, findings = found if isinstance(found, tuple) else (found, [])
    if table.empty:
        raise DataError(f"{path.name!r} has no rows.", "Add rows, or name another file.")
    return table, findings


def peek(path: Path) -> pd.DataFrame:
    """The first rows of a table, which tell what it is about."""
    if kind_of(path) in _READERS:
        return read_table(path)[0].head(PEEKED)
    return read_delimited(path, PEEKED)[0]


def _read_json(path: Path, *, lines: bool) -> pd.DataFrame:
    """Texts stay as they are: no date is guessed, no code becomes a number."""
    found = pd.read_json(path, lines=lines, dtype=False, convert_dates=False)
    if not isinstance(found, pd.DataFrame) or not isinstance(found.index, pd.RangeIndex):
        found = found.reset_index(drop=True)
    return found


def _read_sheet(path: Path) -> tuple[pd.DataFrame, list[Finding]]:
    """The first sheet; only an empty cell of it is missing."""
    sheets = pd.ExcelFile(path).sheet_names
    cells = pd.read_excel(path, keep_default_na=False, na_values=[""], dtype=object)
    table = cells.infer_objects()  # a text of digits in a cell is no number
    if len(sheets) == 1:
        return table, []
    text = f"{path.name} has {len(sheets)} sheets: the first one, {str(sheets[0])!r}, is read."
    return table, [Finding(text, tuple(map(str, sheets[1:6])), warning=True)]
