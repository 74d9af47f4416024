"""Services as processes: started, found again, switched, rolled back, ended; whatever happens to others."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import psutil
import pytest

import lepton_nb.deployment as deployment
from lepton_nb.deployment import (
    Deployment,
    deploy,
    deployments,
    get_deployment,
    lifecycle,
    logs,
    rollback,
    stop,
)
from lepton_nb.deployment.ports import bind
from lepton_nb.deployment.state import ServiceState
from lepton_nb.errors import ArgumentError, DeploymentError, NotFoundError, PackageError, StoreError
from lepton_nb.packaging import build_package
from lepton_nb.runs import Run, RunStore
from tests.serving_support import files_of_at_most, is_alive, make_package, make_run, pictures

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def no_server_stays_behind(lepton_home: Path) -> Iterator[None]:
    yield
    for server in lifecycle.find_servers():
        lifecycle.end(server["pid"], server["started"], patience=5)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with two packaged runs of one name, copied for each test: exporting is the slow part."""
    home = tmp_path_factory.mktemp("template")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEPTON_HOME", str(home))
        build_package(make_run(seed=0))
        build_package(make_run(seed=5))
    return home


@pytest.fixture
def runs(template: Path, lepton_home: Path) -> tuple[Run, Run]:
    import shutil
    import sqlite3

    shutil.copytree(template, lepton_home)
    with sqlite3.connect(lepton_home / "lepton.db") as connection:
        moved = (str(template), str(lepton_home))
        connection.execute("UPDATE packages SET path = replace(path, ?, ?)", moved)
    store = RunStore()
    return store.get_run("net@1"), store.get_run("net@2")


