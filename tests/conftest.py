"""Fixtures every test shares: a run store of its own, and where the real data lies."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# Test processes share the cores, and OpenMP's threads would spin on each other. Set before torch loads.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(autouse=True)
def lepton_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh run store, so that no test reads or writes the user's own."""
    home = tmp_path / "lepton"
    monkeypatch.setenv("LEPTON_HOME", str(home))
    return home


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with the real data sets; tests that need it skip where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"the real data sets are not at {SHARED_DATA}")
    return SHARED_DATA
