"""What changed in the store since the last look, cheaply."""

from __future__ import annotations

import sqlite3
import time
from dataclasses import dataclass, field
from typing import Any

from lepton_nb.lab.views import package_views, run_view
from lepton_nb.runs import Run, RunStore
from lepton_nb.runs.process import is_alive
from lepton_nb.runs.states import ACTIVE

_MARKS = (
    "SELECT seq, id, status, attempt, step, epoch, heartbeat_at, ended_at, best_step, notes, tags, error, "
    "total_steps, epochs, pid, pid_started, "
    "(SELECT count(*) FROM queue AS own JOIN queue AS other ON other.device = own.device "
    "AND other.ticket < own.ticket WHERE own.run = runs.seq) AS ahead FROM runs"
)
_PACKAGES = (
    "SELECT name, version, created_at, (SELECT group_concat(name) FROM deployments "
    "WHERE package = packages.name AND deployments.version = packages.version) AS deployments FROM packages"
)
_LIVENESS = 1.0  # seconds between two looks at the processes of running runs
_MOST = 200  # rows told of in one message


@dataclass
class Changes:
    """What is new.

    Attributes:
        runs: Rows that changed, as `run_view` shows them.
        before: Their status at the last look, by id; None for a new run.
    """

    runs: list[dict[str, Any]] = field(default_factory=list)
    removed_runs: list[str] = field(default_factory=list)
    before: dict[str, str | None] = field(default_factory=dict)
    packages: list[dict[str, Any]] = field(default_factory=list)
    removed_packages: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.runs or self.removed_runs or self.packages or self.removed_packages)


class Watch:
    """Compares the store with what it was at the last look. To be used by one thread at a time.

    SQLite's ``data_version`` tells for a few microseconds whether anybody wrote since; only then the rows are
    read, and of those that differ everything a list shows.
    """

    def __init__(self, store: RunStore) -> None:
        self._store = store
        self._version: tuple[int, int] | None = None
        self._marks: dict[str, tuple[Any, ...]] = {}
        self._packages: dict[tuple[str, int], tuple[Any, ...]] = {}
        self._alive_at = float("-inf")
        self.runs = 0

    def start(self) -> None:
        """Take the store as it is now for known."""
        self._version = self._data_version()
        self._marks = {mark[1]: mark for mark in self._read_marks()}
        self._packages = self._read_packages()
        self.runs = len(self._marks)

    def look(self) -> Changes:
        """What changed since the last look."""
        version = self._data_version()
        written = version != self._version
        now = time.monotonic()
        if not written and now - self._alive_at < _LIVENESS:
            return Changes()
        self._version, self._alive_at = version, now
        changes = Changes()
        if written or self._has_active():
            self._compare_runs(changes)
        if written:
            self._compare_packages(changes)
        return changes

    def _has_active(self) -> bool:
        return any(mark[2] in ACTIVE for mark in self._marks.values())

    def _data_version(self) -> tuple[int, int]:
        row = self._store.database.row("PRAGMA data_version")
        try:  # a store that was deleted and made anew is another file
            inode = self._store.database.path.stat().st_ino
        except OSError:
            inode = 0
        return (row[0] if row is not None else 0), inode

    def _read_marks(self) -> list[tuple[Any, ...]]:
        return [_with_life(row) for row in self._store.database.rows(_MARKS)]

    def _read_packages(self) -> dict[tuple[str, int], tuple[Any, ...]]:
        return {(row["name"], row["version"]): tuple(row) for row in self._store.database.rows(_PACKAGES)}

    def _compare_runs(self, changes: Changes) -> None:
        marks = {mark[1]: mark for mark in self._read_marks()}
        changed = [mark for id_, mark in marks.items() if self._marks.get(id_) != mark]
        changed.sort(key=lambda mark: -mark[0])
        for mark in changed[_MOST:]:  # told of at the next look
            if (known := self._marks.get(mark[1])) is not None:
                marks[mark[1]] = known
            else:
                del marks[mark[1]]
        changed = changed[:_MOST]
        if changed:
            holes = ", ".join("?" * len(changed))
            rows = self._store.database.rows(
                f"SELECT * FROM runs WHERE seq IN ({holes}) ORDER BY seq DESC", [mark[0] for mark in changed]
            )
            changes.runs = [run_view(Run(self._store, row)) for row in rows]
        for mark in changed:
            known = self._marks.get(mark[1])
            changes.before[mark[1]] = None if known is None else known[2]
        changes.removed_runs = [id_ for id_ in self._marks if id_ not in marks]
        self._marks, self.runs = marks, len(marks)

    def _compare_packages(self, changes: Changes) -> None:
        known = self._read_packages()
        if known == self._packages:
            return
        views = {(view["name"], view["version"]): view for view in package_views(self._store)}
        changed = [key for key, mark in known.items() if self._packages.get(key) != mark]
        changes.packages = [views[key] for key in changed if key in views]
        changes.removed_packages = [f"{n}/{v}" for n, v in self._packages if (n, v) not in known]
        self._packages = known


def _with_life(row: sqlite3.Row) -> tuple[Any, ...]:
    """The row as a tuple, with the status of a run whose process is gone."""
    mark = tuple(row)
    if row["status"] in ACTIVE and not is_alive(row["pid"], row["pid_started"]):
        return (*mark[:2], "interrupted", *mark[3:])
    return mark
