"""Where pairs of sentences come from: files with a tab between the two sides, or two files line by line."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from lepton_nb.data.options import Splitting, option
from lepton_nb.data.sources import Match, Progress, Source
from lepton_nb.errors import DataError

if TYPE_CHECKING:
    from lepton_nb.data.bundle import DataBundle
    from lepton_nb.signature import Signature

_RANGES = (("max_length", 2, 4096), ("vocab_size", 300, 1_000_000), ("beams", 1, 64))


@dataclass(frozen=True, kw_only=True)
class PairOptions(Splitting):
    """How pairs are read; see the fields."""

    title: ClassVar[str] = "pairs of sentences"
    targets: str | None = option(
        None,
        "file whose line n belongs to line n of the source; the ending of such files in a folder",
        "FILE",
        completes="files",
    )
    max_length: int | None = option(None, "tokens of the longest sequence (default: the longest, up to 128)")
    vocab_size: int = option(1500, "number of different tokens, of both sides together")
    beams: int = option(4, "answers that the service follows at once; with 1 the likeliest token each time")

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, least, most in _RANGES:
            value = getattr(self, name)
            if value is not None and (type(value) is not int or not least <= value <= most):
                raise DataError(f"{name} is {value!r}; it is a whole number from {least:,} to {most:,}.")

    def to_spec(self) -> dict[str, Any]:
        file = Path(self.targets or "").expanduser()
        return {**super().to_spec(), "targets": str(file.absolute()) if file.is_file() else self.targets}


class PairSource(Source[PairOptions]):
    """Pairs of sentences, a source and what becomes of it: a file with a tab between them, two files line by
    line, ``(source, target)``, or a folder of those by split, ``train.tsv`` and ``test.tsv``."""

    name: ClassVar[str] = "pairs"
    noun: ClassVar[str] = "Pairs of sentences"
    gives: ClassVar[str] = "a file of sentence TAB translation lines"
    tasks: ClassVar[tuple[str, ...]] = ("translation",)
    options = PairOptions

    def recognises_path(self, path: Path, options: Mapping[str, Any]) -> Match:  # noqa: ARG002
        from lepton_nb.data.texts.files import is_pair_file

        files = [path] if path.is_file() else list(path.glob("train.*"))
        if not files:
            return Match.NO
        return Match.SURELY if any(map(is_pair_file, files)) else Match.IF_ASKED

    def recognises_variable(self, value: Any, options: Mapping[str, Any]) -> Match:  # noqa: ARG002
        return Match.SURELY if are_files(value) else Match.NO

    def fitted(self, given: Any, signature: Signature, split: str | None) -> DataBundle | None:
        from lepton_nb.tasks.translation.pairs import as_trained, to_measure

        found = to_measure(given, split)
        return None if found is None else as_trained(*found, signature)

    def __call__(self, given: Any = None, /, **options: Any) -> DataBundle:
        if are_files(given):
            given, options["targets"] = given[0], str(given[1])
        return super().__call__(given, **options)

    def read(
        self,
        given: Any,
        options: PairOptions,
        *,
        name: str | None,
        progress: Progress | None,  # noqa: ARG002
    ) -> DataBundle:
        from lepton_nb.tasks.translation.pairs import read_bundle

        path = Path(given).expanduser().absolute()
        return read_bundle(path, options, name or path.stem)


def are_files(value: Any) -> bool:
    """Whether a value is two paths."""
    return (
        isinstance(value, tuple | list)
        and len(value) == 2
        and all(isinstance(v, str | os.PathLike) for v in value)
    )
