"""Packages and deployments in the store: what was made from the runs, and what is served."""

from __future__ import annotations

import dataclasses
import json
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path

from lepton_nb.errors import NotFoundError, did_you_mean
from lepton_nb.runs.database import Database
from lepton_nb.runs.records import DeploymentRecord, PackageRecord, check_name


class Registry:
    """The part of the run store that knows packages and deployments."""

    database: Database

    def add_package(
        self, name: str, *, run_id: str, path: Path, sha256: str, task: str, formats: Sequence[str]
    ) -> PackageRecord:
        """Record a package as the next version of its name.

        Raises:
            ArgumentError: If the name cannot be used.
        """
        check_name(name, "package")
        with self.database.transaction() as connection:
            newest = connection.execute(
                "SELECT max(version) FROM packages WHERE name = ?", (name,)
            ).fetchone()[0]
            record = PackageRecord(
                name, (newest or 0) + 1, run_id, Path(path), sha256, task, tuple(formats), time.time()
            )
            packed = {"path": str(path), "formats": json.dumps(record.formats)}
            self.database.insert("packages", dataclasses.asdict(record) | packed)
        return record

    def get_package(self, name: str, version: int | None = None) -> PackageRecord:
        """A version of a package; the newest where None.

        Raises:
            NotFoundError: If there is none; says the nearest name.
        """
        found = self.list_packages(name)
        for record in found:
            if version in (None, record.version):
                return record
        if found:
            shown = ", ".join(str(record.version) for record in found)
            raise NotFoundError(f"Package {name!r} has no version {version}.", f"There is {shown}.")
        names = {record.name for record in self.list_packages()}
        raise NotFoundError(f"There is no package {name!r}.", did_you_mean(name, names))

    def list_packages(self, name: str | None = None) -> list[PackageRecord]:
        """Packages, newest first; only those of a name where given."""
        rows = self.database.rows(
            "SELECT * FROM packages WHERE name = coalesce(?, name) ORDER BY rowid DESC",
            (name,),
        )
        return [_package(row) for row in rows]

    def find_package_by_sha(self, sha256: str) -> PackageRecord | None:
        """The package of that digest, if this store made one: only such a package's code may run."""
        row = self.database.row("SELECT * FROM packages WHERE sha256 = ? ORDER BY rowid DESC", (sha256,))
        return None if row is None else _package(row)

    def delete_package(self, name: str, version: int) -> None:
        """Forget a package; its folder is the caller's to remove."""
        self.database.execute("DELETE FROM packages WHERE name = ? AND version = ?", (name, version))

    def save_deployment(self, record: DeploymentRecord) -> None:
        """Record a service, in place of what was known under its name.

        Raises:
            ArgumentError: If the name cannot be used.
        """
        check_name(record.name, "deployment")
        folder = None if record.state_dir is None else str(record.state_dir)
        with self.database.transaction():
            self.delete_deployment(record.name)
            self.database.insert("deployments", dataclasses.asdict(record) | {"state_dir": folder})

    def get_deployment(self, name: str) -> DeploymentRecord:
        """The service of that name.

        Raises:
            NotFoundError: If there is none; says the nearest name.
        """
        row = self.database.row("SELECT * FROM deployments WHERE name = ?", (name,))
        if row is not None:
            return _deployment(row)
        known = [record.name for record in self.list_deployments()]
        hint = did_you_mean(name, known) or "There are no deployments yet: %lepton deploy RUN makes one."
        raise NotFoundError(f"There is no deployment {name!r}.", hint)

    def list_deployments(self) -> list[DeploymentRecord]:
        """All services, newest first."""
        return [
            _deployment(row)
            for row in self.database.rows("SELECT * FROM deployments ORDER BY created_at DESC")
        ]

    def delete_deployment(self, name: str) -> None:
        """Forget a service; nothing happens where there is none."""
        self.database.execute("DELETE FROM deployments WHERE name = ?", (name,))


def _package(row: sqlite3.Row) -> PackageRecord:
    return PackageRecord(
        **{**dict(row), "path": Path(row["path"]), "formats": tuple(json.loads(row["formats"]))}
    )


def _deployment(row: sqlite3.Row) -> DeploymentRecord:
    folder = row["state_dir"]
    return DeploymentRecord(**{**dict(row), "state_dir": None if folder is None else Path(folder)})
