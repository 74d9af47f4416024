"""The source of labelled texts: files, folders and DataFrames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from lepton_nb.data.options import Grouped, Tasked, option
from lepton_nb.data.sources import Match, Progress, Source, is_a
from lepton_nb.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

    from lepton_nb.data.bundle import DataBundle

PEEKED = 200  # rows of a table that tell whether it holds texts


@dataclass(frozen=True, kw_only=True)
class TextOptions(Tasked, Grouped):
    """Texts with a label each.

    Attributes:
        text: The column with the texts, where the cells do not tell.
        label: The column with the labels, or several columns of zeros and ones: ``a,b,c``.
        task: ``classification`` or a task's name, where the labels should not decide: ``fun|short``, or a
            list, is several labels.
        max_length: Tokens a text is cut and padded to; 95 % of the training texts fit where it is not given.
        vocab_size: Largest number of different tokens.
    """

    title = "texts"
    text: str | None = option(None, "column with the text", "COLUMN")
    label: str | tuple[str, ...] | None = option(None, "column with the label of the text", "COLUMN")
    max_length: int | None = option(None, "tokens of a text that count")
    vocab_size: int = option(8000, "tokens to learn from the texts")

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.task or "").endswith("regression"):
            raise DataError(
                f"task is {self.task!r}, but texts have classes or labels.", 'Pass task="classification".'
            )
        _check_number("max_length", self.max_length, 1, 8192)
        _check_number("vocab_size", self.vocab_size, 100, 1_000_000)


class TextSource(Source[TextOptions]):
    """Texts with a label each.

    In a CSV or TSV file or a DataFrame with a text and a label column; in a file, or a folder of files, of
    ``text TAB label`` lines; or in a folder with one folder of ``.txt`` files per class.
    """

    name = "text"
    noun = "Texts"
    gives = "a file or folder of labelled texts"
    tasks = ("text-classification", "binary-classification", "multi-label-classification")
    options = TextOptions
    aliases: ClassVar[Mapping[str, str]] = {"target": "label"}

    def recognises_path(self, path: Path, options: Mapping[str, Any]) -> Match:
        return self._folder(path) if path.is_dir() else self._file(path, options)

    def recognises_variable(self, value: Any, options: Mapping[str, Any]) -> Match:
        table = next(iter(value.values()), None) if isinstance(value, dict) else value
        if table is None or not is_a(table, "pandas:DataFrame"):
            return Match.NO
        return Match.LIKELY if self._is_asked_or_text(table.head(PEEKED), options) else Match.IF_ASKED

    def read(
        self,
        given: Any,
        options: TextOptions,
        *,
        name: str | None,
        progress: Progress | None,  # noqa: ARG002
    ) -> DataBundle:
        from lepton_nb.data.texts.reading import read_labelled

        return read_labelled(given, options, name=name)

    def _folder(self, path: Path) -> Match:
        from lepton_nb.data.class_folders import IMAGE_SUFFIXES, is_class_folder_tree
        from lepton_nb.data.texts.files import is_text_folder

        if is_class_folder_tree(path, IMAGE_SUFFIXES) or not is_text_folder(path):
            return Match.IF_ASKED
        return Match.LIKELY

    def _file(self, path: Path, options: Mapping[str, Any]) -> Match:
        """Likely where it has no header and labels, or is a text column and one more."""
        from lepton_nb.data.pictures.listed import names_pictures
        from lepton_nb.data.tables.files import is_table_file, peek
        from lepton_nb.data.texts.files import is_line_file, is_pair_file

        if not self.takes(options) or is_pair_file(path):
            return Match.IF_ASKED
        if names_pictures(path, path.parent):
            return Match.IF_ASKED
        if "target" not in options and is_line_file(path):
            return Match.LIKELY
        if not is_table_file(path) and path.suffix.lower() != ".txt":
            return Match.IF_ASKED
        return Match.LIKELY if self._is_asked_or_text(peek(path), options) else Match.IF_ASKED

    def _is_asked_or_text(self, table: pd.DataFrame, options: Mapping[str, Any]) -> bool:
        """Whether a table is asked for as texts, or has a column of texts and one more.

        Labels alone do not ask for texts: rows of numbers have them, too.
        """
        from lepton_nb.data.texts.files import guess_text_column

        if options.get("task") == "text-classification" or options.get("text"):
            return True
        text = guess_text_column(table) if self.is_asked(options) or table.shape[1] == 2 else None
        return text is not None and options.get("target") != text


def _check_number(option: str, value: int | None, least: int, most: int) -> None:
    if value is not None and (
        isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most
    ):
        raise DataError(f"{option} is {value!r}; it is a whole number from {least} to {most:,}.")
