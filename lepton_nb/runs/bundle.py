"""A run as one JSON object that a notebook keeps: the lab draws it without a kernel and without the store."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from lepton_nb.runs.history import History
from lepton_nb.runs.overview import thin_curve
from lepton_nb.runs.run import Run

MIME = "application/vnd.lepton.run+json"
RUNS_MIME = "application/vnd.lepton.runs+json"
VERSION = 1

_POINTS = 300  # of one curve: a notebook with many runs stays small
_DIGITS = 6
_FACTS = (
    *("id", "name", "number", "ref", "status", "task", "model", "data", "monitor", "mode", "epochs", "epoch"),
    *("step", "total_steps", "attempt", "best_value", "best_step", "error", "tags", "notes", "created_at"),
    *("begun_at", "ended_at", "seconds"),
)


def run_bundle(
    run: Run, *, status: str | None = None, summary: Sequence[tuple[str, str]] = (), next_: Sequence[str] = ()
) -> dict[str, Any]:
    """What the renderer of `MIME` draws.

    Args:
        run: The run.
        status: What it is about to be, where the store does not know yet.
        summary: Labels and texts of what a reader shall know, in order.
        next_: The lines one would type now.

    Returns:
        JSON without NaN: ``version``, ``run``, ``config``, ``summary``, ``next`` and ``series``, which holds
        of each metric the ``step`` and ``value`` of at most 300 points.
    """
    history = run.history()
    return {
        "version": VERSION,
        "run": _facts(run) | ({"status": status} if status is not None else {}),
        "config": {name: finite(value) for name, value in run.params.items()},
        "summary": [list(row) for row in summary],
        "next": list(next_),
        "steps_per_epoch": run.vitals.get("steps_per_epoch"),
        "series": {name: _series(history, name) for name in history},
    }


def runs_bundle(runs: Iterable[Run], **about: Any) -> dict[str, Any]:
    """What the renderer of `RUNS_MIME` draws: the facts of each run, and what else is known of them all."""
    return {"version": VERSION, "runs": [_facts(run) for run in runs], **about}


def _facts(run: Run) -> dict[str, Any]:
    facts = {name: finite(getattr(run, name)) for name in _FACTS}
    return {**facts, "device": run.vitals.get("device")}


def finite(value: Any) -> Any:
    """`value`, with None for a number that JSON cannot hold."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _series(history: History, name: str) -> dict[str, list[Any]]:
    steps, values = history[name]
    kept = thin_curve(values, _POINTS)
    return {
        "step": [steps[place] for place in kept],
        "value": [_rounded(values[place]) for place in kept],
    }


def _rounded(value: float) -> float | None:
    return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else None
