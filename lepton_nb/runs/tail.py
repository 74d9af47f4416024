"""Following a run's history while another process writes it."""

from __future__ import annotations

import math
from collections.abc import Callable

from lepton_nb.runs.history import _KEYS
from lepton_nb.runs.run import Run

Row = tuple[int, int, dict[str, float]]

_NEW = """
SELECT step, epoch, value FROM metrics WHERE run = ? AND key = ? AND step > ? AND attempt = ? ORDER BY step
"""


class Tail:
    """The points of a run's history, each given once.

    Args:
        run: The run.
        wanted: Says of a metric's name whether its points are wanted.
    """

    def __init__(self, run: Run, wanted: Callable[[str], bool]) -> None:
        self._run = run
        self._wanted = wanted
        self._last: dict[str, int] = {}
        self._attempt = -1

    def read(self) -> tuple[list[Row], bool]:
        """The rows of ``(step, epoch, metrics)`` that came since the last call, and whether they begin anew.

        They do the first time, and where the run was resumed meanwhile: points after the checkpoint it went
        on from are then no longer those of its path.
        """
        anew = self._run.attempt != self._attempt
        if anew:
            self._attempt = self._run.attempt
            return self._everything(), True
        database, seq = self._run.store.database, self._run._seq
        rows: list[Row] = []
        for found in database.rows(_KEYS, (seq,)):
            key = found["key"]
            if not self._wanted(key):
                continue
            last = self._last.get(key, -1)
            new = database.rows(_NEW, (seq, key, last, self._attempt))
            rows += [(step, epoch, {key: math.nan if value is None else value}) for step, epoch, value in new]
            self._last[key] = new[-1]["step"] if new else last
        return rows, False

    def _everything(self) -> list[Row]:
        history = self._run.history()
        self._last = {}
        rows: list[Row] = []
        for key in history:
            if self._wanted(key):
                steps, values = history[key]
                rows += [(step, 0, {key: value}) for step, value in zip(steps, values, strict=True)]
                self._last[key] = steps[-1] if steps else -1
        return rows
