"""Finding runs: search, filters, order and pages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from lepton_nb.errors import ArgumentError, did_you_mean
from lepton_nb.lab.views import run_view
from lepton_nb.runs import Run, RunStore
from lepton_nb.runs.states import STATUSES

_SORTS: dict[str, Callable[[Run], Any]] = {
    "created_at": lambda run: run.created_at,
    "name": lambda run: (run.name.lower(), run.number),
    "status": lambda run: STATUSES.index(run.status),
    "model": lambda run: run.model.lower(),
    "data": lambda run: run.data.lower(),
    "best_value": lambda run: run.best_value,
    "epoch": lambda run: run.epoch,
    "seconds": lambda run: run.seconds,
}


@dataclass(frozen=True)
class Query:
    """Which runs, in what order.

    Attributes:
        search: Words that all must occur in the name, model, data, notes or tags; case does not matter.
        statuses: Any of these; all where empty.
        equal: Values that fields must have, such as ``{"model": "LeptonCNN"}``.
        tag: ``key`` or ``key=value`` that the run must have.
        sort: A field, with ``-`` before it for the largest first.
    """

    search: str = ""
    statuses: Sequence[str] = ()
    equal: tuple[tuple[str, str], ...] = ()
    tag: str = ""
    sort: str = "-created_at"
    offset: int = 0
    limit: int = 100
    spark: int = 32


def find_runs(store: RunStore, query: Query) -> dict[str, Any]:
    """A page of runs, how many there are in all, and how many of each status.

    Raises:
        ArgumentError: If there is no such status or field to sort by.
    """
    for status in query.statuses:
        if status not in STATUSES:
            raise ArgumentError(f"There is no status {status!r}.", did_you_mean(status, STATUSES))
    matching = [run for run in store.list_runs() if _matches(run, query)]
    counts: Counter[str] = Counter(run.status for run in matching)
    found = [run for run in matching if not query.statuses or run.status in query.statuses]
    page = _sorted(found, query.sort)[query.offset : query.offset + query.limit]
    return {
        "runs": [run_view(run, query.spark) for run in page],
        "total": len(found),
        "counts": {status: counts[status] for status in STATUSES if counts[status]},
    }


def _matches(run: Run, query: Query) -> bool:
    if any(str(getattr(run, name)) != value for name, value in query.equal):
        return False
    key, equals, value = query.tag.partition("=")
    if key and (key not in run.tags or (equals and str(run.tags[key]) != value)):
        return False
    words = query.search.lower().split()
    if not words:
        return True
    tags = " ".join(f"{key}={value}" for key, value in run.tags.items())
    text = f"{run.ref} {run.id} {run.model} {run.data} {run.task} {run.status} {run.notes} {tags}".lower()
    return all(word in text for word in words)


def _sorted(runs: list[Run], sort: str) -> list[Run]:
    """The runs in order; those without a value come last either way, equal ones newest first."""
    name, down = sort.removeprefix("-"), sort.startswith("-")
    if name not in _SORTS:
        raise ArgumentError(f"Runs cannot be sorted by {name!r}.", did_you_mean(name, _SORTS))
    key = _SORTS[name]
    known = [run for run in runs if key(run) is not None]
    unknown = [run for run in runs if key(run) is None]
    return sorted(known, key=key, reverse=down) + unknown
