"""What the service does when the model dies, hangs or lies, when too much comes, and when it has to stop."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
import psutil
import pytest

from lepton_nb.packaging import Package
from tests.serving_support import (
    TOKEN,
    Front,
    expected_labels,
    front,
    is_alive,
    make_package,
    pictures,
    wait_until_listening,
)

pytestmark = pytest.mark.slow

# A model whose graph cannot be exported, because what it does depends on the values of the input.
UNRULY = """\
import os
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(64, 3)

    def forward(self, x):
        marks = x.flatten(1)[:, 0].tolist()
        if 77.0 in marks:
            os.abort()
        if 55.0 in marks:
            raise ValueError("fifty-five is not a picture")
        return self.fc(x.flatten(1))
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    return make_package(tmp_path_factory.mktemp("packages") / "net")


@pytest.fixture(scope="module")
def unruly(tmp_path_factory: pytest.TempPathFactory) -> Package:
    package = make_package(tmp_path_factory.mktemp("packages") / "unruly", source=UNRULY)
    assert package.manifest.formats == ("source",)
    return package


@pytest.fixture(scope="module")
def unruly_server(tmp_path_factory: pytest.TempPathFactory, unruly: Package) -> Iterator[Front]:
    """One service for all that the model itself does wrong: each test leaves it ready."""
    with front(tmp_path_factory.mktemp("state"), unruly, trusted=True, time_limit=90.0) as running:
        running.client.timeout = httpx.Timeout(100.0)  # a worker with torch takes its time to start
        assert running.stats()["format"] == "source"
        yield running


def marked(value: float) -> np.ndarray:
    inputs = pictures(1).numpy()
    inputs[0, 0, 0, 0] = value
    return inputs


def in_threads(*calls: object) -> list[threading.Thread]:
    threads = [threading.Thread(target=call) for call in calls]  # type: ignore[arg-type]
    for thread in threads:
        thread.start()
    return threads


@contextmanager
def busy(server: Front) -> Iterator[None]:
    """The worker is held at one request while the block runs, so that others queue."""
    worker = server.stats()["worker_pid"]
    os.kill(worker, signal.SIGSTOP)
    (thread,) = in_threads(lambda: server.predict(marked(0.0)))
    try:
        server.wait_for(lambda: server.stats()["in_flight"] == 1)
        yield
    finally:
        os.kill(worker, signal.SIGCONT)
        thread.join()


def queued(server: Front, *values: float) -> tuple[list[threading.Thread], dict[float, httpx.Response]]:
    """Requests that wait in the queue, and their answers to come."""
    answers: dict[float, httpx.Response] = {}
    waiting = server.stats()["queue"]

    def ask(value: float) -> None:
        answers[value] = server.predict(marked(value))

    threads = in_threads(*(lambda value=value: ask(value) for value in values))
    server.wait_for(lambda: server.stats()["queue"] == waiting + len(values))
    return threads, answers


def test_a_killed_worker_is_replaced(tmp_path: Path, package: Package) -> None:
    with front(tmp_path, package) as server:
        first = server.stats()["worker_pid"]
        os.kill(first, signal.SIGKILL)
        server.wait_for(lambda: server.stats()["worker_pid"] not in (None, first))
        inputs = pictures(2).numpy()
        answer = server.predict(inputs).json()
        assert [item["label"] for item in answer["predictions"]] == expected_labels(package, inputs)
        assert server.stats()["restarts"] == 1
        assert not is_alive(first)


def test_one_failing_request_does_not_spoil_its_batch(unruly_server: Front) -> None:
    with busy(unruly_server):
        threads, answers = queued(unruly_server, 1.0, 55.0, 2.0)
    for thread in threads:
        thread.join()
    assert {value: answer.status_code for value, answer in answers.items()} == {1.0: 200, 55.0: 500, 2.0: 200}
    assert "fifty-five is not a picture" in answers[55.0].json()["error"]
    assert "fifty-five is not a picture" in unruly_server.log


def test_a_model_that_aborts_fails_its_own_request_only(unruly_server: Front) -> None:
    """The others of its batch are run again by themselves, by the worker that takes its place."""
    restarts = unruly_server.stats()["restarts"]
    with busy(unruly_server):
        threads, answers = queued(unruly_server, 1.0, 77.0, 2.0)
    for thread in threads:
        thread.join()
    assert {value: answer.status_code for value, answer in answers.items()} == {1.0: 200, 77.0: 500, 2.0: 200}
    assert "crashed on this input: its process was ended by SIGABRT" in answers[77.0].json()["error"]
    assert unruly_server.predict(marked(0.0)).status_code == 200
    stats = unruly_server.stats()
    assert (stats["restarts"], stats["state"], stats["error"]) == (restarts + 2, "ready", "")


