"""Where texts with a tag a word come from: CoNLL files, JSON lines, tables with lists in their cells."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from lepton_nb.data.options import Splitting, option
from lepton_nb.data.sources import Match, Progress, Source, is_a
from lepton_nb.errors import DataError

if TYPE_CHECKING:
    from lepton_nb.data.bundle import DataBundle
    from lepton_nb.signature import Signature

_SUFFIXES = (".conll", ".bio", ".iob", ".conllu")
WORDS = ("tokens", "words")
TAGS = ("ner_tags", "tags", "labels", "pos_tags")


@dataclass(frozen=True, kw_only=True)
class TagOptions(Splitting):
    """Texts with a tag a word.

    Attributes:
        max_length: Tokens a text is cut and padded to; 95 % of the training texts fit where it is not given.
        vocab_size: Largest number of different tokens.
    """

    title: ClassVar[str] = "texts with a tag a word"
    max_length: int | None = option(None, "tokens of a text that count")
    vocab_size: int = option(8000, "tokens to learn from the texts")

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, least, most in (("max_length", 3, 8192), ("vocab_size", 100, 1_000_000)):
            value = getattr(self, name)
            if value is not None and (type(value) is not int or not least <= value <= most):
                raise DataError(f"{name} is {value!r}; it is a whole number from {least} to {most:,}.")


class TagSource(Source[TagOptions]):
    """Texts with a tag for each word.

    A file of ``word TAG`` lines with an empty line behind each text (CoNLL), or of JSON lines with the lists
    ``tokens`` and ``ner_tags`` (or ``tags``, ``labels``, ``pos_tags``); or a table with such columns.
    """

    name = "tagged"
    noun = "Texts with a tag a word"
    gives = "a CoNLL or JSON-lines file of tagged words"
    variable = "a table with columns of tokens and tags"
    tasks = ("token-classification",)
    options = TagOptions

    def recognises_path(self, path: Path, options: Mapping[str, Any]) -> Match:  # noqa: ARG002
        if not path.is_file():
            return Match.NO
        if path.suffix.lower() in _SUFFIXES:
            return Match.SURELY
        with open(path, encoding="utf-8", errors="replace") as stream:
            first = stream.readline(1 << 16)
        tagged = path.suffix.lower() in (".jsonl", ".json") and columns_of(first) is not None
        return Match.SURELY if tagged else Match.IF_ASKED

    def recognises_variable(self, value: Any, options: Mapping[str, Any]) -> Match:
        if not is_a(value, "pandas:DataFrame", "datasets:Dataset"):
            return Match.NO
        names = getattr(value, "column_names", None) or list(getattr(value, "columns", ()))
        asked = options.get("task") in self.tasks
        return Match.SURELY if asked or (_named(names, WORDS) and _named(names, TAGS)) else Match.NO

    def fitted(self, given: Any, signature: Signature, split: str | None) -> DataBundle | None:
        from lepton_nb.tasks.tagging.reading import as_trained

        path = isinstance(given, str | os.PathLike) and Path(given).expanduser().is_file()
        return as_trained(given, signature, split or "test") if path or not isinstance(given, str) else None

    def read(
        self,
        given: Any,
        options: TagOptions,
        *,
        name: str | None,
        progress: Progress | None,  # noqa: ARG002
    ) -> DataBundle:
        from lepton_nb.tasks.tagging.reading import read_bundle

        return read_bundle(given, options, name)


def columns_of(text: str) -> tuple[str, str] | None:
    """The names of words and tags in a text of JSON; None where it has none."""
    words, tags = (next((n for n in names if f'"{n}"' in text), None) for names in (WORDS, TAGS))
    return None if words is None or tags is None else (words, tags)


def _named(names: Any, known: tuple[str, ...]) -> bool:
    return any(name in known for name in names)
