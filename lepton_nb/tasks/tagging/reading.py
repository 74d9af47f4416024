"""Tagged words as data for a model: texts, the place of each word in them, tags of tokens."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lepton_nb.data.assemble import fingerprint
from lepton_nb.data.bundle import DataBundle
from lepton_nb.data.duplicates import digests
from lepton_nb.data.previews import RowsPreview
from lepton_nb.data.report import DataReport, Finding
from lepton_nb.data.splitting import plan_parts
from lepton_nb.data.texts.tokenizing import choose_length, train_tokenizer
from lepton_nb.errors import DataError, did_you_mean
from lepton_nb.show.words import plural
from lepton_nb.signature import Signature, TensorSpec
from lepton_nb.tasks.tagging.data import TAGS, WORDS, TagOptions
from lepton_nb.tasks.tagging.spans import spans_of
from lepton_nb.tasks.tagging.split import TagSplit
from lepton_nb.tasks.texts import tokenize

_SHOWN = 8


@dataclass(frozen=True)
class Tagged:
    """A text as its words, each with a tag."""

    words: tuple[str, ...]
    tags: tuple[str, ...]

    @cached_property
    def text(self) -> str:
        return " ".join(self.words)

    @cached_property
    def ends(self) -> np.ndarray:
        """Where each word ends in the text."""
        found: np.ndarray = np.cumsum([len(word) + 1 for word in self.words]) - 1
        return found


def read_bundle(given: Any, options: TagOptions, name: str | None) -> DataBundle:
    """The bundle of a file or table."""
    items, own_name, where = _items(given)
    content = digests(item.text.encode() for item in items)
    parts, said = plan_parts({"train": np.arange(len(items))}, content, None, (), options)
    train = [items[row].text for row in parts["train"]]
    tokenizer = train_tokenizer(train, options.vocab_size)
    length = options.max_length or choose_length(tokenize(train, tokenizer).counts)
    signature = _signature(items, tokenizer, length)
    splits = {
        part: TagSplit(part, [items[row] for row in rows], signature, options.max_length)
        for part, rows in parts.items()
    }
    shown = [(item.text, _shown(item)) for item in (items[row] for row in parts["train"][:_SHOWN])]
    counts = {part: {"": len(rows)} for part, rows in parts.items()}
    preview = RowsPreview(["text", "spans"], shown)
    tags = {part: digests(" ".join(items[row].tags).encode() for row in rows) for part, rows in parts.items()}
    return DataBundle(
        name=name or own_name,
        signature=signature,
        splits=splits,
        report=DataReport(name or own_name, where, counts, signature, [_told(items), *said], preview),
        fingerprint=fingerprint({part: (content[rows], tags[part]) for part, rows in parts.items()}),
        contents={part: content[rows] for part, rows in parts.items()},
    )


def as_trained(given: Any, signature: Signature, split: str) -> DataBundle:
    """All texts of a file or table as a trained model reads them, as one split to measure it on."""
    items, name, where = _items(given)
    _check_known(items, signature)
    content = digests(item.text.encode() for item in items)
    return DataBundle(
        name=name,
        signature=signature,
        splits={split: TagSplit(split, items, signature)},
        report=DataReport(name, where, {split: {"": len(items)}}, signature),
        fingerprint=fingerprint({split: (content,)}),
        contents={split: content},
    )


def _items(given: Any) -> tuple[list[Tagged], str, str]:
    """The tagged texts, what to call them and where they are from."""
    if isinstance(given, str | os.PathLike):
        path = Path(given).expanduser().absolute()
        found = _of_json(path) if path.suffix.lower() in (".json", ".jsonl") else _of_lines(path)
        name, where = path.stem, f"file {path}"
    else:
        found, name, where = _of_table(given), "frame", f"{type(given).__name__}, {len(given):,} rows"
    items = [item for item in found if item.words]
    if not items:
        raise DataError(
            f"There are no tagged words in {where}.",
            "Write one word and its tag a line, with an empty line behind each text.",
        )
    return items, name, where


def _of_lines(path: Path) -> Iterator[Tagged]:
    """Of CoNLL lines: the word stands first, its tag last."""
    words: list[str] = []
    tags: list[str] = []
    for number, line in enumerate([*path.read_text("utf-8-sig").splitlines(), ""], start=1):
        cells = line.split()
        if not cells or cells[0] in ("-DOCSTART-", "#"):
            yield Tagged(tuple(words), tuple(tags))
            words, tags = [], []
        elif len(cells) == 1:
            raise DataError(f"{path.name}:{number} holds {line!r}; expected a word and its tag.")
        else:
            words.append(cells[0])
            tags.append(cells[-1])


def _of_json(path: Path) -> Iterator[Tagged]:
    for number, line in enumerate(path.read_text("utf-8-sig").splitlines(), start=1):
        if line.strip():
            try:
                row = json.loads(line)
            except json.JSONDecodeError as error:
                raise DataError(f"{path.name}:{number} is no JSON: {error.msg}.") from None
            yield _tagged(row, f"{path.name}:{number}", None)


def _of_table(table: Any) -> Iterator[Tagged]:
    """Of a DataFrame or a datasets.Dataset, whose features name the tags."""
    features = getattr(table, "features", None)
    rows = table if features is not None else table.to_dict("records")
    for number, row in enumerate(rows):
        yield _tagged(row, f"row {number}", features)


def _tagged(row: dict[str, Any], where: str, features: Any) -> Tagged:
    words, tags = (next((name for name in known if name in row), None) for known in (WORDS, TAGS))
    if words is None or tags is None:
        raise DataError(
            f"{where} has {', '.join(map(repr, row))}; expected {WORDS[0]!r} and one of {', '.join(TAGS)}."
        )
    inner = getattr(features[tags], "feature", None) if features is not None else None
    names: Sequence[str] | None = getattr(inner, "names", None)
    found = [names[tag] if names is not None else str(tag) for tag in row[tags]]
    if len(found) != len(row[words]):
        raise DataError(f"{where} has {len(row[words])} words and {len(found)} tags; expected one a word.")
    return Tagged(tuple(map(str, row[words])), tuple(found))


def _signature(items: list[Tagged], tokenizer: str, length: int) -> Signature:
    names = tuple(sorted({tag for item in items for tag in item.tags}, key=lambda tag: (tag != "O", tag)))
    if len(names) < 2:
        raise DataError(f"Every word has the tag {names[0]!r}: there is nothing to tell apart.")
    return Signature(
        task="token-classification",
        inputs=(TensorSpec("input_ids", "int64", (length,)),),
        output=TensorSpec("logits", "float32", (None, len(names))),
        class_names=names,
        preprocessing={"kind": "tagged", "tokenizer": tokenizer, "max_length": length, "pad_id": 0},
        target={"name": "tags"},
    )


def _check_known(items: list[Tagged], signature: Signature) -> None:
    unknown = next((t for item in items for t in item.tags if t not in signature.class_names), None)
    if unknown is not None:
        raise DataError(
            f"The model knows no tag {unknown!r}.",
            did_you_mean(unknown, signature.class_names) or f"It knows {', '.join(signature.class_names)}.",
        )


def _told(items: list[Tagged]) -> Finding:
    spans = sum(len(spans_of(item.tags)) for item in items)
    words = sum(len(item.words) for item in items)
    return Finding(f"{plural(len(items), 'text')} of {plural(words, 'word')} with {plural(spans, 'span')}.")


def _shown(item: Tagged) -> str:
    spans = spans_of(item.tags)
    return ", ".join(f"{' '.join(item.words[s.start : s.end])} ({s.label})" for s in spans) or "–"


def token_tags(items: Sequence[Tagged], places: np.ndarray, signature: Signature) -> torch.Tensor:
    """Tags of tokens, int64 ``(N, L)``: of each word's first token, −100 of all others."""
    from lepton_nb.tasks.tagging.learning import NO_WORD
    from lepton_nb.tasks.tagging.spans import continued
    from lepton_nb.tasks.tagging.words import first_tokens

    numbers = {name: number for number, name in enumerate(signature.class_names)}
    target = np.full(places.shape[:2], NO_WORD, dtype=np.int64)
    for row, token in np.argwhere(first_tokens(places)):
        item, start = items[row], places[row, token, 0]
        word = int(np.searchsorted(item.ends, start, side="right"))
        begins = start == item.ends[word] - len(item.words[word])
        tag = item.tags[word] if begins else continued(item.tags[word])
        target[row, token] = numbers.get(tag, numbers[item.tags[word]])
    return torch.from_numpy(target)
