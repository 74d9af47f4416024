"""Where pairs of sentences come from: a file with a tab between the two sides, or two files line by line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from lepton_nb.data.options import Splitting, option
from lepton_nb.data.sources import Match, Progress, Source
from lepton_nb.errors import DataError

if TYPE_CHECKING:
    from lepton_nb.data.bundle import DataBundle

_RANGES = (("max_length", 2, 4096), ("vocab_size", 300, 1_000_000), ("beams", 1, 64))


@dataclass(frozen=True, kw_only=True)
class PairOptions(Splitting):
    """How pairs are read; see the fields."""

    title: ClassVar[str] = "pairs of sentences"
    targets: str | None = option(None, "file whose line n belongs to line n of the source", "FILE", completes="files")
    max_length: int | None = option(None, "tokens of the longest sequence (default: the longest, up to 128)")
    vocab_size: int = option(1500, "number of different tokens, of both sides together")
    beams: int = option(4, "answers that the service follows at once; with 1 the likeliest token each time")

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, least, most in _RANGES:
            value = getattr(self, name)
            if value is not None and (type(value) is not int or not least <= value <= most):
                raise DataError(f"{name} is {value!r}; it is a whole number from {least:,} to {most:,}.")


class PairSource(Source[PairOptions]):
    """Pairs of sentences: a source and what becomes of it."""

    name: ClassVar[str] = "pairs"
    noun: ClassVar[str] = "Pairs of sentences"
    gives: ClassVar[str] = "a file of sentence TAB translation lines"
    tasks: ClassVar[tuple[str, ...]] = ("translation",)
    options = PairOptions

    def recognises_path(self, path: Path, options: Mapping[str, Any]) -> Match:
        asked = options.get("task") in self.tasks or options.get("targets") is not None
        return Match.IF_ASKED if path.is_file() and asked else Match.NO

    def read(
        self, given: Any, options: PairOptions, *, name: str | None, progress: Progress | None  # noqa: ARG002
    ) -> DataBundle:
        from lepton_nb.tasks.translation.files import existing
        from lepton_nb.tasks.translation.pairs import read_bundle

        path = existing(given)
        targets = None if options.targets is None else existing(options.targets)
        return read_bundle(path, targets, options, name or path.stem)
