"""A few numbers of many runs, cheaply: what a list of runs shows of each."""

from __future__ import annotations

import math
from collections.abc import Sequence

from lepton_nb.runs.history import History
from lepton_nb.runs.run import Run

_LATEST = (
    "SELECT * FROM (SELECT key, value FROM metrics WHERE run = ?1 AND key = {key} AND step <= ?2 "
    "ORDER BY step DESC, attempt DESC LIMIT 1)"
)
_ANY_STEP = 1 << 62
_VALUES = "SELECT avg(value) AS value FROM metrics WHERE run = ? AND key = ? GROUP BY step / ? ORDER BY step"
_LAST_STEP = "SELECT max(step) AS step FROM metrics WHERE run = ? AND key = ?"


def latest(run: Run, names: Sequence[str]) -> dict[str, float]:
    """The newest finite value of each of those metrics that the run logged."""
    wanted = list(dict.fromkeys(names))
    # What an earlier attempt logged beyond the place it was resumed from no longer counts.
    newest = run.step if run.attempt > 1 else _ANY_STEP
    each = [_LATEST.format(key=f"?{place}") for place in range(3, 3 + len(wanted))]
    rows = run.store.database.rows(" UNION ALL ".join(each), (run.sequence, newest, *wanted))
    return {
        row["key"]: float(row["value"])
        for row in rows
        if row["value"] is not None and math.isfinite(row["value"])
    }


def trend(run: Run, points: int) -> tuple[str, list[float]]:
    """The monitored metric's name and values, evenly thinned to `points`.

    Before it has two values, it is the loss of the steps. Values that are not finite are left out.
    """
    for name in (run.monitor, "loss"):
        values = _values(run, name, points)
        if len(values) > 1:
            return name, values
    return run.monitor, []


def thin_curve(values: Sequence[float], points: int) -> list[int]:
    """Indices of at most `points` of the values that keep the curve's shape.

    Of every stretch its smallest and its largest value stay, so that no spike is lost; so do the first and
    the last value. Values that are not finite count as neither.
    """
    count = len(values)
    if count <= points:
        return list(range(count))
    kept = {0, count - 1}
    stretches = max(1, (points - 2) // 2)
    for index in range(stretches):
        start, end = index * count // stretches, (index + 1) * count // stretches
        finite = [place for place in range(start, end) if math.isfinite(values[place])]
        if finite:
            kept.add(min(finite, key=values.__getitem__))
            kept.add(max(finite, key=values.__getitem__))
    return sorted(kept)


def _values(run: Run, name: str, points: int) -> list[float]:
    database = run.store.database
    if run.attempt > 1:  # rows of earlier attempts may have been superseded
        history = History(database, run.sequence)
        found = history[name][1] if name in history else []
        return [value for value in thin(found, points) if math.isfinite(value)]
    stride = 1
    if name == "loss":  # one a step: too many to read them all
        last = database.row(_LAST_STEP, (run.sequence, name))
        stride = max(1, ((last["step"] or 0) if last is not None else 0) // points)
    rows = database.rows(_VALUES, (run.sequence, name, stride))
    return thin([row["value"] for row in rows if row["value"] is not None], points)


def thin(values: Sequence[float], points: int) -> list[float]:
    """At most `points` of the values, evenly spaced, the last one among them."""
    if len(values) <= points:
        return list(values)
    last = len(values) - 1
    return [values[round(index * last / (points - 1))] for index in range(points)]
