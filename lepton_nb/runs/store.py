"""The run store: every run, package and deployment of this user, in any notebook."""

from __future__ import annotations

import json
import re
import secrets
import shutil
import sqlite3
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from lepton_nb.errors import ArgumentError, NotFoundError, StoreError, did_you_mean
from lepton_nb.runs import process
from lepton_nb.runs.checkpoint import verify
from lepton_nb.runs.database import Database
from lepton_nb.runs.home import home, private_folder
from lepton_nb.runs.records import check_name, suggest_name
from lepton_nb.runs.registry import Registry
from lepton_nb.runs.run import Run
from lepton_nb.runs.states import ACTIVE, STATUSES

_SHORTEST_ID = 6
_SETTLED = 60.0  # seconds after which a folder without a run is no run that is just being made


class RunStore(Registry):
    """The runs, packages and deployments under one folder. Cheap to make; safe to share between threads.

    Args:
        root: The folder; `home()` where None.

    Raises:
        StoreError: From any method, where the store cannot be read or written; says what to do.
    """

    def __init__(self, root: Path | None = None) -> None:
        self.root = home() if root is None else Path(root)
        self.database = Database(self.root / "lepton.db")

    def create_run(
        self,
        name: str | None,
        *,
        task: str,
        model: str,
        data: str,
        params: Mapping[str, Any],
        monitor: str,
        mode: Literal["min", "max"],
        epochs: int,
        notebook: str | None = None,
    ) -> Run:
        """Make a run and its folder.

        Args:
            name: Its name; the same name again makes ``name@2``. Made from the model's where None.
            task: Name of the task.
            model: Name of the model, as people read it.
            data: Name of the data.
            params: The settings, as JSON.
            monitor: The metric that picks the best checkpoint, better as `mode` says.
            epochs: How many epochs it shall have.
            notebook: Path of the notebook it was started from.

        Raises:
            ArgumentError: If the name cannot be used.
        """
        if name is not None:
            check_name(name, "run")
        run_id = f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(10)}"
        folder = private_folder(self.root / "runs" / run_id)
        pid, started = process.current()
        try:
            with self.database.transaction() as connection:
                chosen = name if name is not None else _free_name(connection, model)
                newest = connection.execute(
                    "SELECT max(number) FROM runs WHERE name = ?", (chosen,)
                ).fetchone()[0]
                self.database.insert(
                    "runs",
                    {
                        "id": run_id,
                        "name": chosen,
                        "number": (newest or 0) + 1,
                        "status": "running",
                        "task": task,
                        "model": model,
                        "data": data,
                        "params": json.dumps(dict(params), default=str),
                        "monitor": monitor,
                        "mode": mode,
                        "epochs": epochs,
                        "notebook": notebook,
                        "created_at": time.time(),
                        "pid": pid,
                        "pid_started": started,
                    },
                )
        except BaseException:
            folder.rmdir()
            raise
        return self._one("id = ?", run_id)

    def get_run(self, ref: str) -> Run:
        """One run.

        Args:
            ref: ``cnn`` for the newest run of that name, ``cnn@2`` for its second, an id, or the first six or
                more digits of one.

        Raises:
            NotFoundError: If there is none; says the nearest name.
        """
        name, at, number = ref.rpartition("@")
        if at and number.isdecimal():
            row = self._row("name = ? AND number = ?", name, int(number))
        else:
            name = ref
            row = self._row("name = ? ORDER BY seq DESC", ref)
        if row is not None:
            return Run(self, row)
        if not at and len(ref) >= _SHORTEST_ID and re.fullmatch(r"[0-9a-f]+", ref):
            rows = self.database.rows("SELECT * FROM runs WHERE id GLOB ? LIMIT 2", (f"{ref}*",))
            if len(rows) == 1:
                return Run(self, rows[0])
            if rows:
                raise NotFoundError(
                    f"{ref!r} is the start of more than one run's id.", "Give more digits of it."
                )
        raise self._no_run(ref, name)

    def _no_run(self, ref: str, name: str) -> NotFoundError:
        rows = self.database.rows("SELECT number FROM runs WHERE name = ? ORDER BY number", (name,))
        if rows:
            shown = ", ".join(f"{name}@{row['number']}" for row in rows[-8:])
            return NotFoundError(f"There is no run {ref!r}.", f"There is {shown}.")
        hint = did_you_mean(name, self.run_names()) or "There are no runs yet: %lepton train makes one."
        return NotFoundError(f"There is no run {ref!r}.", hint)

    def list_runs(
        self, *, name: str | None = None, status: str | None = None, limit: int | None = None
    ) -> list[Run]:
        """Runs, newest first; only those of a name or status, and at most `limit`, where given.

        Raises:
            ArgumentError: If there is no such status.
        """
        if status is not None and status not in STATUSES:
            raise ArgumentError(f"There is no status {status!r}.", did_you_mean(status, STATUSES))
        stored = ACTIVE if status == "interrupted" else STATUSES if status is None else (status,)
        marks = ", ".join("?" * len(stored))
        rows = self.database.rows(
            f"SELECT * FROM runs WHERE status IN ({marks}) AND name = coalesce(?, name) ORDER BY seq DESC",
            (*stored, name),
        )
        found: list[Run] = []
        for row in rows:
            if limit is not None and len(found) >= limit:
                break
            run = Run(self, row)
            if status is None or run.status == status:  # whether it was interrupted is only known now
                found.append(run)
        return found

    def run_names(self) -> list[str]:
        """Names of the runs, the most recently used first."""
        rows = self.database.rows("SELECT name FROM runs GROUP BY name ORDER BY max(seq) DESC")
        return [row["name"] for row in rows]

    def delete_run(self, run: Run) -> None:
        """Delete a run: its history, checkpoints and files. Packages made from it stay.

        Raises:
            StoreError: If it is being trained.
        """
        run.refresh()
        if run.status in ACTIVE:
            raise StoreError(
                f"Run {run.ref} is being trained by process {run.pid}.",
                f"Stop it first: %lepton stop {run.ref}",
            )
        self.database.execute("DELETE FROM runs WHERE id = ?", (run.id,))
        shutil.rmtree(run.path, ignore_errors=True)

    def check(self) -> list[str]:
        """What is wrong with the store, one sentence each: for `%lepton doctor`. Reads every checkpoint."""
        try:
            found = self.database.problems()
            runs = {run.id: run for run in self.list_runs()}
        except StoreError as error:
            return [str(error)]
        folder = self.root / "runs"
        for run in runs.values():
            if not run.path.is_dir():
                found.append(f"The folder of run {run.ref} is missing: {run.path}.")
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            if path.name not in runs and time.time() - path.stat().st_mtime > _SETTLED:
                found.append(f"{path} belongs to no run; it can be deleted.")
        for path in sorted(folder.glob("*/checkpoints/*.safetensors")):
            try:
                verify(path)
            except FileNotFoundError:
                continue  # a live run let go of it just now
            except StoreError as error:
                found.append(error.message)
        for record in self.list_packages():
            if not record.path.is_dir():
                found.append(
                    f"The folder of package {record.name} {record.version} is missing: {record.path}."
                )
        return found

    def _one(self, condition: str, *parameters: Any) -> Run:
        row = self._row(condition, *parameters)
        assert row is not None
        return Run(self, row)

    def _row(self, condition: str, *parameters: Any) -> sqlite3.Row | None:
        return self.database.row(f"SELECT * FROM runs WHERE {condition}", parameters)


def _free_name(connection: sqlite3.Connection, model: str) -> str:
    """``leptoncnn-1`` for LeptonCNN, then ``leptoncnn-2``."""
    base = suggest_name(model) or "run"
    taken = {row["name"] for row in connection.execute("SELECT DISTINCT name FROM runs")}
    number = 1
    while f"{base}-{number}" in taken:
        number += 1
    return f"{base}-{number}"
