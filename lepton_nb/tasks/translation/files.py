"""Pairs of sentences in files: a source and a target on a line, or on the same line of two files."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path

from lepton_nb.data.class_folders import suggest_path
from lepton_nb.data.duplicates import EXAMPLES
from lepton_nb.data.report import Finding
from lepton_nb.errors import DataError
from lepton_nb.show.words import plural

LONGEST = 10_000  # characters; what is longer is no sentence
SUFFIXES = (".tsv", ".txt")
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
        findings: What was left out or guessed.
    """

    sources: list[str] = field(default_factory=list)
    targets: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


class _LeftOut:
    """What cannot be used, counted by reason, with the first places of each."""

    def __init__(self) -> None:
        self.places: dict[str, list[str]] = {}

    def add(self, reason: str, place: str) -> None:
        self.places.setdefault(reason, []).append(place)

    def findings(self) -> list[Finding]:
        return [
            Finding(
                f"{plural(len(places), 'line')} {reason} left out.", tuple(places[:EXAMPLES]), warning=True
            )
            for reason, places in self.places.items()
        ]


def read_pairs(source: str | os.PathLike[str], target: str | os.PathLike[str] | None = None) -> Pairs:
    """The pairs of one file with a tab between the two sides, or of two files line by line.

    Raises:
        DataError: If a file is not there or holds no pairs, or the two differ in their lines.
    """
    left = existing(source)
    if target is None:
        return _from_rows(left.name, (line.split(b"\t") for line in _lines(left)))
    right = existing(target)
    counts = [sum(1 for _ in _lines(file)) for file in (left, right)]
    if counts[0] != counts[1]:
        raise DataError(
            f"{left.name} has {plural(counts[0], 'line')} and {right.name} {counts[1]:,}: which belong "
            "together is not known.",
            "Give files where line n of one translates line n of the other.",
        )
    rows = ([a, b] for a, b in zip_longest(_lines(left), _lines(right)))
    return _from_rows(f"{left.name} and {right.name}", rows)


def existing(path: str | os.PathLike[str]) -> Path:
    file = Path(path).expanduser().absolute()
    if not file.is_file():
        raise DataError(f"There is no file {str(path)!r}.", suggest_path(file))
    return file


def _lines(file: Path) -> Iterator[bytes]:
    with open(file, "rb") as stream:
        for number, line in enumerate(stream):
            yield (line.removeprefix(b"\xef\xbb\xbf") if number == 0 else line).rstrip(b"\r\n")


def _from_rows(name: str, rows: Iterator[list[bytes]]) -> Pairs:
    found, left_out = Pairs(), _LeftOut()
    seen: set[tuple[str, str]] = set()
    further = repeated = 0
    for number, row in enumerate(rows, 1):
        place = f"{name}, line {number:,}"
        pair = _pair(row, place, left_out)
        if pair is None:
            continue
        if number == 1 and all(_COLUMN.fullmatch(side) for side in pair):
            found.findings.append(
                Finding(f"Line 1 of {name}, {pair[0]!r} and {pair[1]!r}, names the columns.")
            )
            continue
        further += len(row) > 2
        if pair in seen:
            repeated += 1
            continue
        seen.add(pair)
        found.sources.append(pair[0])
        found.targets.append(pair[1])
        found.names.append(place)
    _say(found, left_out, further, repeated)
    if not seen:
        raise _no_pairs(name, found)
    return found


def _pair(row: list[bytes], place: str, left_out: _LeftOut) -> tuple[str, str] | None:
    """Both sides of a line; None where one cannot be used, which is noted."""
    if len(row) < 2 and row[0].strip():
        left_out.add("without a tab, so with one side only,", place)
        return None
    if any(len(side) > LONGEST for side in row[:2]):
        size = max(len(side) for side in row[:2])
        left_out.add(f"of more than {LONGEST:,} bytes, which are no sentences,", f"{place}: {size:,} bytes")
        return None
    try:
        sides = [side.decode().strip() for side in row[:2]]
    except UnicodeDecodeError as error:
        left_out.add("that are not UTF-8", f"{place}: {error.object[error.start : error.start + 1]!r}")
        return None
    if len(sides) < 2 or not all(sides):
        left_out.add("with an empty side", place)
        return None
    return sides[0], sides[1]


def _say(found: Pairs, left_out: _LeftOut, further: int, repeated: int) -> None:
    if repeated:
        found.findings.append(Finding(f"{plural(repeated, 'pair')} there twice: taken once."))
    if further:
        found.findings.append(
            Finding(f"{plural(further, 'line')} with more than two columns: only the first two are read.")
        )
    found.findings += left_out.findings()


def _no_pairs(name: str, found: Pairs) -> DataError:
    reasons = " ".join(finding.text for finding in found.findings)
    return DataError(
        f"{name} holds no pairs of sentences. {reasons}".rstrip(),
        "Write a sentence, a tab and its translation on each line, or give two files: pairs(a, target=b).",
    )
