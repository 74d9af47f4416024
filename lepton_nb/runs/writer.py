"""Writing a run: what the process that trains it says of it, from its first step to its end."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from lepton_nb.errors import ArgumentError, NotFoundError, StoreError
from lepton_nb.runs import process
from lepton_nb.runs.checkpoints import Checkpoint
from lepton_nb.runs.home import sweep
from lepton_nb.runs.retention import Retention
from lepton_nb.runs.row import RunRow, add_seconds
from lepton_nb.runs.states import ACTIVE, STATUSES, Status

if TYPE_CHECKING:
    from lepton_nb.runs.store import RunStore

_MOST_ROWS = 256
_LONGEST_WAIT = 0.5  # seconds a logged value may wait for its flush
_HEARTBEAT = 1.0
_ADD_METRIC = """
INSERT INTO metrics (run, key, step, attempt, epoch, value, timestamp) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET epoch = excluded.epoch, value = excluded.value, timestamp = excluded.timestamp
"""


class RunWriter(Protocol):
    """What a training needs of its run: all that it writes, and what others asked of it.

    In this process that is the `Run` itself, over SQLite and a folder. On another machine it is whatever
    carries these calls to where the store is.
    """

    def begin(
        self, total_steps: int | None = None, *, from_step: int | None = None, epochs: int | None = None
    ) -> None: ...

    def heartbeat(self, *, epoch: int, step: int, vitals: Mapping[str, Any] | None = None) -> None: ...

    def log_many(self, rows: Sequence[tuple[int, int, Mapping[str, float]]]) -> None: ...

    def flush(self) -> None: ...

    def take_request(self) -> str | None: ...

    def save_checkpoint(
        self,
        state: Mapping[str, Any],
        *,
        step: int,
        epoch: int,
        value: float | None,
        best: bool,
        keep: int | Retention,
    ) -> Checkpoint: ...

    def set_status(self, status: Status, error: str | None = None) -> None: ...

    def record_params(self, params: Mapping[str, Any]) -> None: ...


class LocalWriter(RunRow):
    """Writes to the store of this machine."""

    def __init__(self, store: RunStore, row: sqlite3.Row) -> None:
        self._lock = threading.RLock()
        self._rows: list[tuple[Any, ...]] = []
        self._progress: tuple[int, int, dict[str, Any]] | None = None
        self._flushed_at = self._beat_at = self._begun = time.monotonic()
        super().__init__(store, row)

    def begin(
        self, total_steps: int | None = None, *, from_step: int | None = None, epochs: int | None = None
    ) -> None:
        """Claim the run for this process, at the start and on every resume.

        Args:
            total_steps: How many steps it will have in the end, if known.
            from_step: The step of the checkpoint it goes on from. History beyond it stays in the store as an
                earlier attempt's, and no longer shows. None leaves out nothing, except where this attempt
                logs the same step.
            epochs: How many epochs it shall have now, where that changed.

        Raises:
            StoreError: If another live process owns it.
            NotFoundError: If it was deleted.
        """
        pid, started = process.current()
        now = time.time()
        with self.store.database.transaction() as connection:
            row = connection.execute("SELECT * FROM runs WHERE seq = ?", (self._seq,)).fetchone()
            if row is None:
                raise NotFoundError(f"Run {self.ref} was deleted.")
            begun = row["attempt"] > 0 or row["status"] == "queued"
            owned = begun and row["status"] in ACTIVE and row["pid"] != pid
            if owned and process.is_alive(row["pid"], row["pid_started"]):
                raise StoreError(
                    f"Run {self.ref} is being trained by process {row['pid']}.",
                    f"Wait for it, or stop it: %lepton stop {self.ref}",
                )
            attempt = row["attempt"] + 1
            spent = add_seconds(
                row["seconds_before"], row["begun_at"], row["ended_at"] or row["heartbeat_at"]
            )
            # What was asked of an earlier attempt is over; what was asked while it was queued is not.
            asked = row["request"] if row["status"] == "queued" else None
            connection.execute(
                "UPDATE runs SET status = 'running', attempt = ?, total_steps = ?, "
                "epochs = coalesce(?, epochs), pid = ?, pid_started = ?, begun_at = ?, heartbeat_at = ?, "
                "seconds_before = ?, error = NULL, ended_at = NULL, request = ? WHERE seq = ?",
                (attempt, total_steps, epochs, pid, started, now, now, spent, asked, self._seq),
            )
            connection.execute(
                "INSERT INTO attempts (run, attempt, from_step, pid, started_at) VALUES (?, ?, ?, ?, ?)",
                (self._seq, attempt, from_step, pid, now),
            )
        self._begun = time.monotonic()
        self._read_again()
        sweep(self.path)
        for checkpoint in self.checkpoints():
            if checkpoint.best and checkpoint.step != self.best_step:
                self._record_best(checkpoint)  # the process before died between the file and the row

    def heartbeat(self, *, epoch: int, step: int, vitals: Mapping[str, Any] | None = None) -> None:
        """Say that it is alive and how far it is. Reaches the store once a second, and with every flush."""
        self.vitals = self.vitals if vitals is None else dict(vitals)
        self._progress = (epoch, step, self.vitals)
        self.epoch, self.step = epoch, step
        if time.monotonic() - self._beat_at >= _HEARTBEAT:
            self.flush()

    def set_status(self, status: Status, error: str | None = None) -> None:
        """Record that it now runs, waits, or has ended, and why.

        Raises:
            ArgumentError: If there is no such status, or it is one that only follows from others.
        """
        if status not in STATUSES or status == "interrupted":
            raise ArgumentError(f"A run cannot be set to {status!r}.", f"One of: {', '.join(STATUSES[:-1])}")
        self.flush()
        now = time.time()
        ended = None if status in ACTIVE else now
        begun = (
            self._begun_at(now) if self.begun_at is not None and self.pid == os.getpid() else self.begun_at
        )
        self.store.database.execute(
            "UPDATE runs SET status = ?, error = ?, begun_at = ?, ended_at = ? WHERE seq = ?",
            (status, error, begun, ended, self._seq),
        )
        self.status, self.error, self.begun_at, self.ended_at = status, error, begun, ended

    def _begun_at(self, now: float) -> float:
        """When this process began it, by the clock as it is set now."""
        return now - (time.monotonic() - self._begun)

    def record_params(self, params: Mapping[str, Any]) -> None:
        """Replace the settings on record, where others took effect than those it was created with."""
        text = json.dumps(dict(params), default=str)
        self.store.database.execute("UPDATE runs SET params = ? WHERE seq = ?", (text, self._seq))
        self.params = json.loads(text)

    def log(self, step: int, metrics: Mapping[str, float], epoch: int) -> None:
        """Append the values of some metrics at a step; they reach the store within half a second of logging.

        Raises:
            ArgumentError: If a value is not a number.
        """
        self.log_many([(step, epoch, metrics)])

    def log_many(self, rows: Sequence[tuple[int, int, Mapping[str, float]]]) -> None:
        """Append many rows of ``(step, epoch, metrics)``; see `log`."""
        now, attempt, seq = time.time(), self.attempt, self._seq
        new: list[tuple[Any, ...]] = []
        for step, epoch, metrics in rows:
            for key, value in metrics.items():
                try:
                    new.append((seq, key, int(step), attempt, int(epoch), float(value), now))
                except (TypeError, ValueError) as error:
                    raise ArgumentError(
                        f"The metric {key!r} at step {step} is {value!r}, not a number."
                    ) from error
        with self._lock:
            self._rows += new
            due = len(self._rows) >= _MOST_ROWS or time.monotonic() - self._flushed_at >= _LONGEST_WAIT
        if due:
            self.flush()

    def flush(self) -> None:
        """Write what was logged; afterwards not even a SIGKILL loses it.

        Raises:
            StoreError: If it cannot be written; it is kept for the next flush.
        """
        with self._lock:
            if not self._rows and self._progress is None:
                return
            with self.store.database.transaction() as connection:
                connection.executemany(_ADD_METRIC, self._rows)
                if self._progress is not None:
                    epoch, step, vitals = self._progress
                    # Counted back from now, so that a clock set meanwhile adds nothing to the time trained.
                    now = time.time()
                    connection.execute(
                        "UPDATE runs SET epoch = ?, step = ?, vitals = ?, heartbeat_at = ?, begun_at = ? "
                        "WHERE seq = ? AND pid = ?",
                        (epoch, step, json.dumps(vitals), now, self._begun_at(now), self._seq, os.getpid()),
                    )
            self._rows, self._progress = [], None
            self._flushed_at = self._beat_at = time.monotonic()

    def save_checkpoint(
        self,
        state: Mapping[str, Any],
        *,
        step: int,
        epoch: int,
        value: float | None,
        best: bool,
        keep: int | Retention,
    ) -> Checkpoint:
        """Write a checkpoint; then let go of those that need not stay.

        What was logged is flushed first, so that a run resumed from here has no gap in its history.

        Args:
            state: What `load_checkpoint` shall give back; see `write_state`.
            step: Optimizer steps done.
            epoch: Index of the epoch in progress.
            value: The monitored metric of these weights, where they were validated.
            best: Whether it is the best so far.
            keep: How many of the newest stay beside the best one, or a `Retention`.

        Raises:
            StoreError: If it cannot be written, for example on a full disk; the ones before are intact.
        """
        self.flush()
        saved = self._checkpoints.save(
            state,
            step=step,
            epoch=epoch,
            value=value,
            best=best,
            attempt=self.attempt,
            keep=keep if isinstance(keep, Retention) else Retention(keep),
            mode=self.mode,
        )
        if best:
            self._record_best(saved)
        return saved

    def _record_best(self, checkpoint: Checkpoint) -> None:
        self.best_value, self.best_step = checkpoint.value, checkpoint.step
        self.store.database.execute(
            "UPDATE runs SET best_value = ?, best_step = ? WHERE seq = ?",
            (self.best_value, self.best_step, self._seq),
        )
