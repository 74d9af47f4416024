"""The small files in a run's folder: settings, signature, source, log."""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any

from lepton_nb.errors import ArgumentError, StoreError
from lepton_nb.runs.home import explain, replacing


class RunFolder:
    """Reads and writes files by plain name in a folder.

    Attributes:
        path: The folder.
    """

    path: Path

    def write_json(self, filename: str, obj: Any) -> Path:
        """Write a JSON file in the run's folder, whole or not at all, readable by this user only."""
        return self.write_text(filename, json.dumps(obj, indent=2, default=_plain) + "\n")

    def read_json(self, filename: str, default: Any = None) -> Any:
        """What a JSON file in the run's folder holds; `default` where there is none.

        Raises:
            StoreError: If it is damaged.
        """
        text = self.read_text(filename)
        if text is None:
            return default
        try:
            return json.loads(text)
        except ValueError as error:
            raise StoreError(f"{self.path / filename} is damaged: {error}.") from error

    def write_text(self, filename: str, text: str) -> Path:
        """Write a text file in the run's folder, whole or not at all, readable by this user only."""
        path = self._file(filename)
        with replacing(path) as file:
            file.write(text.encode())
        return path

    def read_text(self, filename: str) -> str | None:
        """A text file in the run's folder; None where there is none."""
        path = self._file(filename)
        try:
            return path.read_text("utf-8")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise StoreError(f"{path} cannot be read: {error}.") from error

    def _file(self, filename: str) -> Path:
        if Path(filename).name != filename:
            raise ArgumentError(f"{filename!r} is not a plain file name.", "For example config.json")
        return self.path / filename

    @property
    def log_path(self) -> Path:
        """The run's text log."""
        return self.path / "log.txt"

    def append_log(self, text: str) -> None:
        """Append a line, with the time, to the run's text log."""
        stamped = f"{datetime.now().isoformat(sep=' ', timespec='seconds')}  {text.rstrip()}\n"
        try:
            descriptor = os.open(self.log_path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            with open(descriptor, "ab") as file:
                file.write(stamped.encode())
        except OSError as error:
            raise explain(error, self.log_path) from error


def _plain(value: Any) -> Any:
    """JSON for numpy's numbers and arrays, and for paths."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"a {type(value).__name__} cannot be written as JSON")
