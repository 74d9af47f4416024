"""Labelled texts in files: tables with a text column, ``text TAB label`` lines, or one folder per class."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd

from lepton_nb.data.class_folders import (
    TEXT_SUFFIXES,
    existing_folder,
    find_class_files,
    is_class_folder_tree,
)
from lepton_nb.data.duplicates import EXAMPLES
from lepton_nb.data.grouping import name_groups, take_groups
from lepton_nb.data.label_columns import Target, as_label_sets, check_binary, merge_columns
from lepton_nb.data.label_values import RowError
from lepton_nb.data.report import Finding
from lepton_nb.data.splitting import Parts
from lepton_nb.data.tables.delimited import encoding_of
from lepton_nb.data.tables.dtypes import plain_table
from lepton_nb.data.tables.files import existing_file, read_table
from lepton_nb.data.tables.places import row_places, rows_told_by_place
from lepton_nb.data.targets import find_column
from lepton_nb.errors import DataError
from lepton_nb.show.words import plural

LINE_SUFFIXES = (".txt", ".tsv")
_LOOKED_AT, _FEW = 200, 20  # lines that tell pairs of texts from labelled ones, and too few to
WORDS = 3  # a column whose cells have more words than this on average holds texts
LABEL_NAMES = ("label", "target", "class", "category", "sentiment", "y")


@dataclass
class LabelledTexts:
    """Texts and their labels as they were found.

    Attributes:
        texts: ``(N,)``, of str; missing where there is none.
        labels: ``(N,)``.
        given: Rows by split as the source has them.
        names: What to call each text.
        findings: What was left out or guessed.
        label_names: Every label, where `labels` holds tuples of those that stand in columns of their own.
        groups: What stands for the group of each, uint64 ``(N,)``; None where they have none.
    """

    texts: pd.Series
    labels: pd.Series
    given: Parts
    names: list[str]
    findings: list[Finding] = field(default_factory=list)
    label_names: tuple[str, ...] = ()
    groups: np.ndarray | None = None


def read_texts(
    path: str | os.PathLike[str],
    text: str | None,
    label: Target,
    *,
    group: str | None = None,
    least: int = 2,
) -> LabelledTexts:
    """The labelled texts of a file or folder.

    Args:
        text: Name of the column with the texts, in a file with a header.
        label: Name of the column with the labels.
        group: Name of the column, or a pattern in the names of files, of what belongs together.
        least: Class folders that are needed: training needs two.

    Raises:
        DataError: If there are none.
    """
    root = Path(path).expanduser().absolute()
    if root.is_dir():
        return _by_name(_from_folder(root, least), group)
    file = existing_file(path)
    if text is None and label is None and file.suffix.lower() in LINE_SUFFIXES and not _has_header(file):
        return _by_name(_from_lines([file]), group)
    table, findings = read_table(file)
    with rows_told_by_place({"train": file}, {"train": np.arange(len(table))}):
        found = from_frame(table, text, label, group)
    return replace(found, names=row_places(file, len(table)), findings=findings + found.findings)


def with_label_sets(found: LabelledTexts, task: str | None) -> LabelledTexts:
    """With tuples of labels where the cells hold several; see `as_label_sets`."""
    try:
        check_binary(found.labels, task)
    except RowError as error:
        raise error.at(found.names[error.row]) from None
    sets = None if found.label_names else as_label_sets(found.labels, task)
    return found if sets is None else replace(found, labels=sets[0], findings=found.findings + sets[1])


def _by_name(found: LabelledTexts, group: str | None) -> LabelledTexts:
    return replace(found, groups=name_groups(found.names, group))


def from_frame(
    table: pd.DataFrame, text: str | None, label: Target, group: str | None = None
) -> LabelledTexts:
    """The text and label columns of a table.

    Raises:
        DataError: If they are not given and cannot be told from the cells.
    """
    table, findings = plain_table(table)
    groups, table = take_groups(table, group)
    table, label, labels = merge_columns(table, label)
    if text is None:
        text = guess_text_column(table)
        if text is None:
            raise DataError(
                "No column holds texts.", f"Name it with text=…; columns: {', '.join(table.columns)}."
            )
        findings.append(Finding(f"The texts are the column {text!r} (text=… names another)."))
    text = find_column(table, text, "text")
    if label is None:
        others = [name for name in table.columns if name != text]
        named = [name for name in others if name.lower() in LABEL_NAMES]
        if len(named) != 1 and len(others) != 1:
            raise DataError(
                f"Which of {', '.join(map(repr, others))} is the label?",
                f"Pass label={others[-1]!r}." if others else None,
            )
        label = (named or others)[0]
        findings.append(Finding(f"The labels are the column {label!r} (label=… names another)."))
    label = find_column(table, label, "label")
    if label == text:
        raise DataError(f"text and label both are {text!r}.", "Name two columns.")
    names = [f"row {i}" for i in range(len(table))]
    given = {"train": np.arange(len(table))}
    return LabelledTexts(table[text], table[label], given, names, findings, labels, groups)


def guess_text_column(table: pd.DataFrame) -> str | None:
    """The column with the longest texts, if it holds sentences rather than words."""
    lengths = {}
    for name in table.columns:
        cells = table[name].dropna()
        if len(cells) and (pd.api.types.is_string_dtype(cells) or pd.api.types.is_object_dtype(cells)):
            words = cells.map(lambda cell: len(str(cell).split()))
            if float(words.mean()) > WORDS:
                lengths[str(name)] = float(words.mean())
    return max(lengths, key=lengths.__getitem__) if lengths else None


def is_text_folder(root: Path) -> bool:
    """Whether a folder holds one folder of texts per class, or files of labelled lines."""
    return bool(_line_files(root)) or is_class_folder_tree(root, TEXT_SUFFIXES)


def is_line_file(path: Path) -> bool:
    """Whether a file has ``text TAB label`` lines and no header."""
    return path.suffix.lower() in LINE_SUFFIXES and not _has_header(path)


def is_pair_file(path: Path) -> bool:
    """Whether the lines hold texts and what belongs to each, such as translations: no column has labels."""
    if path.suffix.lower() not in LINE_SUFFIXES:
        return False
    with open(path, encoding="utf-8", errors="replace") as stream:
        rows = [line.rstrip("\n").split("\t") for line in islice(stream, _LOOKED_AT)]
    columns = list(zip(*(row for row in rows if len(row) > 1), strict=False))
    if len(columns) < 2 or len(columns[0]) < _FEW:
        return False
    words = sum(len(text.split()) for text in columns[1])
    return words > 1.3 * len(columns[1]) and all(len(set(texts)) > 0.8 * len(texts) for texts in columns[1:])


def _line_files(root: Path) -> list[Path]:
    return [
        file
        for file in sorted(root.iterdir())
        if file.suffix.lower() in LINE_SUFFIXES and "\t" in _lines(file)[0] and not _has_header(file)
    ]


def _from_folder(root: Path, least: int) -> LabelledTexts:
    files = _line_files(existing_folder(root))
    if files:
        return _from_lines(files)
    found = find_class_files(root, TEXT_SUFFIXES, "texts", least=least)
    texts = [(root / file).read_text(encoding="utf-8", errors="replace") for file in found.files]
    labels = [found.class_names[label] for label in found.labels]
    return LabelledTexts(
        pd.Series(texts, name="text", dtype=object),
        pd.Series(labels, name="label", dtype=object),
        found.given,
        found.files,
        found.findings,
    )


def _from_lines(files: list[Path]) -> LabelledTexts:
    """Lines of ``text TAB label``; the label stands behind the last TAB."""
    texts, labels, names, bad = [], [], [], []
    for file in files:
        for number, line in enumerate(_lines(file), start=1):
            if not line.strip():
                continue
            text, tab, label = line.rpartition("\t")
            if not tab or not label.strip():
                bad.append(f"{file.name}:{number}: {line[:60]}")
                continue
            texts.append(text)
            labels.append(label.strip())
            names.append(f"{file.name}:{number}")
    if not texts:
        raise DataError(
            f"{files[0].name!r} has no lines of a text, a TAB and a label.",
            "Write one text a line with its label behind a TAB, or a CSV file with a header.",
        )
    findings = [
        Finding(
            f"{plural(len(texts), 'labelled line')} from {plural(len(files), 'file')}.",
            tuple(f.name for f in files[:EXAMPLES]),
        )
    ]
    if bad:
        text = f"{plural(len(bad), 'line')} without a TAB and a label skipped."
        findings.append(Finding(text, tuple(bad[:EXAMPLES]), warning=True))
    return LabelledTexts(
        pd.Series(texts, name="text", dtype=object),
        pd.Series(labels, name="label", dtype=object),
        {"train": np.arange(len(texts))},
        names,
        findings,
    )


def _lines(file: Path) -> list[str]:
    """The lines of a file; only line feeds end a line, since texts may hold other Unicode breaks."""
    text = file.read_bytes().decode(encoding_of(file)[0])
    return text.replace("\r\n", "\n").split("\n")


def _has_header(file: Path) -> bool:
    """Whether the first line names columns: its last cell is no label of any other line."""
    lines = [line for line in _lines(file) if line.strip()]
    first, *rest = [line.rpartition("\t") for line in lines] or [("", "", "")]
    return bool(first[1]) and bool(rest) and first[2].strip() not in {label.strip() for _, _, label in rest}
