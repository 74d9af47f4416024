"""A run as it lies in the store: its row, its folder and its checkpoints, to read."""

from __future__ import annotations

import json
import sqlite3
import time
from typing import TYPE_CHECKING, Any, Literal

from lepton_nb.errors import NotFoundError
from lepton_nb.runs import process
from lepton_nb.runs.checkpoints import Checkpoint, CheckpointFolder, Which
from lepton_nb.runs.folder import RunFolder
from lepton_nb.runs.states import ACTIVE, Status

if TYPE_CHECKING:
    from lepton_nb.runs.store import RunStore

_WARNINGS = "warnings.json"


class RunRow(RunFolder):
    """The attributes are the row as it was last read; `refresh` reads it again.

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
        trains = self.status in ("running", "paused")
        until = time.time() if trains else self.ended_at or self.heartbeat_at
        return add_seconds(self.seconds_before, self.begun_at, until)

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

    def _read_again(self) -> None:
        row = self.store.database.row("SELECT * FROM runs WHERE seq = ?", (self._seq,))
        if row is None:
            raise NotFoundError(f"Run {self.ref} was deleted.")
        self._take(row)

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


def add_seconds(before: float, begun_at: float | None, until: float | None) -> float:
    """Seconds trained before, and since it was begun."""
    return before if begun_at is None or until is None else before + max(until - begun_at, 0.0)
