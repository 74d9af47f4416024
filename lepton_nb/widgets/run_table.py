"""The table of runs: sorted and filtered in the page, with sparklines; it follows runs in training."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import traitlets

from lepton_nb.errors import NotFoundError
from lepton_nb.runs import Run, RunTable
from lepton_nb.runs.bundle import RUNS_MIME, runs_bundle
from lepton_nb.runs.display import waiting
from lepton_nb.runs.notes import tags_text
from lepton_nb.runs.overview import trend
from lepton_nb.runs.states import ACTIVE
from lepton_nb.widgets.assets import joined
from lepton_nb.widgets.enhanced import Enhanced, show_enhanced

_POINTS = 40  # of a sparkline


class RunTableView(Enhanced):
    """A live view of some runs.

    Attributes:
        rows: What the table shows of each run.
    """

    _esm = joined("elements.js", "enhanced.js", "run_table.js")
    _css = joined("panel.css", "run_table.css")

    rows: traitlets.List[dict[str, Any]] = traitlets.List().tag(sync=True)

    def __init__(self, runs: Sequence[Run]) -> None:
        self._runs = list(runs)
        super().__init__(rows=[describe(run) for run in self._runs])

    def _answer(self, _: Any, content: Any, __: Any) -> None:
        if isinstance(content, dict) and content.get("ask") == "look":
            self.rows = [_fresh(run, row) for run, row in zip(self._runs, self.rows, strict=True)]


def show_runs(runs: RunTable) -> None:
    """Display the runs, as a table that can be sorted where there is a kernel and a browser."""
    view = RunTableView(runs)
    view.fallback = {RUNS_MIME: runs_bundle(runs, panel=view.host)}
    show_enhanced(view, repr(runs), runs._repr_html_())


def describe(run: Run) -> dict[str, Any]:
    """What the table shows of a run."""
    name, values = trend(run, _POINTS)
    best = run.best_value
    return {
        "ref": run.ref,
        "status": run.status,
        "queue": waiting(run),
        "monitor": run.monitor,
        "mode": run.mode,
        "best": best if best is not None and math.isfinite(best) else None,
        "trend": values,
        "trend_of": name,
        "epoch": run.epoch,
        "epochs": run.epochs,
        "seconds": run.seconds,
        "created_at": run.created_at,
        "model": run.model,
        "data": run.data,
        "tags": tags_text(run.tags),
        "notes": run.notes,
    }


def _fresh(run: Run, row: dict[str, Any]) -> dict[str, Any]:
    """The row of a run that may have moved on; of one that has ended as it was."""
    if row["status"] not in ACTIVE:
        return row
    try:
        return describe(run.refresh())
    except NotFoundError:
        return {**row, "status": "deleted"}
