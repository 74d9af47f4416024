"""The data sets that runs were trained on."""

from __future__ import annotations

from collections import Counter
from typing import Any

from lepton_nb.errors import StoreError
from lepton_nb.runs import Run, RunStore


def list_datasets(store: RunStore) -> dict[str, Any]:
    """Every data set some run was trained on, the one used last first."""
    runs = store.list_runs()
    counts = Counter(run.data for run in runs)
    newest: dict[str, Run] = {}
    for run in runs:
        newest.setdefault(run.data, run)
    return {"datasets": [_view(run, counts[name]) for name, run in newest.items()]}


def _view(run: Run, count: int) -> dict[str, Any]:
    try:
        spec = run.read_json("data.json") or {}
    except StoreError:  # a damaged file takes nothing else away
        spec = {}
    return {
        "name": run.data,
        "task": run.task,
        "source": spec.get("source"),
        "where": spec.get("where"),
        "options": spec.get("options", {}),
        "sizes": spec.get("sizes", {}),
        "runs": count,
        "last_run": run.ref,
        "used_at": run.created_at,
    }
