"""Several runs as a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from lepton_nb.runs.display import best_text, status_html, status_text, trend, waiting
from lepton_nb.runs.exporting import export_runs
from lepton_nb.runs.run import Run
from lepton_nb.show.html import bold, joined, table
from lepton_nb.show.numbers import age, duration
from lepton_nb.show.words import columns

if TYPE_CHECKING:
    import pandas as pd

_HEADINGS = ("run", "status", "best", "trend", "epochs", "time", "started", "model", "data")
_FIELDS = (
    *("ref", "id", "status", "task", "model", "data", "epoch", "epochs", "step"),
    *("monitor", "best_value", "best_step", "error", "notes"),
)
_EMPTY = "No runs."


class RunTable(Sequence[Run]):
    """A list of runs that shows itself as a table."""

    def __init__(self, runs: Iterable[Run]) -> None:
        self._runs = list(runs)

    @overload
    def __getitem__(self, index: int) -> Run: ...
    @overload
    def __getitem__(self, index: slice) -> RunTable: ...
    def __getitem__(self, index: int | slice) -> Run | RunTable:
        return RunTable(self._runs[index]) if isinstance(index, slice) else self._runs[index]

    def __len__(self) -> int:
        return len(self._runs)

    def frame(self) -> pd.DataFrame:
        """One row a run: the numbers behind the table."""
        import pandas as pd

        rows = [
            {field: getattr(run, field) for field in _FIELDS}
            | {"seconds": run.seconds, "created_at": pd.Timestamp(run.created_at, unit="s", tz="UTC")}
            for run in self
        ]
        return pd.DataFrame(rows, columns=[*_FIELDS, "seconds", "created_at"])

    def export(self, path: str | Path) -> Path:
        """Write the runs with their settings and metrics to a ``.csv``, ``.json`` or ``.parquet`` file.

        Raises:
            ArgumentError: If the name ends otherwise, or there are no runs.
        """
        return export_runs(self._runs, path)

    def __repr__(self) -> str:
        if not self._runs:
            return _EMPTY
        return "\n".join(columns([_HEADINGS, *([run.ref, _status(run), *_cells(run)] for run in self)]))

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        """Data for the lab to draw, beside the table and the text."""
        from lepton_nb.runs.bundle import RUNS_MIME, runs_bundle

        return {RUNS_MIME: runs_bundle(self._runs)} if self._runs else {}

    def _repr_html_(self) -> str:
        if not self._runs:
            return f"<i>{_EMPTY}</i>"
        rows = [(bold(run.ref), joined([status_html(run), waiting(run)], " "), *_cells(run)) for run in self]
        return table(_HEADINGS, rows)


def _status(run: Run) -> str:
    return f"{status_text(run)} {waiting(run)}".rstrip()


def _cells(run: Run) -> list[str]:
    return [
        best_text(run),
        trend(run),
        f"{run.epoch}/{run.epochs}",
        duration(run.seconds),
        age(run.created_at),
        run.model,
        run.data,
    ]
