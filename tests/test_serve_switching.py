"""Changing versions while clients ask, and going back."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from lepton_nb.packaging import Package
from tests.serving_support import TOKEN, Front, expected_labels, front, is_alive, make_package, pictures

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> list[Package]:
    folder = tmp_path_factory.mktemp("packages")
    return [make_package(folder / str(seed), seed=seed) for seed in (0, 5, 6)]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, packages: list[Package]) -> Iterator[Front]:
    with front(tmp_path_factory.mktemp("state"), packages[0]) as running:
        yield running


class Load:
    """Clients that ask without a pause, each on one connection or on a new one for every request."""

    def __init__(self, server: Front, expected: dict[int, list[str]]) -> None:
        self.server = server
        self.expected = expected
        self.body = {"inputs": pictures(3).tolist()}
        self.answers = 0
        self.failures: list[str] = []
        self.versions: set[int] = set()
        self._done = threading.Event()
        kinds = (True, True, False, False)
        self._threads = [threading.Thread(target=self._ask, args=(kept,)) for kept in kinds]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, kept: bool) -> None:
        limits = httpx.Limits(max_keepalive_connections=1 if kept else 0)
        headers = {"Authorization": f"Bearer {TOKEN}"}
        with httpx.Client(headers=headers, limits=limits, trust_env=False, timeout=20) as client:
            while not self._done.is_set():
                try:
                    answer = client.post(f"{self.server.url}/predict", json=self.body)
                    found = answer.json()
                    labels = [item["label"] for item in found["predictions"]]
                except (httpx.TransportError, KeyError) as error:
                    self.failures.append(repr(error))
                    continue
                if answer.status_code != 200 or labels != self.expected[found["version"]]:
                    self.failures.append(answer.text)
                self.versions.add(found["version"])
                self.answers += 1


def test_many_switches_under_load_lose_no_request(server: Front, packages: list[Package]) -> None:
    """Back and forth between three versions, so that workers are started, kept warm, taken up and let go."""
    inputs = pictures(3).numpy()
    expected = {n: expected_labels(package, inputs) for n, package in enumerate(packages, 1)}
    with Load(server, expected) as load:
        for version in (2, 1, 2, 3, 2, 3, 1, 2, 1):
            before = load.answers
            assert server.activate(packages[version - 1], version).status_code == 200
            server.wait_for(lambda before=before: load.answers > before + 10)
    assert load.failures == []
    assert load.versions == {1, 2, 3}
    assert server.stats()["restarts"] == 0


def test_the_version_before_stays_loaded(server: Front, packages: list[Package]) -> None:
    server.activate(packages[0], 1)
    first = server.stats()["worker_pid"]
    assert server.activate(packages[1], 2).json()["standby_version"] == 1
    second = server.stats()["worker_pid"]
    back = server.activate(packages[0], 1).json()
    assert (back["worker_pid"], back["standby_version"]) == (first, 2), "nothing was loaded anew"
    server.activate(packages[2], 3)
    server.wait_for(lambda: not is_alive(second))
    assert is_alive(first)


def test_a_version_kept_warm_that_dies_is_no_failure(server: Front, packages: list[Package]) -> None:
    import os
    import signal

    server.activate(packages[0], 1)
    warm = server.stats()["worker_pid"]
    server.activate(packages[1], 2)
    os.kill(warm, signal.SIGKILL)
    server.wait_for(lambda: server.stats()["standby_version"] is None)
    stats = server.stats()
    assert (stats["state"], stats["restarts"], stats["error"]) == ("ready", 0, "")
    assert server.activate(packages[0], 1).status_code == 200
    assert server.predict(pictures(1)).json()["version"] == 1


def test_a_version_kept_warm_is_let_go_in_time(tmp_path: Path, packages: list[Package]) -> None:
    with front(tmp_path, packages[0], keep_warm=0.3) as server:
        old = server.stats()["worker_pid"]
        server.activate(packages[1], 2)
        server.wait_for(lambda: not is_alive(old))
        assert server.stats()["standby_version"] is None
        assert server.activate(packages[0], 1).status_code == 200
