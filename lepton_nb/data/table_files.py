"""Tables in CSV and TSV files."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd

from lepton_nb.data.class_folders import suggest_path
from lepton_nb.data.report import Finding
from lepton_nb.errors import DataError

SUFFIXES = (".csv", ".tsv")
DELIMITERS = ",;\t|"


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
    """A table with a header line; the delimiter is the one its header has most of.

    Raises:
        DataError: If it is empty, is no table, or is not text.
    """
    findings = []
    try:
        head = _first_line(path, "utf-8-sig")
        encoding = "utf-8-sig"
        table = _parse(path, head, encoding)
    except UnicodeDecodeError:
        encoding = "latin-1"
        findings.append(Finding(f"{path.name} is not UTF-8: read as Latin-1.", warning=True))
        table = _parse(path, _first_line(path, encoding), encoding)
    if table.empty:
        raise DataError(f"{path.name!r} has a header but no rows.", "Add rows, or name another file.")
    numbers = [str(name) for name in table.columns if _is_number(str(name))]
    if len(numbers) > table.shape[1] / 2:
        text = f"The first line of {path.name} was read as column names, but holds numbers: has it no header?"
        findings.append(Finding(text, tuple(numbers[:3]), warning=True))
    return table, findings


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _first_line(path: Path, encoding: str) -> str:
    with path.open(encoding=encoding, newline=None) as stream:
        return stream.readline()


def _parse(path: Path, head: str, encoding: str) -> pd.DataFrame:
    if "\0" in head:
        raise DataError(f"{path.name!r} is not a text file.", "Save the table as CSV in UTF-8.")
    delimiter = "\t" if path.suffix.lower() == ".tsv" else max(DELIMITERS, key=head.count)
    try:
        return pd.read_csv(path, sep=delimiter, encoding=encoding, skipinitialspace=True, low_memory=False)
    except pd.errors.EmptyDataError:
        raise DataError(f"{path.name!r} is empty.", "It needs a header line and rows.") from None
    except pd.errors.ParserError as error:
        raise DataError(f"{path.name!r} cannot be read as a table: {str(error).strip()}.") from None