def test_a_hung_model_is_ended_at_the_time_limit(tmp_path: Path, package: Package) -> None:
    with front(tmp_path, package, time_limit=1.0) as server:
        hung = server.stats()["worker_pid"]
        os.kill(hung, signal.SIGSTOP)
        started = time.monotonic()
        answer = server.predict(marked(1.0))
        assert answer.status_code == 504
        assert "ran longer than 1 s and was ended" in answer.json()["error"]
        assert 0.9 < time.monotonic() - started < 5
        server.wait_for(lambda: not is_alive(hung))
        server.wait_for(lambda: server.stats()["state"] == "ready")
        assert server.predict(marked(0.0)).status_code == 200


def test_a_full_queue_refuses_at_once_and_says_when_to_come_back(tmp_path: Path, package: Package) -> None:
    with front(tmp_path, package, max_queue=2) as server:
        with busy(server):
            threads, answers = queued(server, 1.0, 2.0)
            refused = server.predict(marked(3.0))
            assert refused.status_code == 503
            assert int(refused.headers["retry-after"]) >= 1
        for thread in threads:
            thread.join()
        assert {answer.status_code for answer in answers.values()} == {200}


def test_the_bytes_that_wait_are_bounded_too(tmp_path: Path, package: Package) -> None:
    body = json.dumps({"inputs": marked(1.0).tolist()}).encode()
    with front(tmp_path, package, max_held=2 * len(body) + 200) as server:
        headers = {"Content-Type": "application/json"}
        with busy(server):
            threads, answers = queued(server, 1.0)
            refused = server.client.post("/predict", content=body, headers=headers)
            assert refused.status_code == 503
            assert "waiting requests hold" in refused.json()["error"]
        for thread in threads:
            thread.join()
        assert answers[1.0].status_code == 200
        assert server.predict(marked(1.0)).status_code == 200


def test_a_request_whose_client_has_gone_is_not_run(tmp_path: Path, package: Package) -> None:
    with front(tmp_path, package) as server:
        process = psutil.Process(server.process.pid)
        with busy(server):
            body = json.dumps({"inputs": pictures(100).tolist()}).encode()
            host, port = server.url.removeprefix("http://").split(":")
            connection = socket.create_connection((host, int(port)), timeout=20)
            head = f"POST /predict HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {TOKEN}\r\n"
            connection.sendall(f"{head}Content-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n".encode())
            assert b" 100 " in connection.recv(1000), "it waits for the body"
            process.suspend()  # so that all of it comes at once: more than the server likes to hold
            connection.sendall(body)
            process.resume()
            server.wait_for(lambda: server.stats()["queue"] == 1)
            files = process.num_fds()
            connection.close()
            server.wait_for(lambda: process.num_fds() < files)
        server.wait_for(lambda: server.stats()["queue"] == 0)
        assert server.predict(marked(0.0)).status_code == 200
        text = server.client.get("/metrics").text
        items = next(line for line in text.splitlines() if line.startswith("lepton_items_total"))
        assert float(items.split()[-1]) == 2, "of the hundred none was run"


def test_a_crash_loop_backs_off_and_says_so(tmp_path: Path, package: Package) -> None:
    broken = make_package(tmp_path / "broken")
    with front(tmp_path / "state", broken) as server:
        (broken.path / "model.onnx").write_bytes(b"no longer a model")
        os.kill(server.stats()["worker_pid"], signal.SIGKILL)
        server.wait_for(lambda: server.stats()["state"] == "failing")
        answer = server.predict(pictures(1))
        assert answer.status_code == 503
        assert "model.onnx" in answer.json()["error"]
        assert int(answer.headers["retry-after"]) >= 1
        health = server.client.get("/healthz")
        assert health.status_code == 503
        assert (health.json()["failures"] >= 3, health.json()["retry_in"] >= 0) == (True, True)
        assert "failures in a row" in server.stats()["error"], "which the panel shows"
        assert server.activate(package, 2).status_code == 200
        assert server.predict(pictures(1)).json()["version"] == 2


def test_a_worker_that_dies_again_and_again_is_given_time(tmp_path: Path, package: Package) -> None:
    with front(tmp_path, package) as server:
        for _ in range(3):
            server.wait_for(lambda: server.stats()["worker_pid"])
            os.kill(server.stats()["worker_pid"], signal.SIGKILL)
            server.wait_for(lambda: server.stats()["worker_pid"] is None)
        server.wait_for(lambda: "3 failures in a row" in server.stats()["error"])
        server.wait_for(lambda: server.client.get("/healthz").json()["status"] == "ready")
        assert server.predict(pictures(1)).status_code == 200
        assert server.stats()["error"] == "", "forgotten with the first good answer"


