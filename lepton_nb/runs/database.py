"""Connections to the SQLite file: one for each process and thread, with errors that say what to do."""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lepton_nb.errors import StoreError
from lepton_nb.runs.home import MOVE_HINT, private_folder
from lepton_nb.runs.schema import migrate

_PATIENCE = 20.0  # seconds to wait for another process's write
_INHERITED: list[sqlite3.Connection] = []


class _Held:
    """A connection, closed with the thread or store that used it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.pid = os.getpid()

    def __del__(self) -> None:
        if self.pid == os.getpid():
            self.connection.close()
        else:  # SQLite forbids even closing what came through a fork
            _INHERITED.append(self.connection)


class Database:
    """The store's SQLite file. Nothing is opened or made before the first use.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._local = threading.local()

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[sqlite3.Row]:
        """What a SELECT finds."""
        with self._explained():
            return self._connection().execute(sql, parameters).fetchall()

    def row(self, sql: str, parameters: Sequence[Any] = ()) -> sqlite3.Row | None:
        """The first row a SELECT finds, if any."""
        with self._explained():
            found: sqlite3.Row | None = self._connection().execute(sql, parameters).fetchone()
            return found

    def execute(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> None:
        """Run one statement that changes rows; alone, or as part of this thread's transaction."""
        with self._explained():
            self._connection().execute(sql, parameters)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All of the block's changes, or none; no other process writes meanwhile."""
        with self._explained():
            connection = self._connection()
            try:
                # Within the block: an interrupt may strike the moment the transaction has begun.
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def insert(self, table: str, values: Mapping[str, Any]) -> None:
        """Add a row; `values` by column."""
        columns, marks = ", ".join(values), ", ".join(f":{column}" for column in values)
        self.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", values)

    def problems(self) -> list[str]:
        """What SQLite's own checks find wrong with the file."""
        return [f"{self.path}: {row[0]}" for row in self.rows("PRAGMA integrity_check(20)") if row[0] != "ok"]

    def _connection(self) -> sqlite3.Connection:
        held: _Held | None = getattr(self._local, "held", None)
        if held is None or held.pid != os.getpid():
            held = self._local.held = _Held(self._open())
        return held.connection

    def _open(self) -> sqlite3.Connection:
        private_folder(self.path.parent)
        connection = sqlite3.connect(
            self.path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False
        )
        try:
            # Its WAL files take its mode. Never open the file here: closing it would drop the locks that
            # other connections of this process hold (https://sqlite.org/howtocorrupt.html, 2.2).
            if stat.S_IMODE(self.path.stat().st_mode) & 0o077:
                self.path.chmod(0o600)
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA foreign_keys = ON")
            _use_wal(connection)
            migrate(connection, self.path)
        except BaseException:
            connection.close()
            raise
        return connection

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise self._explain(error) from error

    def _explain(self, error: sqlite3.Error) -> StoreError:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        folder = self.path.parent
        if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
            return StoreError(
                f"The run store could not be written: {error}. Nothing recorded before is lost.",
                f"Free some space (df -h {folder}), then resume the run.",
            )
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return StoreError(
                f"Another process has kept the run store {self.path} locked for {_PATIENCE:.0f} s.",
                "Wait for that process, or end it if it hangs.",
            )
        if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
            return StoreError(f"The run store cannot write in {folder}: {error}.", MOVE_HINT)
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            return StoreError(
                f"The run store {self.path} is damaged: {error}.",
                f"Move it away; the checkpoints are safe in {folder / 'runs'}. {MOVE_HINT}",
            )
        return StoreError(f"The run store {self.path} failed: {error}.", "Run %lepton doctor.")


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch the file to WAL once. SQLite does not wait for others here, so this does."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
