"""The sources of table rows: files and DataFrames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from lepton_nb.data.options import Grouped, Tasked, option
from lepton_nb.data.sources import Match, Progress, Source, is_a

if TYPE_CHECKING:
    from lepton_nb.data.bundle import DataBundle

TASKS = (
    "tabular-classification",
    "tabular-regression",
    "binary-classification",
    "multi-label-classification",
)


@dataclass(frozen=True, kw_only=True)
class TableOptions(Tasked, Grouped):
    """Rows whose columns predict one of them.

    Attributes:
        target: The column to predict; the last one where it is not given, which the report says. Several,
            ``a,b,c``, are labels of 0 and 1; one whose cells hold lists, or ``a|b``, is several labels, too.
        columns: Those to learn from; all but the target where they are not given.
        drop: Columns to leave out.
        dates: Whether dates, also as texts, are features by their parts: year, month, day, weekday, hour.
        task: ``classification``, ``regression`` or a task's name, where the target should not decide.
    """

    title = "tables"
    before: ClassVar[Mapping[str, Any]] = {"dates": False}
    target: str | tuple[str, ...] | None = option(
        None, "column to predict in a table; several, a,b,c, are labels of 0 and 1", "COLUMN"
    )
    columns: tuple[str, ...] | None = option(None, "the only columns to learn from", "A,B,C")
    drop: tuple[str, ...] | None = option(None, "columns to leave out", "A,B,C")
    dates: bool = option(True, "year, month, day, weekday and hour of dates as features")

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("columns", "drop"):
            given = getattr(self, name)
            object.__setattr__(self, name, (given,) if isinstance(given, str) else given)


class CsvSource(Source[TableOptions]):
    """A table in a CSV or TSV file, or in a folder with ``train.csv`` and ``test.csv`` (``val.csv``)."""

    name = "csv"
    noun = "Table files"
    gives = "a table in a CSV, TSV, Excel, Parquet or JSON Lines file"
    tasks = TASKS
    options = TableOptions

    def recognises_path(self, path: Path, options: Mapping[str, Any]) -> Match:  # noqa: ARG002
        from lepton_nb.data.pictures.listed import names_pictures
        from lepton_nb.data.tables.files import is_table_file
        from lepton_nb.data.tables.reading import table_folder_files
        from lepton_nb.data.texts.files import is_pair_file

        if path.is_dir():
            train = table_folder_files(path).get("train")
            if train is None:
                return Match.NO
            return Match.IF_ASKED if is_pair_file(train) or names_pictures(train, path) else Match.SURELY
        return Match.PERHAPS if is_table_file(path) or path.suffix.lower() == ".txt" else Match.NO

    def read(
        self,
        given: Any,
        options: TableOptions,
        *,
        name: str | None,
        progress: Progress | None,  # noqa: ARG002
    ) -> DataBundle:
        from lepton_nb.data.tables.reading import read_csv

        return read_csv(given, options, name=name)


class FrameSource(Source[TableOptions]):
    """The rows of a DataFrame, or of ``(X, y)`` whose X is one."""

    name = "frame"
    noun = "Tables"
    variable = "a DataFrame"
    classes = ("pandas:DataFrame",)
    tasks = TASKS
    options = TableOptions

    def recognises_variable(self, value: Any, options: Mapping[str, Any]) -> Match:  # noqa: ARG002
        parts = list(value.values()) if isinstance(value, dict) else [value]
        if any(isinstance(p, tuple | list) and len(p) == 2 and is_a(p[0], *self.classes) for p in parts):
            return Match.SURELY
        return Match.PERHAPS if parts and all(is_a(p, *self.classes) for p in parts) else Match.NO

    def read(
        self,
        given: Any,
        options: TableOptions,
        *,
        name: str | None,
        progress: Progress | None,  # noqa: ARG002
    ) -> DataBundle:
        from lepton_nb.data.tables.reading import read_frame

        return read_frame(given, options, name=name or self.name)
