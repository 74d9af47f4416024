"""Fixtures every test shares: a run store of its own, and where the real data lies."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from lepton_nb.packaging import Package

# Test processes share the cores, and OpenMP's threads would spin on each other. Set before torch loads.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(autouse=True)
def lepton_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A run store of its own, not the user's, whose services end with the test."""
    home = tmp_path / "lepton"
    monkeypatch.setenv("LEPTON_HOME", str(home))
    yield home
    if not (home / "services").is_dir():
        return
    from lepton_nb.deployment import lifecycle

    monkeypatch.setenv("LEPTON_HOME", str(home))  # the test may have moved on to another
    for server in lifecycle.find_servers():
        lifecycle.end(server["pid"], server["started"], patience=2.0)


@pytest.fixture(autouse=True)
def main_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process's own ``__main__`` comes back: an IPython shell puts that of its notebook in its place."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with the real data sets; tests that need it skip where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"the real data sets are not at {SHARED_DATA}")
    return SHARED_DATA


@pytest.fixture(scope="session")
def net_package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    """The package of a tiny image classifier, for tests that only read it."""
    from tests.serving_support import make_package

    return make_package(tmp_path_factory.mktemp("packages") / "net")
