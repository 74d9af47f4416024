"""What the service does when the model dies, hangs or lies, when too much comes, and when it has to stop."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
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
import time
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(64, 3)

    def forward(self, x):
        marks = x.flatten(1)[:, 0].tolist()
        if 77.0 in marks:
            os.abort()
        if 66.0 in marks:
            time.sleep(3600)
        if 55.0 in marks:
            raise ValueError("fifty-five is not a picture")
        if 44.0 in marks:
            time.sleep(0.5)
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


def marked(value: float) -> np.ndarray:
    inputs = pictures(1).numpy()
    inputs[0, 0, 0, 0] = value
    return inputs


def in_threads(*calls: object) -> list[threading.Thread]:
    threads = [threading.Thread(target=call) for call in calls]  # type: ignore[arg-type]
    for thread in threads:
        thread.start()
    return threads


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


@pytest.mark.slow
def test_a_model_that_aborts_fails_its_own_request_only(tmp_path: Path, unruly: Package) -> None:
    with front(tmp_path, unruly, trusted=True) as server:
        assert server.stats()["format"] == "source"
        answer = server.predict(marked(77.0))
        assert answer.status_code == 503
        assert "ended" in answer.json()["error"]
        assert int(answer.headers["retry-after"]) >= 1
        assert server.predict(marked(0.0)).status_code == 200  # waits for the replacement
        assert server.client.get("/healthz").json()["status"] == "ready"


@pytest.mark.slow
def test_a_hung_model_is_ended_at_the_time_limit(tmp_path: Path, unruly: Package) -> None:
    with front(tmp_path, unruly, trusted=True, time_limit=1.0) as server:
        hung = server.stats()["worker_pid"]
        started = time.monotonic()
        answer = server.predict(marked(66.0))
        assert answer.status_code == 504
        assert 0.9 < time.monotonic() - started < 5
        server.wait_for(lambda: not is_alive(hung))
        server.wait_for(lambda: server.stats()["state"] == "ready")
        assert server.predict(marked(0.0)).status_code == 200


@pytest.mark.slow
def test_one_failing_request_does_not_spoil_its_batch(tmp_path: Path, unruly: Package) -> None:
    with front(tmp_path, unruly, trusted=True) as server:
        statuses: dict[float, int] = {}

        def ask(value: float) -> None:
            statuses[value] = server.predict(marked(value)).status_code

        threads = in_threads(lambda: ask(44.0))  # holds the worker while the others queue into one batch
        server.wait_for(lambda: server.stats()["in_flight"] == 1)
        threads += in_threads(*(lambda value=value: ask(value) for value in (1.0, 55.0, 2.0)))
        for thread in threads:
            thread.join()
        assert statuses == {44.0: 200, 1.0: 200, 55.0: 500, 2.0: 200}
        assert "fifty-five is not a picture" in server.log


@pytest.mark.slow
def test_a_full_queue_refuses_at_once_and_says_when_to_come_back(tmp_path: Path, unruly: Package) -> None:
    with front(tmp_path, unruly, trusted=True, max_queue=2) as server:
        answers: list[int] = []
        threads = in_threads(lambda: answers.append(server.predict(marked(44.0)).status_code))
        server.wait_for(lambda: server.stats()["in_flight"] == 1)
        threads += in_threads(*[lambda: answers.append(server.predict(marked(1.0)).status_code)] * 2)
        server.wait_for(lambda: server.stats()["queue"] == 2)
        refused = server.predict(marked(1.0))
        assert refused.status_code == 503
        assert int(refused.headers["retry-after"]) >= 1
        for thread in threads:
            thread.join()
        assert answers == [200, 200, 200]


@pytest.mark.slow
def test_the_bytes_that_wait_are_bounded_too(tmp_path: Path, unruly: Package) -> None:
    body = json.dumps({"inputs": marked(1.0).tolist()}).encode()
    with front(tmp_path, unruly, trusted=True, max_held=2 * len(body) + 200) as server:
        headers = {"Content-Type": "application/json"}
        answers: list[int] = []
        threads = in_threads(lambda: answers.append(server.predict(marked(44.0)).status_code))
        server.wait_for(lambda: server.stats()["in_flight"] == 1)
        threads += in_threads(lambda: answers.append(server.predict(marked(1.0)).status_code))
        server.wait_for(lambda: server.stats()["queue"] == 1)
        refused = server.client.post("/predict", content=body, headers=headers)
        assert refused.status_code == 503
        assert "MiB" in refused.json()["error"]
        for thread in threads:
            thread.join()
        assert answers == [200, 200]
        assert server.predict(marked(1.0)).status_code == 200


@pytest.mark.slow
def test_a_request_whose_client_has_gone_is_not_run(tmp_path: Path, unruly: Package) -> None:
    with front(tmp_path, unruly, trusted=True) as server:
        threads = in_threads(lambda: server.predict(marked(44.0)))
        server.wait_for(lambda: server.stats()["in_flight"] == 1)
        body = json.dumps({"inputs": marked(66.0).tolist()})  # would hang the worker
        connection = http.client.HTTPConnection(server.url.removeprefix("http://"))
        connection.request("POST", "/predict", body, {"Authorization": f"Bearer {TOKEN}"})
        server.wait_for(lambda: server.stats()["queue"] == 1)
        connection.close()
        for thread in threads:
            thread.join()
        assert server.predict(marked(0.0)).status_code == 200
        assert server.stats()["restarts"] == 0


@pytest.mark.slow
def test_a_crash_loop_backs_off_and_says_so(tmp_path: Path, package: Package) -> None:
    broken = make_package(tmp_path / "broken")
    with front(tmp_path / "state", broken) as server:
        (broken.path / "model.onnx").write_bytes(b"no longer a model")
        os.kill(server.stats()["worker_pid"], signal.SIGKILL)
        server.wait_for(lambda: server.stats()["state"] == "failing")
        answer = server.predict(pictures(1))
        assert answer.status_code == 503
        assert "model.onnx" in answer.json()["error"]
        assert server.client.get("/healthz").status_code == 503
        assert server.activate(package, 2).status_code == 200
        assert server.predict(pictures(1)).json()["version"] == 2


@pytest.mark.slow
def test_code_from_outside_the_store_is_not_run(tmp_path: Path, unruly: Package) -> None:
    state = tmp_path / "state"
    state.mkdir()
    settings = {"name": "net", "package": str(unruly.path), "token": TOKEN}
    (state / "service.json").write_text(json.dumps(settings))
    command = [sys.executable, "-m", "lepton_nb.serve", "--state-dir", str(state)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert result.returncode == 1
    assert "not a package of this user's store" in result.stderr


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
def test_sigterm_finishes_what_is_in_flight(tmp_path: Path, unruly: Package) -> None:
    with front(tmp_path, unruly, trusted=True) as server:
        worker = server.stats()["worker_pid"]
        answers: list[int] = []
        threads = in_threads(lambda: answers.append(server.predict(marked(44.0)).status_code))
        server.wait_for(lambda: server.stats()["in_flight"] == 1)
        server.process.send_signal(signal.SIGTERM)
        for thread in threads:
            thread.join()
        assert answers == [200]
        assert server.process.wait(10) == 0
        server.wait_for(lambda: not is_alive(worker))


@pytest.mark.slow
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


@pytest.mark.slow
def test_half_a_request_does_not_hold_up_the_others(tmp_path: Path, package: Package) -> None:
    with front(tmp_path, package) as server:
        host, port = server.url.removeprefix("http://").split(":")
        head = f"POST /predict HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {TOKEN}\r\n"
        with socket.create_connection((host, int(port))) as slow:
            slow.sendall((head + "Content-Length: 100\r\n\r\n{").encode())
            assert server.predict(pictures(1)).status_code == 200


@pytest.mark.slow
def test_an_idle_service_answers_at_once(tmp_path: Path, package: Package) -> None:
    """No batching window: one request at a time takes milliseconds, not a window's length."""
    with front(tmp_path, package) as server:
        times = []
        for _ in range(30):
            started = time.perf_counter()
            assert server.predict(pictures(1)).status_code == 200
            times.append(time.perf_counter() - started)
        assert sorted(times)[len(times) // 2] < 0.05


@pytest.mark.slow
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
