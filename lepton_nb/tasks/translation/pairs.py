"""Pairs of sentences as data for a model: cleaned, split by their source, in tokens."""

from __future__ import annotations

import itertools
import os
import unicodedata
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lepton_nb.data.assemble import fingerprint, without_leaks
from lepton_nb.data.bundle import DataBundle, Split
from lepton_nb.data.duplicates import digests
from lepton_nb.data.fitted.bundles import held_out
from lepton_nb.data.previews import RowsPreview
from lepton_nb.data.report import DataReport, Finding
from lepton_nb.data.splitting import plan_parts
from lepton_nb.data.tables.files import existing_file
from lepton_nb.errors import DataError
from lepton_nb.show.words import plural
from lepton_nb.signature import Signature, TensorSpec
from lepton_nb.tasks.translation.data import are_files
from lepton_nb.tasks.translation.files import Pairs, find_files, pairs_of, read_pairs
from lepton_nb.tasks.translation.split import PairSplit, Ragged
from lepton_nb.tasks.translation.tokens import ids_of, train_tokens
from lepton_nb.tasks.words import sketch, words_of

if TYPE_CHECKING:
    from lepton_nb.tasks.translation.data import PairOptions

NAME = "translation"
_LONGEST = 128  # tokens, where nobody asks for more
_SHOWN = 8


def read_bundle(path: Path, options: PairOptions, name: str) -> DataBundle:
    """The bundle of a file of pairs, of two files line by line, or of a folder of them by split.

    A source is in one split only, whatever its case and spaces. A model learns from pairs; it is measured on
    sources, against all the targets that there are of each.
    """
    _check_installed()
    found = Pairs()
    for split, files in find_files(path, options.targets).items():
        found.add(split, read_pairs(files))
    content = source_keys(found)
    parts, said = plan_parts(found.given, content, None, (), options)
    parts, leaks = without_leaks(parts, content, found.names.__getitem__, "source")
    train = parts["train"].tolist()
    texts = [side[row] for side in (found.sources, found.targets) for row in train]
    tokenizer = train_tokens(texts, options.vocab_size)
    coded = Coded.of(found, tokenizer)
    length = options.max_length or min(_LONGEST, int(coded.longest[train].max()))
    words = sketch(word for row in train for word in words_of(found.sources[row]))
    signature = signature_of(tokenizer, length, options.beams, words)
    parts, said_too = _fitting(found, coded, parts, length)
    bundle = _bundle(name, str(path), found, coded, parts, content, signature)
    bundle.report.findings = [*found.findings, *said, *leaks, *said_too]
    return bundle


def to_measure(given: Any, split: str | None) -> tuple[Pairs, str, str] | None:
    """The pairs of a path, two files or two lists, with their split and name; None of anything else.

    Raises:
        DataError: If it holds none, or has no such split.
    """
    if are_files(given):
        left, right = map(existing_file, given)
        return read_pairs((left, right)), split or "test", left.stem
    if isinstance(given, str | os.PathLike):
        path = Path(given).expanduser().absolute()
        return _in_path(path, split) if path.exists() else None
    if isinstance(given, tuple | list) and len(given) == 2 and all(map(_are_texts, given)):
        return _in_lists(*map(list, given)), split or "test", "sentences"
    return None


def _in_path(path: Path, split: str | None) -> tuple[Pairs, str, str]:
    files = find_files(path, None)
    part, _ = held_out(dict.fromkeys(files, np.arange(0)), split)
    return read_pairs(files.get(part, files["train"])), part, path.stem


def _in_lists(sources: list[str], targets: list[str]) -> Pairs:
    if len(sources) != len(targets):
        raise DataError(f"There are {len(sources):,} sources and {len(targets):,} targets.", "Give one each.")
    rows = ([a.encode(), b.encode()] for a, b in zip(sources, targets, strict=True))
    return pairs_of("sentences", rows, "pair")


def _are_texts(value: Any) -> bool:
    return hasattr(value, "__len__") and not isinstance(value, str) and all(isinstance(v, str) for v in value)


def as_trained(found: Pairs, split: str, name: str, signature: Signature) -> DataBundle:
    """All pairs in the tokens of a trained model, as one split to measure it on."""
    content = source_keys(found)
    coded = Coded.of(found, str(signature.preprocessing["tokenizer"]))
    rows = {split: np.arange(len(content))}
    parts, said = _fitting(found, coded, rows, int(signature.preprocessing["max_length"]))
    bundle = _bundle(name, name, found, coded, parts, content, signature)
    bundle.report.findings = [*found.findings, *said]
    return bundle


