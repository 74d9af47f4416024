"""Runs as one wide table for a spreadsheet or pandas: facts, tags, settings, metrics."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lepton_nb.errors import ArgumentError, StoreError
from lepton_nb.runs.home import explain
from lepton_nb.runs.run import Run

if TYPE_CHECKING:
    import pandas as pd

_FACTS = (
    *("ref", "id", "status", "task", "model", "data", "epoch", "epochs", "step", "seconds"),
    *("monitor", "best_value", "best_step", "error", "notes"),
)
_FORMATS = (".csv", ".json", ".parquet")


def wide_frame(runs: Sequence[Run]) -> pd.DataFrame:
    """One row a run. Columns: facts, then ``tag.…``, ``param.…``, and ``last.…`` of every metric."""
    import pandas as pd

    frame = pd.DataFrame([_row(run) for run in runs])
    order = {"tag": 1, "param": 2, "last": 3}
    names = [str(name) for name in frame.columns]
    names.sort(key=lambda name: order.get(name.partition(".")[0], 0))
    return frame[names]


def export_runs(runs: Sequence[Run], path: str | Path) -> Path:
    """Write `wide_frame` to a file, as its name ends: ``.csv``, ``.json`` (records) or ``.parquet``.

    Raises:
        ArgumentError: If it ends otherwise, or there are no runs.
        StoreError: If it cannot be written.
    """
    target = Path(path).expanduser()
    if target.suffix not in _FORMATS:
        raise ArgumentError(
            f"{target.name} ends in {target.suffix or 'nothing'}; expected {', '.join(_FORMATS)}.",
            "For example --export runs.csv",
        )
    if not runs:
        raise ArgumentError("There are no runs to export.", "%lepton runs lists what there is.")
    frame = wide_frame(runs)
    try:
        if target.suffix == ".csv":
            frame.to_csv(target, index=False)
        elif target.suffix == ".json":
            frame.to_json(target, orient="records", date_format="iso", indent=2)
        else:
            frame.to_parquet(target, index=False)
    except OSError as error:
        raise explain(error, target) from error
    except ImportError as error:
        raise StoreError(f"Parquet needs pyarrow: {error}.", "Export to .csv instead.") from error
    return target


def _row(run: Run) -> dict[str, Any]:
    import pandas as pd

    row: dict[str, Any] = {name: getattr(run, name) for name in _FACTS}
    row["created_at"] = pd.Timestamp(run.created_at, unit="s", tz="UTC")
    row |= {f"tag.{name}": value or True for name, value in run.tags.items()}
    row |= {f"param.{name}": value for name, value in run.params.items()}
    history = run.history()
    return row | {f"last.{name}": history.last(name) for name in history}
