"""Runs for the tests of the store."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

from lepton_nb.runs import Run, RunStore


def make_run(name: str | None, *, store: RunStore | None = None, **options: Any) -> Run:
    """A run as training would make it."""
    given: dict[str, Any] = {
        "task": "image-classification",
        "model": "LeptonCNN",
        "data": "cifar",
        "params": {},
        "monitor": "val_accuracy",
        "mode": "max",
        "epochs": 3,
    }
    return (store or RunStore()).create_run(name, **(given | options))


def python(code: str) -> str:
    """What a fresh process that runs `code` prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
