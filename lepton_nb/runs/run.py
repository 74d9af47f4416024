"""A run: one training, on disk from its first step."""

from __future__ import annotations

import json
import math
import os
import sqlite3
import threading
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from lepton_nb.errors import ArgumentError, NotFoundError, StoreError
from lepton_nb.runs import process
from lepton_nb.runs.checkpoints import Checkpoint, CheckpointFolder, Which
from lepton_nb.runs.display import card, line
from lepton_nb.runs.folder import RunFolder
from lepton_nb.runs.history import History
from lepton_nb.runs.home import sweep
from lepton_nb.runs.retention import Retention

if TYPE_CHECKING:
    from lepton_nb.runs.store import RunStore

Status = Literal["queued", "running", "paused", "finished", "stopped", "failed", "interrupted"]
Action = Literal["stop", "pause", "resume", "lr"]
STATUSES = ("queued", "running", "paused", "finished", "stopped", "failed", "interrupted")
ACTIVE = ("queued", "running", "paused")
_ACTIONS = ("stop", "pause", "resume", "lr")
_MOST_ROWS = 256
_LONGEST_WAIT = 0.5  # seconds a logged value may wait for its flush
_HEARTBEAT = 1.0
_WARNINGS = "warnings.json"
_ADD_METRIC = """
INSERT INTO metrics (run, key, step, attempt, epoch, value, timestamp) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET epoch = excluded.epoch, value = excluded.value, timestamp = excluded.timestamp
"""


