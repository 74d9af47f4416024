"""The tables of the store, in MLflow's words, and how older files become the newest.

``metrics`` is append-only. Every start of a run is an *attempt*; a resume says from which step it goes on
(``from_step``). Rows of earlier attempts beyond that step stay in the table, but readers leave them out, and
where two attempts logged the same step the newer one counts. So nothing is ever rewritten, and nothing shows
twice.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from lepton_nb.errors import StoreError

_FIRST = (
    """
    CREATE TABLE runs (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        name TEXT NOT NULL,
        number INTEGER NOT NULL,
        status TEXT NOT NULL,
        task TEXT NOT NULL,
        model TEXT NOT NULL,
        data TEXT NOT NULL,
        params TEXT NOT NULL,
        monitor TEXT NOT NULL,
        mode TEXT NOT NULL,
        epochs INTEGER NOT NULL,
        epoch INTEGER NOT NULL DEFAULT 0,
        step INTEGER NOT NULL DEFAULT 0,
        total_steps INTEGER,
        attempt INTEGER NOT NULL DEFAULT 0,
        best_value REAL,
        best_step INTEGER,
        error TEXT,
        tags TEXT NOT NULL DEFAULT '{}',
        notes TEXT NOT NULL DEFAULT '',
        notebook TEXT,
        created_at REAL NOT NULL,
        ended_at REAL,
        pid INTEGER,
        pid_started REAL,
        begun_at REAL,
        heartbeat_at REAL,
        seconds_before REAL NOT NULL DEFAULT 0,
        request TEXT,
        UNIQUE (name, number)
    )
    """,
    """
    CREATE TABLE attempts (
        run INTEGER NOT NULL REFERENCES runs (seq) ON DELETE CASCADE,
        attempt INTEGER NOT NULL,
        from_step INTEGER,
        pid INTEGER NOT NULL,
        started_at REAL NOT NULL,
        PRIMARY KEY (run, attempt)
    ) WITHOUT ROWID
    """,
    # Clustered by key, then step: one metric of one run is one contiguous read. A NULL value is NaN.
    """
    CREATE TABLE metrics (
        run INTEGER NOT NULL REFERENCES runs (seq) ON DELETE CASCADE,
        key TEXT NOT NULL,
        step INTEGER NOT NULL,
        attempt INTEGER NOT NULL,
        epoch INTEGER NOT NULL,
        value REAL,
        timestamp REAL NOT NULL,
        PRIMARY KEY (run, key, step, attempt)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE packages (
        name TEXT NOT NULL,
        version INTEGER NOT NULL,
        run_id TEXT NOT NULL,
        path TEXT NOT NULL,
        sha256 TEXT NOT NULL,
        task TEXT NOT NULL,
        formats TEXT NOT NULL,
        created_at REAL NOT NULL,
        PRIMARY KEY (name, version)
    )
    """,
    "CREATE INDEX packages_by_sha256 ON packages (sha256)",
    """
    CREATE TABLE deployments (
        name TEXT PRIMARY KEY,
        url TEXT NOT NULL,
        host TEXT NOT NULL,
        port INTEGER NOT NULL,
        pid INTEGER,
        pid_started REAL,
        package TEXT NOT NULL,
        version INTEGER NOT NULL,
        previous_version INTEGER,
        lifetime TEXT NOT NULL,
        state_dir TEXT,
        created_at REAL NOT NULL,
        status TEXT NOT NULL
    )
    """,
)

# Who trains on a device in the background, and who waits: the lowest ticket of a live process goes first.
_BACKGROUND = (
    "ALTER TABLE runs ADD COLUMN vitals TEXT NOT NULL DEFAULT '{}'",
    """
    CREATE TABLE queue (
        ticket INTEGER PRIMARY KEY AUTOINCREMENT,
        device TEXT NOT NULL,
        run INTEGER NOT NULL UNIQUE REFERENCES runs (seq) ON DELETE CASCADE,
        pid INTEGER NOT NULL,
        pid_started REAL NOT NULL
    )
    """,
    "CREATE INDEX queue_by_device ON queue (device, ticket)",
)

# What the machine did, over time; metrics are over steps.
_SAMPLES = (
    """
    CREATE TABLE samples (
        run INTEGER NOT NULL REFERENCES runs (seq) ON DELETE CASCADE,
        key TEXT NOT NULL,
        timestamp REAL NOT NULL,
        value REAL,
        PRIMARY KEY (run, key, timestamp)
    ) WITHOUT ROWID
    """,
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (_FIRST, _BACKGROUND, _SAMPLES)
"""What makes version n of the schema from version n - 1. Never edit one that was released; add one."""


def migrate(
    connection: sqlite3.Connection, path: Path, migrations: Sequence[Sequence[str]] = MIGRATIONS
) -> None:
    """Bring the file to the newest version, in one transaction.

    Raises:
        StoreError: If a newer lepton_nb wrote it.
    """
    newest = len(migrations)
    if _version(connection) == newest:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = _version(connection)  # another process may have been first
        if version > newest:
            raise StoreError(
                f"{path} was written by a newer lepton_nb (schema {version}, this one knows {newest}).",
                "Upgrade with pip install -U lepton-nb, or set LEPTON_HOME to another folder.",
            )
        for statements in migrations[version:]:
            for statement in statements:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {newest}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
