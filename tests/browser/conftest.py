"""A lab for the tests of a file, and a page on it that leaves nothing running."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

import lepton_nb
from tests.browser.lab import Lab, open_page, start_lab
from tests.test_training_background import wait_for


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with start_lab(tmp_path_factory.mktemp("lab")) as server:
        yield server


@pytest.fixture
def page(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    """A page, in a process whose run store is that of the lab."""
    monkeypatch.setenv("LEPTON_HOME", str(lab.home))
    try:
        with open_page() as page:
            yield page
    finally:
        for service in lepton_nb.deployments():
            service.stop()
        for run in lepton_nb.list_runs():
            if run.status in ("queued", "running", "paused"):
                run.request("stop")
                wait_for(lambda: run.refresh().status == "stopped")  # noqa: B023
