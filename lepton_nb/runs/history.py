"""What a run measured, metric by metric."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from lepton_nb.errors import NotFoundError, did_you_mean
from lepton_nb.runs.database import Database

if TYPE_CHECKING:
    import pandas as pd

Points = tuple[list[int], list[float]]
Series = tuple[list[int], list[int], list[float], list[float]]
"""Steps, epochs, values and times (unix seconds) of a metric."""

_KEYS = """
WITH RECURSIVE found (key) AS (
    SELECT min(key) FROM metrics WHERE run = ?1
    UNION ALL
    SELECT (SELECT min(key) FROM metrics WHERE run = ?1 AND key > found.key)
    FROM found WHERE found.key IS NOT NULL
)
SELECT key FROM found WHERE key IS NOT NULL
"""
_POINTS = """
SELECT step, attempt, epoch, value, timestamp FROM metrics
WHERE run = ? AND key = ? AND step >= ? AND timestamp > ? ORDER BY step, attempt
"""
_ANY_POINT = "SELECT 1 FROM metrics WHERE run = ? AND key = ? AND attempt = ? AND step <= ? LIMIT 1"
_ANY_STEP = 1 << 62


class UnknownMetricError(NotFoundError, KeyError):
    """The run logged no metric of that name."""


class History(Mapping[str, Points]):
    """The points of every metric: ``history["val_loss"]`` is ``(steps, values)``.

    Steps ascend, each once. Where a run was resumed, the points are those of the path that led to its newest
    state: what an earlier attempt logged beyond the checkpoint that was resumed from is left out. Each metric
    is read when it is first asked for, and not again.
    """

    def __init__(self, database: Database, run: int) -> None:
        self._database = database
        self._run = run
        self._points: dict[str, Series] = {}
        starts = database.rows(
            "SELECT attempt, from_step FROM attempts WHERE run = ? ORDER BY attempt", (run,)
        )
        self._limits = {0: math.inf}
        for row in starts:
            if row["from_step"] is not None:
                self._limits = {key: min(old, row["from_step"]) for key, old in self._limits.items()}
            self._limits[row["attempt"]] = math.inf
        names = [row["key"] for row in database.rows(_KEYS, (run,))]
        self._names = [name for name in names if len(self._limits) <= 2 or self._has_points(name)]

    def __getitem__(self, key: str) -> Points:
        """``(steps, values)`` of a metric.

        Raises:
            NotFoundError: If there is no such metric (a `KeyError` too).
        """
        steps, _, values, _ = self.series(key)
        return steps, values

    def series(self, key: str, *, from_step: int = -1, after: float = 0.0) -> Series:
        """``(steps, epochs, values, times)`` of a metric.

        Args:
            from_step: Only points of this step and later ones: where that is near the end, few are read.
            after: Only points logged later than this, in unix seconds.

        Raises:
            NotFoundError: If there is no such metric (a `KeyError` too).
        """
        if key not in self._names:
            raise UnknownMetricError(f"The run logged no metric {key!r}.", did_you_mean(key, self._names))
        return self._read(key) if from_step < 0 and after <= 0 else self._select(key, from_step, after)

    def __contains__(self, key: object) -> bool:
        return key in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __repr__(self) -> str:
        shown = ", ".join(f"{name} ({len(self[name][0])})" for name in self)
        return f"History({shown})"

    def last(self, key: str) -> float | None:
        """The newest value of a metric; None where there is none."""
        return self[key][1][-1] if key in self else None

    def epochs(self) -> pd.DataFrame:
        """One row an epoch (from 0), one column a metric, of the metrics measured once an epoch."""
        import pandas as pd

        columns = {}
        for name in self:
            _, epochs, values, _ = self._read(name)
            if len(set(epochs)) == len(epochs):
                columns[name] = pd.Series(values, index=epochs)
        frame = pd.DataFrame(columns).sort_index()
        return frame.rename_axis("epoch")

    def frame(self) -> pd.DataFrame:
        """One row a step, one column a metric and one for the epoch; NaN where a metric has no point."""
        import pandas as pd

        epoch_of: dict[int, int] = {}
        columns = {}
        for name in self:
            steps, epochs, values, _ = self._read(name)
            epoch_of.update(zip(steps, epochs, strict=True))
            columns[name] = pd.Series(values, index=steps)
        frame = pd.DataFrame({"epoch": pd.Series(epoch_of, dtype="int64"), **columns}).sort_index()
        return frame.rename_axis("step")

    def _has_points(self, key: str) -> bool:
        """Whether anything of the metric is left of what earlier attempts logged, without reading it all."""
        return any(
            self._database.row(_ANY_POINT, (self._run, key, attempt, min(limit, _ANY_STEP))) is not None
            for attempt, limit in self._limits.items()
        )

    def _read(self, key: str) -> Series:
        if key not in self._points:
            self._points[key] = self._select(key, -1, 0.0)
        return self._points[key]

    def _select(self, key: str, from_step: int, after: float) -> Series:
        points: dict[int, tuple[int, float, float]] = {}
        for step, attempt, epoch, value, at in self._database.rows(
            _POINTS, (self._run, key, from_step, after)
        ):
            if step <= self._limits.get(attempt, math.inf):
                points[step] = (epoch, math.nan if value is None else value, at)
        rows = points.values()
        return list(points), [row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows]