class Run(RunFolder):
    """One training: its row in the store, its folder, and what of it lives in this process.

    The attributes are the row as it was last read; `refresh` reads it again. Made by `RunStore`.

    Attributes:
        id: 32 hexadecimal digits that sort by time.
        number: Which run of its `name` it is, from 1; ``ref`` is ``name@number``.
        status: ``queued`` for its device, ``running``, ``paused``, ``finished``, ``stopped``, ``failed``; or
            ``interrupted``, where it was running and its process is gone.
        params: The settings, as JSON.
        monitor: The metric that picks the best checkpoint; better is ``min`` or ``max`` as `mode` says.
        epochs: How many it shall have; `epoch` is how many are done, `step` how many optimizer steps.
        attempt: How many times it was begun: 1, and one more for each resume.
        vitals: What the process that trains it last said of itself: device, speed, learning rate, memory.
        created_at: Unix seconds, as are `begun_at` (the last start or resume), `ended_at`, `heartbeat_at`.
        live: Objects of this process, never on disk: ``model``, ``data``.
    """

    id: str
    name: str
    number: int
    ref: str
    status: Status
    task: str
    model: str
    data: str
    params: dict[str, Any]
    vitals: dict[str, Any]
    monitor: str
    mode: Literal["min", "max"]
    epochs: int
    epoch: int
    step: int
    total_steps: int | None
    attempt: int
    best_value: float | None
    best_step: int | None
    error: str | None
    tags: dict[str, str]
    notes: str
    notebook: str | None
    created_at: float
    ended_at: float | None
    pid: int | None
    pid_started: float | None
    begun_at: float | None
    heartbeat_at: float | None
    seconds_before: float

    def __init__(self, store: RunStore, row: sqlite3.Row) -> None:
        self.store = store
        self.live: dict[str, Any] = {}
        self._warnings: list[str] = []
        self._lock = threading.RLock()
        self._rows: list[tuple[Any, ...]] = []
        self._progress: tuple[int, int, dict[str, Any]] | None = None
        self._flushed_at = self._beat_at = self._begun = time.monotonic()
        self._take(row)
        self.path = store.root / "runs" / self.id
        self._checkpoints = CheckpointFolder(self.path / "checkpoints", self.ref)

    def _take(self, row: sqlite3.Row) -> None:
        self._seq: int = row["seq"]
        for field in set(row.keys()) - {"seq", "request", "params", "tags", "vitals"}:
            setattr(self, field, row[field])
        self.params, self.tags = json.loads(row["params"]), json.loads(row["tags"])
        self.vitals = json.loads(row["vitals"])
        self.ref = f"{self.name}@{self.number}"
        if self.status in ACTIVE and not process.is_alive(self.pid, self.pid_started):
            self.status = "interrupted"

    @property
    def sequence(self) -> int:
        """Its place among all runs of the store: the key of its rows."""
        return self._seq

    @property
    def seconds(self) -> float:
        """How long it has been trained; the time between an interruption and a resume does not count."""
        until = time.time() if self.status in ACTIVE else self.ended_at or self.heartbeat_at
        return _add_seconds(self.seconds_before, self.begun_at, until)

    @property
    def warnings(self) -> list[str]:
        """What its user must know: what was said by `warn`, and in this process was got around."""
        known = self.read_json(_WARNINGS, [])
        self._warnings[:0] = [said for said in known if said not in self._warnings]
        return self._warnings

    def warn(self, text: str) -> None:
        """Say something once that stays with the run: in its summary, its folder and its log."""
        known = self.read_json(_WARNINGS, [])
        if text not in known:
            self.write_json(_WARNINGS, [*known, text])
            self.append_log(text)
        if text not in self._warnings:
            self._warnings.append(text)

    def refresh(self) -> Run:
        """Read the row again; returns the run itself.

        Raises:
            NotFoundError: If it was deleted.
        """
        self.flush()
        row = self.store.database.row("SELECT * FROM runs WHERE seq = ?", (self._seq,))
        if row is None:
            raise NotFoundError(f"Run {self.ref} was deleted.")
        self._take(row)
        return self

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
            spent = _add_seconds(
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
        self.refresh()
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

    def annotate(self, *, notes: str | None = None, tags: Mapping[str, str | None] | None = None) -> None:
        """Replace the notes, and set or replace the given tags; a tag of None is taken away."""
        with self.store.database.transaction() as connection:
            row = connection.execute("SELECT notes, tags FROM runs WHERE seq = ?", (self._seq,)).fetchone()
            self.notes = row["notes"] if notes is None else notes
            merged = {**json.loads(row["tags"]), **(tags or {})}
            self.tags = {name: value for name, value in merged.items() if value is not None}
            connection.execute(
                "UPDATE runs SET notes = ?, tags = ? WHERE seq = ?",
                (self.notes, json.dumps(self.tags), self._seq),
            )

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

    def history(self) -> History:
        """Everything measured so far."""
        self.flush()
        return History(self.store.database, self._seq)

    def request(self, action: Action, value: float | None = None) -> None:
        """Ask the process that trains it to stop, pause or resume, or to change its learning rate.

        It obeys between two steps, in the order it was asked.

        Args:
            action: ``stop``, ``pause``, ``resume`` or ``lr``.
            value: Of ``lr``: the new peak learning rate, as the setting of that name.

        Raises:
            ArgumentError: If there is no such action, or the learning rate cannot be one.
            StoreError: If no process trains it.
        """
        if action not in _ACTIONS:
            raise ArgumentError(f"There is no action {action!r}.", f"One of: {', '.join(_ACTIONS)}")
        if action == "lr" and not (isinstance(value, (int, float)) and 0 <= value < math.inf):
            raise ArgumentError(f"The learning rate is {value!r}; expected 0 or more.", "For example 1e-3")
        self.refresh()
        waits = self.status == "queued" and action != "stop"
        if self.status not in ACTIVE or waits:
            hint = f"To go on with it: %lepton resume {self.ref}" if action == "resume" else None
            hint = f"To take it out of the queue: %lepton stop {self.ref}" if waits else hint
            verb = "change" if action == "lr" else action
            raise StoreError(f"Run {self.ref} is {self.status}, so there is nothing to {verb}.", hint)
        asked = action if action != "lr" else f"lr {value!r}"
        self.store.database.execute(
            "UPDATE runs SET request = coalesce(request || char(10), '') || ? WHERE seq = ?",
            (asked, self._seq),
        )

    def take_request(self) -> str | None:
        """What another process asked for first since the last call, if anything: ``stop``, ``lr 0.001``."""
        row = self.store.database.row("SELECT request FROM runs WHERE seq = ?", (self._seq,))
        asked: str | None = row["request"] if row is not None else None
        if asked is None:
            return None
        action, _, rest = asked.partition("\n")
        # What was appended since it was read stays.
        self.store.database.execute(
            "UPDATE runs SET request = nullif(substr(request, ?), '') "
            "WHERE seq = ? AND substr(request, 1, length(?)) = ?",
            (len(asked) - len(rest) + 1, self._seq, asked, asked),
        )
        return action

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

    def checkpoints(self) -> list[Checkpoint]:
        """The checkpoints on disk, newest first."""
        return self._checkpoints.list()

    def load_checkpoint(self, which: Which = "last") -> tuple[Checkpoint, dict[str, Any]]:
        """A checkpoint and its state, on the CPU.

        A damaged one is passed over for the one before it, which `warnings` then tells.

        Args:
            which: ``last``, ``best`` (the last where none was marked best), or a step.

        Raises:
            NotFoundError: If there is none of that step.
            StoreError: If none can be read.
        """
        checkpoint, state, warning = self._checkpoints.load(which)
        if warning is not None:
            self.warnings.append(warning)
        return checkpoint, state

    def __repr__(self) -> str:
        return line(self)

    def _repr_html_(self) -> str:
        return card(self)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        """Data for the lab to draw, beside the card and the line of text."""
        from lepton_nb.runs.bundle import MIME, run_bundle

        return {MIME: run_bundle(self)}


def _add_seconds(before: float, begun_at: float | None, until: float | None) -> float:
    return before if begun_at is None or until is None else before + max(until - begun_at, 0.0)
