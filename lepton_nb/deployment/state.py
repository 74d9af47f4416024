"""A service's folder in the store: its settings with the tokens, its log, and what was live before."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lepton_nb.runs import home
from lepton_nb.runs.home import locked, private_folder, replacing

_TAIL = 256 << 10  # bytes at the end of a log that are looked at
_LONGEST_LOG = 8 << 20
KEPT = 5
"""Versions a service can go back through, and packages of each name that stay on disk."""


@dataclass(frozen=True)
class ServiceState:
    """Files of one service. The folder outlives the service, so that its name keeps its token and port.

    Attributes:
        path: ``services/<name>`` in the store, readable only by its owner.
    """

    path: Path

    @classmethod
    def of(cls, name: str) -> ServiceState:
        return cls(home() / "services" / name)

    @property
    def log_path(self) -> Path:
        return self.path / "service.log"

    def read_settings(self) -> dict[str, Any]:
        """The settings the service was last started with; empty where it never was."""
        settings: dict[str, Any] = self._read("service.json", {})
        return settings

    def write_settings(self, settings: dict[str, Any]) -> None:
        self._write("service.json", settings)

    def tokens(self) -> tuple[str, str]:
        """The clients' and the administrator's token: those of before, or new ones."""
        known = self.read_settings()
        return (
            known.get("token") or secrets.token_urlsafe(24),
            known.get("admin_token") or secrets.token_urlsafe(24),
        )

    def read_history(self) -> list[tuple[str, int]]:
        """Packages that were live, as ``(name, version)``, oldest first; the last one is live now."""
        return [(name, version) for name, version in self._read("history.json", [])]

    def write_history(self, history: list[tuple[str, int]]) -> None:
        self._write("history.json", history[-KEPT:])

    def read_versions(self) -> dict[str, str]:
        """Versions of the libraries that the server was started with; empty where that is not known."""
        versions: dict[str, str] = self._read("versions.json", {})
        return versions

    def write_versions(self, versions: dict[str, str]) -> None:
        self._write("versions.json", versions)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Only one process at a time starts, switches or stops this service; the others wait here."""
        private_folder(self.path)
        with locked(self.path / "lock"):
            yield

    @property
    def busy(self) -> bool:
        """Whether some process is starting, switching or stopping this service just now."""
        if not self.path.is_dir():
            return False
        with locked(self.path / "lock", wait=False) as free:
            return not free

    def tail(self, lines: int) -> str:
        """The last lines of the log."""
        try:
            with self.log_path.open("rb") as file:
                size = file.seek(0, 2)
                file.seek(max(0, size - _TAIL))
                text = file.read().decode("utf-8", "replace")
        except FileNotFoundError:
            return ""
        return "\n".join(text.splitlines()[-lines:]) if lines > 0 else ""

    def open_log(self) -> int:
        """A descriptor to append to the log. One grown too long begins anew; the old one is kept once."""
        private_folder(self.path)
        if self.log_path.exists() and self.log_path.stat().st_size > _LONGEST_LOG:
            self.log_path.replace(self.path / "service.log.1")
        return os.open(self.log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def _read(self, filename: str, default: Any) -> Any:
        try:
            return json.loads((self.path / filename).read_text("utf-8"))
        except (FileNotFoundError, ValueError):
            return default

    def _write(self, filename: str, value: Any) -> None:
        private_folder(self.path)
        with replacing(self.path / filename) as file:
            file.write(json.dumps(value, indent=2).encode())