def wait_for(condition: object, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, f"nothing happened within {seconds} s"
        time.sleep(0.02)


def ask(service: Deployment, **headers: str) -> httpx.Response:
    body = {"inputs": pictures(1).tolist()}
    headers = {"Authorization": f"Bearer {service.token}", **headers}
    return httpx.post(f"{service.url}/predict", json=body, headers=headers, trust_env=False, timeout=20)


def test_a_deployed_run_answers_and_is_found_again(runs: tuple[Run, Run]) -> None:
    service = deploy(runs[0])
    assert service.status() == "ready"
    assert ask(service).status_code == 200
    found = get_deployment("net")
    assert (found.url, found.token, found.version) == (service.url, service.token, 1)
    assert [item.name for item in deployments()] == ["net"]
    service.stop()
    assert len(deployments()) == 0
    assert not is_alive(service.record.pid)
    with pytest.raises(NotFoundError):
        get_deployment("net")


def test_what_the_service_keeps_is_private(runs: tuple[Run, Run], lepton_home: Path) -> None:
    service = deploy(runs[0])
    for path in (lepton_home / "services" / "net").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert stat.S_IMODE((lepton_home / "services" / "net").stat().st_mode) == 0o700
    line = " ".join(psutil.Process(service.record.pid).cmdline())
    for secret in (service.token, service.state.tokens()[1]):
        assert secret not in line
        assert secret not in service.logs()
        assert secret not in service._repr_html_()
        assert secret not in repr(service)


def test_the_same_name_keeps_url_and_token_and_loses_no_request(runs: tuple[Run, Run]) -> None:
    service = deploy(runs[0])
    done = threading.Event()
    codes: list[int] = []
    versions: list[int] = []

    def load() -> None:
        with httpx.Client(trust_env=False, headers={"Authorization": f"Bearer {service.token}"}) as client:
            while not done.is_set():
                answer = client.post(f"{service.url}/predict", json={"inputs": pictures(1).tolist()})
                codes.append(answer.status_code)
                versions.append(answer.json().get("version", 0))

    threads = [threading.Thread(target=load) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        again = deploy(runs[1], "net")
        assert (again.url, again.token, again.record.pid) == (service.url, service.token, service.record.pid)
        assert again.version == 2
        assert again.record.previous_version == 1
        wait_for(lambda: versions and versions[-1] == 2)
        started = time.monotonic()
        back = rollback("net")
        assert time.monotonic() - started < 5
        assert back.version == 1
        wait_for(lambda: versions[-1] == 1)
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert set(codes) == {200}
    with pytest.raises(DeploymentError, match="no version of net before 1"):
        rollback("net")


@pytest.mark.slow
def test_deploying_what_is_live_again_changes_nothing(runs: tuple[Run, Run]) -> None:
    service = deploy(runs[0])
    again = deploy(runs[0])
    assert (again.url, again.version, again.record.previous_version) == (service.url, 1, None)


@pytest.mark.slow
def test_two_deploys_at_once_start_one_server(runs: tuple[Run, Run]) -> None:
    threads = [threading.Thread(target=deploy, args=(run, "net")) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(lifecycle.find_servers()) == 1
    assert sorted(get_deployment("net").state.read_history()) == [("net", 1), ("net", 2)]


@pytest.mark.slow
def test_a_refused_version_leaves_the_old_one_live(runs: tuple[Run, Run]) -> None:
    service = deploy(runs[0])
    record = RunStore().get_package("net", 2)
    package = build_package(runs[1])
    (record.path / "model.onnx").write_bytes(b"broken after it was opened")
    with pytest.raises(DeploymentError, match="damaged"):
        deploy(package, "net")
    assert service.refresh().version == 1
    assert ask(service).json()["version"] == 1


def test_a_busy_port_names_its_owner(runs: tuple[Run, Run]) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(DeploymentError, match=rf"Port {port} is taken by .*process {os.getpid()}"):
            deploy(runs[0], port=port)
    assert len(deployments()) == 0


@pytest.mark.slow
def test_a_port_can_be_chosen_and_does_not_move(runs: tuple[Run, Run]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    service = deploy(runs[0], port=port)
    assert service.url == f"http://127.0.0.1:{port}"
    with pytest.raises(DeploymentError, match="already runs"):
        deploy(runs[1], "net", port=port + 1)
    assert deploy(runs[1], "net", port=port).version == 2


@pytest.mark.slow
def test_a_service_killed_from_outside_comes_back_where_it_was(runs: tuple[Run, Run]) -> None:
    service = deploy(runs[0])
    os.kill(service.record.pid or 0, signal.SIGKILL)
    wait_for(lambda: not is_alive(service.record.pid or 0))
    assert get_deployment("net").status() == "gone"
    assert get_deployment("net").stats()["state"] == "gone"
    with pytest.raises(DeploymentError, match="not running any more"):
        get_deployment("net").predict(pictures(1))
    again = deploy(runs[0])
    assert (again.url, again.token) == (service.url, service.token)
    assert again.record.pid != service.record.pid
    assert ask(again).status_code == 200


@pytest.mark.slow
def test_a_stopped_name_keeps_its_token(runs: tuple[Run, Run]) -> None:
    token = deploy(runs[0]).token
    stop("net")
    assert deploy(runs[0]).token == token


@pytest.mark.slow
def test_a_process_that_got_the_same_id_is_not_stopped(runs: tuple[Run, Run]) -> None:
    """After a reboot the recorded id may be anybody's: the start time tells."""
    service = deploy(runs[0])
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        lifecycle.end(service.record.pid, service.record.pid_started)
        service.record.pid = stranger.pid
        service.record.pid_started = (service.record.pid_started or 0) - 60
        service.store.save_deployment(service.record)
        found = get_deployment("net")
        assert found.status() == "gone"
        found.stop()
        assert stranger.poll() is None
        stranger.communicate(b"\n")


@pytest.mark.slow
def test_a_server_that_cannot_start_shows_why(runs: tuple[Run, Run]) -> None:
    package = build_package(runs[0])
    (package.path / "model.onnx").write_bytes(b"broken after it was opened")
    with pytest.raises(DeploymentError, match=r"ended while starting: .*model\.onnx"):
        deploy(package)
    assert len(deployments()) == 0
    assert lifecycle.find_servers() == []


@pytest.mark.slow
def test_a_model_that_cannot_be_packaged_leaves_no_server_waiting(runs: tuple[Run, Run]) -> None:
    (runs[0].path / "signature.json").unlink()
    run = RunStore().get_run(runs[0].ref)
    with pytest.raises(PackageError, match="has no signature"):
        deploy(run, "other")
    assert lifecycle.find_servers() == []
    assert len(deployments()) == 0


@pytest.mark.slow
def test_a_server_that_died_while_the_package_was_made_is_an_error(lepton_home: Path) -> None:
    state = ServiceState.of("net")
    with lifecycle.starting(state, bind("127.0.0.1", 0)) as server:
        os.kill(server.pid, signal.SIGKILL)
        wait_for(lambda: not is_alive(server.pid))
        with pytest.raises(DeploymentError, match="The service net ended while starting"):
            server.load("detached")


EXPORTING = """
import time
from lepton_nb.deployment import lifecycle
from lepton_nb.deployment.ports import bind
from lepton_nb.deployment.state import ServiceState
with lifecycle.starting(ServiceState.of("net"), bind("127.0.0.1", 0)) as server:
    print(server.pid, flush=True)
    time.sleep(600)
"""


@pytest.mark.slow
def test_a_server_whose_package_never_comes_ends_with_the_notebook(lepton_home: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", EXPORTING], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        wait_for(lambda: len(psutil.Process(pid).children()) == 1)
        worker = psutil.Process(pid).children()[0].pid
        parent.kill()
    wait_for(lambda: not is_alive(pid) and not is_alive(worker))
    assert ServiceState.of("net").tail(50) == ""


@pytest.mark.slow
def test_a_package_of_another_store_is_not_deployed(tmp_path: Path) -> None:
    with pytest.raises(DeploymentError, match="not a package of this store"):
        deploy(make_package(tmp_path / "foreign"))


@pytest.mark.slow
def test_source_is_served_only_with_the_stores_word(lepton_home: Path) -> None:
    from tests.test_packaging_build import BRANCHING

    service = deploy(make_run(source=BRANCHING))
    stats = service.stats()
    assert stats["format"] == "source"
    assert "runs source" in service._repr_html_()
    assert ask(service).status_code == 200


def test_wrong_arguments_are_explained(runs: tuple[Run, Run]) -> None:
    with pytest.raises(ArgumentError, match="lifetime"):
        deploy(runs[0], lifetime="forever")  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="host"):
        deploy(runs[0], host="")
    with pytest.raises(ArgumentError, match="name"):
        deploy(runs[0], "no such/name")
    with pytest.raises(DeploymentError, match="cannot listen on 192\\.0\\.2\\.1"):
        deploy(runs[0], host="192.0.2.1")
    with pytest.raises(DeploymentError, match="not a port"):
        deploy(runs[0], port=70000)
    with pytest.raises(NotFoundError, match="nett"):
        deploy("nett")
    assert lifecycle.find_servers() == []


def test_stop_and_logs_know_runs_too(runs: tuple[Run, Run]) -> None:
    runs[1].append_log("epoch 1 done")
    assert "epoch 1 done" in logs("net")
    with pytest.raises(NotFoundError, match="no service and no run 'nat'") as caught:
        stop("nat")
    assert "net" in (caught.value.hint or "")
    with pytest.raises(NotFoundError):
        logs("nat")


@pytest.mark.slow
def test_binding_every_address_answers_to_the_machines_names_only(runs: tuple[Run, Run]) -> None:
    service = deploy(runs[0], host="0.0.0.0")
    port = service.record.port
    assert ask(service).status_code == 200
    assert ask(service, Host=f"{socket.gethostname()}:{port}").status_code == 200
    assert ask(service, Host="evil.example").status_code == 421


def test_where_no_room_is_left_what_was_live_stays_live(runs: tuple[Run, Run]) -> None:
    with files_of_at_most(10), pytest.raises(StoreError, match="no room left"):
        deploy(runs[0])
    assert len(deployments()) == 0
    assert lifecycle.find_servers() == []
    service = deploy(runs[0])
    with files_of_at_most(10), pytest.raises(StoreError, match="no room left"):
        deploy(runs[1])
    assert ask(service).json()["version"] == 1
    assert get_deployment("net").version == 1
    assert deploy(runs[1]).version == 2


def test_names_and_origins_stay_with_the_service(runs: tuple[Run, Run]) -> None:
    page, name = "http://localhost:3000", "models.example.org"
    opened: dict[str, list[str]] = {"origins": [page], "allowed_hosts": [name]}
    service = deploy(runs[0], **opened)  # type: ignore[arg-type]

    def is_open() -> bool:
        answer = ask(service, Host=f"{name}:8443", Origin=page)
        return answer.status_code == 200 and answer.headers.get("access-control-allow-origin") == page

    assert is_open()
    assert ask(service, Host="other.example.org").status_code == 421
    deploy(runs[1])  # another version
    assert is_open()
    deploy(runs[0], **opened)  # the same cell again  # type: ignore[arg-type]
    with pytest.raises(DeploymentError, match="names, lifetime"):
        deploy(runs[0], allowed_hosts=[name, "another.example.org"])
    os.kill(service.record.pid or 0, signal.SIGKILL)
    wait_for(lambda: not service.alive)
    service = deploy(runs[0])  # after a crash or a reboot
    assert is_open()
    service.stop()
    service = deploy(runs[0])
    assert ask(service, Host=name).status_code == 421


PARENT = """
import sys, time
from lepton_nb.deployment import deploy
service = deploy("net@1", lifetime=sys.argv[1])
print(service.record.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.slow
@pytest.mark.parametrize("lifetime", ["detached", "kernel"])
def test_lifetime_when_the_parent_is_killed(runs: tuple[Run, Run], lifetime: str) -> None:
    command = [sys.executable, "-c", PARENT, lifetime]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        worker = get_deployment("net").stats()["worker_pid"]
        parent.kill()
    if lifetime == "kernel":
        wait_for(lambda: not is_alive(pid) and not is_alive(worker))
        assert get_deployment("net").status() == "gone"
    else:
        time.sleep(0.5)
        service = get_deployment("net")
        assert service.status() == "ready"
        assert ask(service).status_code == 200
        service.stop()
        assert not is_alive(pid)
        wait_for(lambda: not is_alive(worker))


@pytest.mark.slow
def test_a_service_outlives_the_thread_that_started_it(runs: tuple[Run, Run]) -> None:
    thread = threading.Thread(target=deploy, args=(runs[0],))
    thread.start()
    thread.join()
    time.sleep(0.3)
    assert ask(get_deployment("net")).status_code == 200


@pytest.mark.slow
def test_a_file_beside_the_notebook_does_not_stand_in_for_a_module(
    runs: tuple[Run, Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "random.py").write_text("raise SystemExit('the wrong random')")
    monkeypatch.chdir(tmp_path)
    assert ask(deploy(runs[0])).status_code == 200


@pytest.mark.slow
def test_predict_takes_what_the_codec_takes(runs: tuple[Run, Run], tmp_path: Path) -> None:
    from PIL import Image

    service = deploy(runs[0])
    picture = Image.new("L", (8, 8), 200)
    picture.save(tmp_path / "grey.png")
    array = np.asarray(picture)
    expected = service.predict(picture)
    assert len(expected) == 1
    for value in (tmp_path / "grey.png", str(tmp_path / "grey.png"), array):
        assert service.predict(value) == expected
    assert [item["label"] for item in service.predict([picture, picture])] == [expected[0]["label"]] * 2
    with pytest.raises(ArgumentError, match="not an input of the model"):
        service.predict(tmp_path / "missing.png")
    in_process = deployment.predict("net@1", picture)
    assert in_process[0]["label"] == expected[0]["label"]
    assert in_process[0]["score"] == pytest.approx(expected[0]["score"], abs=1e-5)
    assert deployment.predict("net", picture) == expected


@pytest.mark.slow
def test_large_inputs_are_sent_in_parts(runs: tuple[Run, Run], monkeypatch: pytest.MonkeyPatch) -> None:
    from lepton_nb.deployment import client

    monkeypatch.setattr(client, "_CHUNK", 1000)
    service = deploy(runs[0])
    inputs = pictures(9)
    assert len(service.predict(inputs)) == 9
    assert service.predict(inputs)[7]["score"] == pytest.approx(service.predict(inputs[7:8])[0]["score"])


@pytest.mark.slow
def test_the_card_shows_where_it_is_and_not_the_token(runs: tuple[Run, Run]) -> None:
    service = deploy(runs[0])
    page = service._repr_html_()
    assert f'href="{service.url}/docs"' in page
    assert "curl " in page
    assert "ready" in page
    table = deployments()
    assert service.url in table._repr_html_()
    assert "net" in repr(table)