def test_code_from_outside_the_store_is_not_run(tmp_path: Path, unruly: Package) -> None:
    state = tmp_path / "state"
    state.mkdir()
    settings = {"name": "net", "package": str(unruly.path), "token": TOKEN}
    (state / "service.json").write_text(json.dumps(settings))
    command = [sys.executable, "-m", "lepton_nb.serve", "--state-dir", str(state)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert result.returncode == 1
    assert "not a package of this user's store" in result.stderr


def test_a_package_that_answers_otherwise_is_not_activated(tmp_path: Path, package: Package) -> None:
    from safetensors.numpy import load_file, save_file

    from lepton_nb.packaging.manifest import Manifest
    from lepton_nb.packaging.package import describe_file

    lying = make_package(tmp_path / "lying", seed=5)
    arrays = load_file(lying.path / "example.safetensors")
    save_file({**arrays, "output": arrays["output"] + 0.5}, lying.path / "example.safetensors")
    text = (lying.path / "manifest.json").read_text()
    entry, changed = (
        lying.manifest.files["example.safetensors"],
        describe_file(lying.path / "example.safetensors"),
    )
    (lying.path / "manifest.json").write_text(text.replace(entry.sha256, changed.sha256))
    assert Manifest.from_json(text).parity["onnx"]["absolute"] < 1e-4
    with front(tmp_path / "state", package) as server:
        answer = server.activate(Package.load(lying.path), 2)
        assert answer.status_code == 409
        assert "largest difference 0.5" in answer.json()["error"]
        assert server.predict(pictures(1)).json()["version"] == 1


def test_a_damaged_package_is_not_activated(tmp_path: Path, package: Package) -> None:
    damaged = make_package(tmp_path / "damaged")
    content = bytearray((damaged.path / "model.onnx").read_bytes())
    content[-1] ^= 1
    (damaged.path / "model.onnx").write_bytes(content)
    with front(tmp_path / "state", package) as server:
        answer = server.activate(damaged, 2)
        assert answer.status_code == 409
        assert "damaged" in answer.json()["error"]
        assert server.stats()["version"] == 1


def test_sigterm_finishes_what_is_in_flight(tmp_path: Path, package: Package) -> None:
    with front(tmp_path, package) as server:
        worker = server.stats()["worker_pid"]
        with busy(server):
            threads, answers = queued(server, 1.0)
            server.process.send_signal(signal.SIGTERM)
            time.sleep(0.2)
            assert server.process.poll() is None, "it waits for the two requests"
        for thread in threads:
            thread.join()
        assert answers[1.0].status_code == 200
        assert server.process.wait(10) == 0
        server.wait_for(lambda: not is_alive(worker))


def test_the_worker_dies_with_a_killed_front(tmp_path: Path, package: Package) -> None:
    with front(tmp_path, package) as server:
        worker = server.stats()["worker_pid"]
        server.process.kill()
        server.process.wait()
        server.wait_for(lambda: not is_alive(worker))


def test_a_kernel_lifetime_ends_with_standard_input(tmp_path: Path, package: Package) -> None:
    settings = {"name": "net", "package": str(package.path), "token": TOKEN, "lifetime": "kernel"}
    (tmp_path / "service.json").write_text(json.dumps(settings))
    log = tmp_path / "service.log"
    with log.open("wb") as out:
        command = [sys.executable, "-m", "lepton_nb.serve", "--state-dir", str(tmp_path)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=out, stderr=out)
    wait_until_listening(process, log)
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(10) == 0


def test_half_a_request_does_not_hold_up_the_others(tmp_path: Path, package: Package) -> None:
    with front(tmp_path, package) as server:
        host, port = server.url.removeprefix("http://").split(":")
        head = f"POST /predict HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {TOKEN}\r\n"
        with socket.create_connection((host, int(port))) as slow:
            slow.sendall((head + "Content-Length: 100\r\n\r\n{").encode())
            assert server.predict(pictures(1)).status_code == 200


def test_an_idle_service_answers_at_once(tmp_path: Path, package: Package) -> None:
    """No batching window: one request at a time takes milliseconds, not a window's length."""
    with front(tmp_path, package) as server:
        times = []
        for _ in range(30):
            started = time.perf_counter()
            assert server.predict(pictures(1)).status_code == 200
            times.append(time.perf_counter() - started)
        assert sorted(times)[len(times) // 2] < 0.05


def test_the_command_line_serves_a_package_with_a_token_from_the_environment(
    tmp_path: Path, package: Package
) -> None:
    log = tmp_path / "log"
    command = [sys.executable, "-m", "lepton_nb.serve", "--package", str(package.path), "--port", "0"]
    with log.open("wb") as out:
        process = subprocess.Popen(command, env={**os.environ, "LEPTON_TOKEN": TOKEN}, stdout=out, stderr=out)
    try:
        server = Front(process, wait_until_listening(process, log), log)
        assert server.predict(pictures(1)).status_code == 200
        assert server.client.get("/admin/stats").status_code == 404
        (worker,) = psutil.Process(process.pid).children()
        assert TOKEN not in "".join(worker.environ().values()), "the model's own code could read it"
        assert TOKEN not in server.log
    finally:
        process.terminate()
        process.wait(15)


def test_binding_for_others_needs_a_token(package: Package) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "LEPTON_TOKEN"}
    command = [sys.executable, "-m", "lepton_nb.serve", "--package", str(package.path), "--host", "0.0.0.0"]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30)
    assert result.returncode == 2
    assert "LEPTON_TOKEN" in result.stderr