def source_keys(found: Pairs) -> np.ndarray:
    """One key a pair, uint64 ``(N,)``: its source, whatever its case and spaces."""
    folded = (unicodedata.normalize("NFKC", text).casefold().split() for text in found.sources)
    return digests(" ".join(words).encode() for words in folded)


@dataclass
class Coded:
    """Pairs as ids, and the longer side of each in tokens."""

    sources: list[list[int]]
    targets: list[list[int]]

    @classmethod
    def of(cls, found: Pairs, tokenizer: str) -> Coded:
        return cls(ids_of(found.sources, tokenizer), ids_of(found.targets, tokenizer))

    @property
    def longest(self) -> np.ndarray:
        return np.array([max(map(len, pair)) for pair in zip(self.sources, self.targets, strict=True)])


def signature_of(tokenizer: str, length: int, beams: int, words: str) -> Signature:
    ids = TensorSpec("source", "int64", (None,), pad=0)
    return Signature(
        task=NAME,
        inputs=(ids, TensorSpec("before", "int64", (None,), pad=0)),
        output=TensorSpec("tokens", "int64", (length,)),
        further_outputs=(TensorSpec("score", "float32", ()),),
        preprocessing={"kind": "pairs", "tokenizer": tokenizer, "words": words, "max_length": length},
        target={"name": "target", "beams": beams},
        by_name=True,
    )


def _check_installed() -> None:
    for package in ("tokenizers", "sacrebleu"):
        if find_spec(package) is None:
            raise DataError(
                f"Pairs of sentences need the {package} package, which is not installed.",
                'pip install "lepton-nb[translation]"',
            )


def _fitting(
    found: Pairs, coded: Coded, parts: dict[str, np.ndarray], length: int
) -> tuple[dict[str, np.ndarray], list[Finding]]:
    """The pairs whose sides a model reads whole; those held back need only have a source that it reads."""
    source = np.array([len(ids) for ids in coded.sources])
    keep = {
        name: (coded.longest if name == "train" else source)[rows] <= length for name, rows in parts.items()
    }
    said = [Finding(f"Sequences of up to {length} tokens.")]
    for name, kept in keep.items():
        if not kept.any():
            raise DataError(f"No pair of {name} fits in {length} tokens.", "Give a larger max_length=….")
        if not kept.all():
            places = tuple(found.names[row] for row in parts[name][~kept][:5])
            count = plural(int((~kept).sum()), "pair")
            said.append(Finding(f"{count} of {name} longer than that left out.", places, warning=True))
    return {name: rows[keep[name]] for name, rows in parts.items()}, said


def _bundle(
    name: str,
    where: str,
    found: Pairs,
    coded: Coded,
    parts: dict[str, np.ndarray],
    content: np.ndarray,
    signature: Signature,
) -> DataBundle:
    length = int(signature.preprocessing["max_length"])
    groups = {
        part: [[int(row)] for row in rows] if part == "train" else by_source(rows, content)
        for part, rows in parts.items()
    }
    splits: dict[str, Split] = {
        part: _split(part, found, coded, rows, length) for part, rows in groups.items()
    }
    counts = {part: {"": len(split)} for part, split in splits.items()}
    first = {part: np.array([rows[0] for rows in members]) for part, members in groups.items()}
    prints = {
        part: (content[rows], digests(found.targets[row].encode() for row in rows))
        for part, rows in parts.items()
    }
    shown = [(found.sources[row], found.targets[row]) for row in next(iter(first.values()))[:_SHOWN]]
    preview = RowsPreview(["source", "target"], shown)
    return DataBundle(
        name=name,
        signature=signature,
        splits=splits,
        report=DataReport(name, where, counts, signature, preview=preview),
        fingerprint=fingerprint(prints),
        contents={part: content[rows] for part, rows in first.items()},
    )


def by_source(rows: np.ndarray, content: np.ndarray) -> list[list[int]]:
    """The rows of each source, in the order in which the sources come first."""
    found: dict[int, list[int]] = {}
    for row in rows.tolist():
        found.setdefault(int(content[row]), []).append(row)
    return list(found.values())


def _split(name: str, found: Pairs, coded: Coded, members: list[list[int]], longest: int) -> PairSplit:
    flat = [row for rows in members for row in rows]
    starts = np.cumsum([0, *map(len, members)])
    firsts = [rows[0] for rows in members]
    return PairSplit(
        name,
        Ragged([coded.sources[row] for row in firsts]),
        Ragged([coded.targets[row] for row in flat]),
        Ragged([range(a, b) for a, b in itertools.pairwise(starts)]),
        [found.sources[row] for row in firsts].__getitem__,
        longest,
    )
