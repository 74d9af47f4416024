"""Pairs of sentences in files: a source and a target on a line, or on the same line of two files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from lepton_nb.data.class_folders import SPLIT_FOLDERS
from lepton_nb.data.duplicates import EXAMPLES
from lepton_nb.data.report import Finding
from lepton_nb.data.splitting import Parts
from lepton_nb.data.tables.files import existing_file
from lepton_nb.errors import DataError
from lepton_nb.show.words import plural

LONGEST = 10_000  # bytes; what is longer is no sentence
_COLUMN = re.compile(
    r"[a-z]{2,3}([-_]\w{2,4})?|source|target|src|tgt|input|output|sentence|translation|"
    r"english|french|german|spanish|italian|portuguese|russian|chinese|japanese|arabic|hindi",
    re.IGNORECASE,
)


@dataclass
class Pairs:
    """Sentences and their translations as they were found.

    Attributes:
        sources: One a pair.
        targets: Likewise.
        names: Where each pair stands.
        given: Rows by split as the files have them; all are ``train`` where they have none.
        findings: What was left out or guessed.
    """

    sources: list[str] = field(default_factory=list)
    targets: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    given: Parts = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def add(self, split: str, other: Pairs) -> None:
        """Have the pairs of another file, too, as this split."""
        self.given[split] = np.arange(len(self.names), len(self.names) + len(other.names))
        self.sources += other.sources
        self.targets += other.targets
        self.names += other.names
        self.findings += other.findings


Files = tuple[Path, Path | None]
"""One file with a tab between the two sides, or two files line by line."""


def find_files(path: Path, targets: str | None) -> dict[str, Files]:
    """The files of each split: of a folder ``train.tsv`` and ``test.tsv``, or ``train.en`` and ``train.fr``.

    Args:
        targets: The second file; in a folder of two files a split what the names of the second ones end in.

    Raises:
        DataError: If there are none, or which is the second is not known.
    """
    if not path.is_dir():
        return {"train": (existing_file(path), None if targets is None else existing_file(targets))}
    found: dict[str, list[Path]] = {}
    for file in sorted(path.iterdir()):
        if file.is_file() and file.stem.lower() in SPLIT_FOLDERS:
            found.setdefault(SPLIT_FOLDERS[file.stem.lower()], []).append(file)
    if "train" not in found:
        raise DataError(
            f"{str(path)!r} has no train.tsv.",
            "Name a file of pairs, or a folder with train.tsv and test.tsv.",
        )
    return {split: _in_order(found[split], targets) for split in ("train", "val", "test") if split in found}


def _in_order(files: list[Path], targets: str | None) -> Files:
    if len(files) == 1:
        return files[0], None
    second = [file for file in files if file.suffix.lstrip(".") == (targets or "").lstrip(".")]
    if len(files) != 2 or len(second) != 1:
        raise DataError(
            f"Which of {' and '.join(file.name for file in files)} is translated into which is not known.",
            f"Pass targets={files[-1].suffix.lstrip('.')!r}, the ending of the second, or (source, target).",
        )
    return next(file for file in files if file not in second), second[0]


def read_pairs(files: Files) -> Pairs:
    """The pairs of one file with a tab between the two sides, or of two files line by line.

    Raises:
        DataError: If it holds no pairs, or the two differ in their lines.
    """
    left, right = files
    if right is None:
        return pairs_of(left.name, (line.split(b"\t") for line in _lines(left)))
    counts = [sum(1 for _ in _lines(file)) for file in (left, right)]
    if counts[0] != counts[1]:
        raise DataError(
            f"{left.name} has {plural(counts[0], 'line')} and {right.name} {counts[1]:,}: which belong "
            "together is not known.",
            "Give files where line n of one translates line n of the other.",
        )
    rows = ([a, b] for a, b in zip(_lines(left), _lines(right), strict=True))
    return pairs_of(f"{left.name} and {right.name}", rows)


def _lines(file: Path) -> Iterator[bytes]:
    with open(file, "rb") as stream:
        for number, line in enumerate(stream):
            yield (line.removeprefix(b"\xef\xbb\xbf") if number == 0 else line).rstrip(b"\r\n")


def pairs_of(name: str, rows: Iterable[list[bytes]], unit: str = "line") -> Pairs:
    """The rows that hold a source and a target, each once; what else there is is counted.

    Raises:
        DataError: If there are none.
    """
    reader = _Reader(name)
    for number, row in enumerate(rows, 1):
        reader.take(row, f"{name}, {unit} {number:,}", first=number == 1)
    found = reader.found
    found.findings += reader.findings(unit)
    found.given = {"train": np.arange(len(found.names))}
    if not found.names:
        reasons = " ".join(finding.text for finding in found.findings)
        raise DataError(
            f"{name} holds no pairs of sentences. {reasons}".rstrip(),
            "Write a sentence, a tab and its translation on each line, or give two files: (source, target).",
        )
    return found


class _Reader:
    """Gathers pairs; counts what cannot be used by reason, with the first places of each."""

    def __init__(self, name: str) -> None:
        self.name, self.found = name, Pairs()
        self.left_out: dict[str, list[str]] = {}
        self.seen: set[tuple[str, str]] = set()
        self.further = self.repeated = 0

    def take(self, row: list[bytes], place: str, *, first: bool) -> None:
        try:
            source, target = pair = _sides(row)
        except _UselessError as error:
            self.left_out.setdefault(error.reason, []).append(place + error.seen)
            return
        if first and all(map(_COLUMN.fullmatch, pair)):
            text = f"Line 1 of {self.name}, {source!r} and {target!r}, names the columns."
            self.found.findings.append(Finding(text))
            return
        self.further += len(row) > 2
        self.repeated += pair in self.seen
        if pair not in self.seen:
            self.seen.add(pair)
            self.found.sources.append(source)
            self.found.targets.append(target)
            self.found.names.append(place)

    def findings(self, unit: str) -> Iterator[Finding]:
        if self.repeated:
            yield Finding(f"{plural(self.repeated, 'pair')} there twice: taken once.")
        if self.further:
            lines = plural(self.further, unit)
            yield Finding(f"{lines} with more than two columns: only the first two are read.")
        for reason, places in self.left_out.items():
            text = f"{plural(len(places), unit)} {reason} left out."
            yield Finding(text, tuple(places[:EXAMPLES]), warning=True)


class _UselessError(Exception):
    """A line holds no pair: for what reason, and what of it to show."""

    def __init__(self, reason: str, seen: str = "") -> None:
        super().__init__(reason)
        self.reason, self.seen = reason, seen


def _sides(row: list[bytes]) -> tuple[str, str]:
    """Both sides of a line.

    Raises:
        _UselessError: If one cannot be used.
    """
    if len(row) < 2 and row[0].strip():
        raise _UselessError("without a tab, so with one side only,")
    size = max(map(len, row[:2]))
    if size > LONGEST:
        raise _UselessError(f"of more than {LONGEST:,} bytes, which are no sentences,", f": {size:,} bytes")
    try:
        sides = [side.decode().strip() for side in row[:2]]
    except UnicodeDecodeError as error:
        raise _UselessError(
            "that are not UTF-8", f": {error.object[error.start : error.start + 1]!r}"
        ) from None
    if len(sides) < 2 or not all(sides):
        raise _UselessError("with an empty side")
    return sides[0], sides[1]
