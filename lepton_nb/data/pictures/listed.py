"""Pictures whose labels stand in a table: a column names the files, others say what each shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lepton_nb.data.assemble import kept
from lepton_nb.data.class_folders import IMAGE_SUFFIXES, SPLIT_FOLDERS
from lepton_nb.data.duplicates import EXAMPLES
from lepton_nb.data.grouping import take_groups
from lepton_nb.data.label_columns import Target, is_label_sets, with_labels
from lepton_nb.data.label_values import are_meant_as_labels
from lepton_nb.data.pictures.finding import Finder
from lepton_nb.data.report import Finding
from lepton_nb.data.splitting import Parts
from lepton_nb.data.tables.files import is_table_file, peek
from lepton_nb.data.tables.places import row_places, rows_told_by_place
from lepton_nb.data.tables.reading import read_tables, whole_frame
from lepton_nb.data.targets import strip_labels
from lepton_nb.data.texts.files import LABEL_NAMES
from lepton_nb.errors import DataError
from lepton_nb.show.words import plural

SPLIT = "split"
"""The column that says in which part a picture is."""
_LOOKED_AT = 50  # cells of a column that tell whether it names pictures


@dataclass(frozen=True)
class Rows:
    """Tables that name pictures, below each other.

    Attributes:
        given: Rows by split as the source has them.
        files: The files they stand in, by split; none where they are a variable's.
    """

    table: pd.DataFrame
    given: Parts
    findings: list[Finding]
    files: Mapping[str, Path] = field(default_factory=dict)

    @classmethod
    def of_files(cls, files: Mapping[str, Path], target: Target) -> Rows:
        return cls(*read_tables(files, target), files)

    @classmethod
    def of_variable(cls, frames: Any, target: Target) -> Rows:
        """Of a DataFrame, or a dict of them by split."""
        return cls(*whole_frame(frames, target))

    @property
    def name(self) -> str:
        return self.files["train"].name if self.files else "the DataFrame"

    def places(self) -> list[str]:
        """Where each row stands, for messages."""
        if not self.files:
            return [f"row {label}" for label in self.table.index]
        return [
            place for part, rows in self.given.items() for place in row_places(self.files[part], len(rows))
        ]


@dataclass
class Listed:
    """Pictures and their labels as they were found.

    Attributes:
        files: The picture of each row.
        answers: Its label, or a tuple of labels.
        given: Rows by split as the source has them.
        findings: What was left out or guessed.
        label_names: Every label, where each has a column of its own.
        groups: What stands for the group of each row, uint64 ``(N,)``; None where there are none.
    """

    files: list[Path]
    answers: pd.Series
    given: Parts
    findings: list[Finding]
    label_names: tuple[str, ...] = ()
    groups: np.ndarray | None = None


def read_listed(
    rows: Rows, images: Path, target: Target, task: str | None, group: str | None = None
) -> Listed:
    """The rows that have a picture and a label.

    Args:
        images: The folder that the files are named from.
        target: The column of the labels, or several columns of 0 and 1; guessed where None.
        group: The column by which pictures belong together.

    Raises:
        DataError: If no column names pictures, or which one has the labels is not known.
    """
    table, finder = rows.table, Finder(images)
    column = _picture_column(table, finder, rows.name)
    labelled, given, said = _by_column(table.drop(columns=column), rows.given, target)
    groups, labelled = take_groups(labelled, group)
    target = target or _guess(labelled, unique=table[column].is_unique)
    with rows_told_by_place(rows.files, rows.given):
        labelled, name, names, said_too = with_labels(labelled, target, task)
    answers, stripped = strip_labels(labelled[str(name)])
    about = Finding(f"The pictures are those that {column!r} names, their labels are {str(name)!r}.")
    found = [finder.find(cell) for cell in table[column]]
    listed = Listed([], answers, given, [about, *rows.findings, *said, *said_too, *stripped], names, groups)
    cells = zip(rows.places(), table[column], strict=True)
    _leave_out(listed, found, [f"{place}: {cell}" for place, cell in cells])
    listed.findings += _without_row(finder, found)
    return _joined(listed) if is_label_sets(listed.answers) else listed


def names_pictures(table: Path, images: Path, *, bare: bool = False) -> bool:
    """Whether a column of a table file names pictures in a folder.

    Args:
        bare: Names without their ending will do, where most are there.
    """
    try:
        return is_table_file(table) and picture_column(peek(table), Finder(images), bare=bare) is not None
    except DataError:
        return False


def picture_column(table: pd.DataFrame, finder: Finder, *, bare: bool = True) -> str | None:
    """The column that names most pictures, by its first cells; None where none names any."""
    best, most = None, 0
    for name in table.columns:
        cells = [str(cell).strip() for cell in table[name].dropna()[:_LOOKED_AT]]
        whole = [cell for cell in cells if cell.lower().endswith(IMAGE_SUFFIXES)]
        found = {finder.find(cell) for cell in whole or (cells if bare else [])} - {None}
        if len(found) > most and (whole or 2 * len(found) > len(cells)):
            best, most = str(name), len(found)
    return best


def _picture_column(table: pd.DataFrame, finder: Finder, name: str) -> str:
    found = picture_column(table, finder)
    if found is None:
        raise DataError(
            f"No column of {name} names pictures in {finder.folder}.",
            "Write their paths into one, or name the folder they are in with images=….",
        )
    return found


def _by_column(
    table: pd.DataFrame, given: Parts, target: Target
) -> tuple[pd.DataFrame, Parts, list[Finding]]:
    """The table without its column `SPLIT`, and the rows of each part where that says so."""
    if list(given) != ["train"] or SPLIT not in table.columns or SPLIT in (target or ()):
        return table, given, []
    part_of = table[SPLIT].map(lambda cell: SPLIT_FOLDERS.get(str(cell).strip().lower(), "")).to_numpy()
    if "train" not in part_of:
        return table, given, []
    parts = {part: np.flatnonzero(part_of == part) for part in ("train", "val", "test") if part in part_of}
    said = [Finding(f"Parts are those of the column {SPLIT!r}.")]
    if others := int((part_of == "").sum()):
        text = f"{plural(others, 'row')} whose {SPLIT!r} is neither train, val nor test left out."
        said.append(Finding(text, warning=True))
    return table.drop(columns=SPLIT), parts, said


def _guess(table: pd.DataFrame, *, unique: bool) -> str | tuple[str, ...]:
    """The column, or columns, of the labels.

    Args:
        unique: Whether each picture has one row.
    """
    names = list(map(str, table.columns))
    numeric = len(names) > 1 and all(map(pd.api.types.is_numeric_dtype, table.dtypes))
    if numeric and are_meant_as_labels(table.to_numpy()):
        return tuple(names)
    named = [name for name in names if name.lower() in LABEL_NAMES] if unique else []
    if len(names) != 1 and len(named) != 1:
        raise DataError(
            f"Which of {', '.join(map(repr, names)) or 'no other columns'} is the label?",
            f"Pass target={names[-1]!r}; several, {','.join(names[-2:])!r}, are columns of 0 and 1."
            if names
            else "Write what each picture shows into a column beside it.",
        )
    return (named or names)[0]


def _leave_out(listed: Listed, found: list[Path | None], places: list[str]) -> None:
    """Keep the rows whose picture is there and whose label is known; say which are not."""
    has_picture = np.array([path is not None for path in found])
    has_label = listed.answers.notna().to_numpy()
    lost = []
    for absent, what in (
        (~has_picture, "whose picture is not there"),
        (has_picture & ~has_label, "without a label"),
    ):
        if absent.any():
            examples = tuple(places[i] for i in np.flatnonzero(absent)[:EXAMPLES])
            lost.append(
                Finding(f"{plural(int(absent.sum()), 'row')} {what} left out.", examples, warning=True)
            )
    keep = has_picture & has_label
    listed.given = kept(listed.given, keep, lost)
    listed.files = [path for path, stays in zip(found, keep, strict=True) if path is not None and stays]
    listed.answers = listed.answers[keep].reset_index(drop=True)
    listed.groups = None if listed.groups is None else listed.groups[keep]
    listed.findings += lost


def _without_row(finder: Finder, found: list[Path | None]) -> list[Finding]:
    others = finder.others(path for path in found if path is not None)
    names = tuple(map(finder.shown, others[:EXAMPLES]))
    return [
        Finding(f"{plural(len(others), 'picture')} without a row left alone.", names, warning=True)
    ] * bool(others)


def _joined(listed: Listed) -> Listed:
    """With one row a picture of each part: labels may stand in a row each."""
    part_of = {row: part for part, rows in listed.given.items() for row in rows.tolist()}
    first: dict[tuple[str, Path], int] = {}
    labels: dict[int, tuple[str, ...]] = {}
    for row, part in sorted(part_of.items()):
        at = first.setdefault((part, listed.files[row]), row)
        labels[at] = tuple(dict.fromkeys((*labels.get(at, ()), *listed.answers[row])))
    if len(labels) == len(part_of):
        return listed
    sets = [labels.get(row, ()) for row in range(len(listed.answers))]
    answers = pd.Series(sets, name=listed.answers.name, dtype=object)
    more = plural(len(part_of) - len(labels), "row")
    said = Finding(f"{more} of a picture that has another: its labels are those of all its rows.")
    given = {part: rows[np.isin(rows, list(labels))] for part, rows in listed.given.items()}
    return replace(listed, answers=answers, given=given, findings=[*listed.findings, said])
