"""What a run was made with: python, packages, machine and the state of the source."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

# Those that can change a result. Looked up, not imported.
_PACKAGES = (
    "lepton-nb",
    "torch",
    "torchvision",
    "numpy",
    "pandas",
    "pillow",
    "safetensors",
    "scikit-learn",
    "tokenizers",
    "torchmetrics",
)
_PATIENCE = 5.0  # seconds for git, on a slow network drive


def provenance(folder: Path) -> dict[str, Any]:
    """What is installed, on what machine, and the git revision of `folder`.

    Returns:
        ``python``, ``platform``, ``machine``, ``cpus``, ``packages`` (versions by name) and ``git``:
        ``{"revision": ..., "branch": ..., "dirty": ...}``, or None outside a repository. ``dirty`` is whether
        a tracked file differs from the revision.
    """
    return {
        "python": platform.python_version(),
        "executable": sys.executable,
        "platform": platform.platform(),
        "machine": platform.machine(),
        "cpus": os.cpu_count(),
        "packages": {name: found for name in _PACKAGES if (found := _version(name)) is not None},
        "git": _git_state(Path(folder)),
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _git_state(folder: Path) -> dict[str, Any] | None:
    revision = _git(folder, "rev-parse", "HEAD")
    if revision is None:
        return None
    changes = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return {
        "revision": revision,
        "branch": _git(folder, "rev-parse", "--abbrev-ref", "HEAD"),
        "dirty": None if changes is None else bool(changes),
    }


def _git(folder: Path, *arguments: str) -> str | None:
    """What git prints, or None where it is missing, slow, or the folder is in no repository."""
    # No locks and no monitor: looking must not touch the user's repository nor run what its config names.
    command = ["git", "-C", str(folder), "-c", "core.fsmonitor=false", *arguments]
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE, env=environment)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
