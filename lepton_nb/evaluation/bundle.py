"""An evaluation as one JSON object that a notebook keeps: the lab draws it without a kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lepton_nb.evaluation.report import class_table
from lepton_nb.plots.drawn.lab import lab_chart, plain

if TYPE_CHECKING:
    from lepton_nb.evaluation.result import EvaluationResult

MIME = "application/vnd.lepton.evaluation+json"
VERSION = 2

_MOST_CLASSES = 50  # of the table


def evaluation_bundle(result: EvaluationResult) -> dict[str, Any]:
    """What the renderer of `MIME` draws: JSON without NaN; the charts cut down to what can be looked at."""
    classes = class_table(result, _MOST_CLASSES)
    charts = [*result.charts, *([] if classes is None else [classes])]
    return {
        "version": VERSION,
        "name": result.name,
        "task": result.task.name,
        "data": result.data_name,
        "split": result.split,
        "items": result.items,
        "checkpoint": None if result.checkpoint is None else {"epoch": result.checkpoint.epoch},
        "metrics": plain(result.metrics),
        "labels": result.labels,
        "charts": [lab_chart(chart) for chart in charts],
        "notes": result.notes,
        "seconds": result.seconds,
        "created_at": result.created_at,
    }
