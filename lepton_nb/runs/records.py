"""What the store knows of packages and deployments, and the names everything in it may have."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from pathlib import Path

from lepton_nb.errors import ArgumentError

_NAME = re.compile(r"[A-Za-z0-9][\w.-]*", re.ASCII)
_LONGEST = 100


@dataclass(frozen=True)
class PackageRecord:
    """One version of a packaged model.

    Attributes:
        path: The package's folder.
        sha256: Digest of the package; the only digest this user's services run code for.
        formats: What it can be served from, such as ``onnx``.
        created_at: Unix seconds.
    """

    name: str
    version: int
    run_id: str
    path: Path
    sha256: str
    task: str
    formats: tuple[str, ...]
    created_at: float


@dataclass
class DeploymentRecord:
    """A service as it was last known.

    Attributes:
        pid: The server's process, and its start (`pid_started`, see `process.started`): stop no other.
        package: Name of the package it serves, and `version` of it.
        previous_version: What `rollback` goes back to.
        lifetime: ``detached`` outlives the kernel, ``kernel`` does not.
        state_dir: The service's own folder: token, log.
        created_at: Unix seconds.
    """

    name: str
    url: str
    host: str
    port: int
    pid: int | None
    pid_started: float | None
    package: str
    version: int
    previous_version: int | None = None
    lifetime: str = "detached"
    state_dir: Path | None = None
    created_at: float = field(default_factory=time.time)
    status: str = "starting"


def check_name(name: str, what: str) -> str:
    """The name, if it can stand in a path, a URL and a command line.

    Raises:
        ArgumentError: If it cannot.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name) or len(name) > _LONGEST:
        raise ArgumentError(
            f"{name!r} cannot be the name of a {what}.",
            f"Use letters, digits, '_', '-' and '.', a letter or digit first, at most {_LONGEST} in all: "
            f"{suggest_name(str(name)) or what + '-1'}",
        )
    return name


def suggest_name(text: str) -> str:
    """`text` made into a valid name, lower case; empty where nothing of it can be kept."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[: _LONGEST - 10]
