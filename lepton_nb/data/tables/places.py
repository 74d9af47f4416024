"""Where a row of a table stands in its file: for what is said of it."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lepton_nb.data.label_values import RowError
from lepton_nb.data.splitting import Parts
from lepton_nb.data.tables.delimited import layout_of, open_file
from lepton_nb.data.tables.files import DELIMITED, kind_of


def row_places(path: Path, count: int) -> list[str]:
    """Where each row of a table begins, as ``rows.csv, line 7``; by its number where lines are none."""
    lines = _lines(path) if kind_of(path) in (*DELIMITED, ".txt") else []
    if len(lines) != count:
        return [f"{path.name}, row {row}" for row in range(count)]
    return [f"{path.name}, line {line:,}" for line in lines]


@contextmanager
def rows_told_by_place(files: Mapping[str, Path], given: Parts) -> Iterator[None]:
    """Within the block what is wrong in a row of the tables of some splits, as one, is told by its place.

    Args:
        files: None of them for a variable, whose rows are told by their number.
    """
    try:
        yield
    except RowError as error:
        if not files:
            raise
        split = next(split for split, rows in given.items() if error.row in rows)
        places = row_places(files[split], len(given[split]))
        raise error.at(places[error.row - given[split][0]]) from None


def _lines(path: Path) -> list[int]:
    encoding, layout = layout_of(path)
    mark = layout["sep"] if len(layout["sep"]) == 1 else " "
    limit = csv.field_size_limit(sys.maxsize)  # pandas has none
    try:
        with io.TextIOWrapper(open_file(path), encoding=encoding, newline="") as stream:
            begins = list(_begins(csv.reader(stream, delimiter=mark, skipinitialspace=True)))
    finally:
        csv.field_size_limit(limit)
    return begins[1 + layout.get("skiprows", 0) :]


def _begins(records: Any) -> Iterator[int]:
    line = 1
    for record in records:
        if record:
            yield line
        line = records.line_num + 1
