"""Routes of a cell in a real service: asked over HTTP, contained, redeployed, and what is live stays live."""

from __future__ import annotations

import gzip
import io
import subprocess
import threading
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

import lepton_nb
from lepton_nb.deployment import Deployment, deploy, get_deployment, lifecycle
from lepton_nb.deployment.routes import defined_targets
from lepton_nb.errors import DeploymentError, NotFoundError, RouteError
from lepton_nb.packaging import build_package
from tests.models_support import Notebook
from tests.serving_support import make_run

pytestmark = pytest.mark.slow

CELL = """
import asyncio
import sys
import time
from pathlib import Path
from typing import Iterator

from PIL import Image
from starlette.background import BackgroundTasks
from starlette.responses import HTMLResponse, Response

UNSURE = 0.2


class Triage:
    '''Sorts scans.'''

    def __init__(self, model):
        self.model = model
        self.seen = 0

    def read(self, scan: Image.Image, copies: int = 1) -> dict:
        answers = self.model.predict([scan] * copies)
        self.seen += 1
        return {"labels": [item["label"] for item in answers], "sure": answers[0]["score"] > UNSURE}

    def count(self, n: int, pause: float = 0.0) -> Iterator[str]:
        for index in range(n):
            time.sleep(pause)
            yield f"{index} "

    def touch(self, path: str, background: BackgroundTasks) -> str:
        background.add_task(Path(path).write_text, "done")
        return "accepted"

    def fail(self, n: int) -> float:
        return 1 / n

    def break_off(self) -> Iterator[str]:
        yield "begun "
        raise RuntimeError("in the middle")

    def page(self, text: str) -> HTMLResponse:
        return HTMLResponse(text)

    def grow(self) -> int:
        return len(bytearray(1 << 30))

    def hang(self) -> None:
        time.sleep(1000)

    def die(self) -> None:
        import os

        os._exit(9)

    def leave(self, how: str) -> Iterator[str]:
        if how == "at once":
            sys.exit(2)
        return self._leave()

    def _leave(self) -> Iterator[str]:
        yield "begun "
        sys.exit(2)

    async def leave_beside(self) -> None:
        await asyncio.gather(self._exit(), asyncio.sleep(0))

    async def _exit(self) -> None:
        sys.exit(2)

    def leave_later(self, background: BackgroundTasks) -> str:
        background.add_task(sys.exit, 2)
        return "accepted"

    def odd(self, status: int = 200, name: str = "x-a", value: str = "b", body: str = "abc") -> Response:
        return Response(body, status, {name: value})

    def length(self, text: str) -> int:
        return len(text)
"""

CLASS = "class S:\n    def __init__(self, model):\n        {}\n\n    def ok(self) -> int:\n        return 1"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with one packaged run."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEPTON_HOME", str(home))
        build_package(make_run())
    return home


@pytest.fixture(autouse=True)
def lepton_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The module's store in place of a fresh one."""
    monkeypatch.setenv("LEPTON_HOME", str(home))
    return home


@pytest.fixture(scope="module", autouse=True)
def no_server_stays_behind(home: Path) -> Iterator[None]:
    yield
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEPTON_HOME", str(home))
        for server in lifecycle.find_servers():
            lifecycle.end(server["pid"], server["started"], patience=5)


def serve(cell: str, name: str = "triage", model: str | None = "net") -> Deployment:
    notebook = Notebook(cell)
    names = [key for key in notebook.namespace if f"class {key}" in cell or f"def {key}" in cell]
    target = defined_targets(notebook.namespace, names)
    cells = ("", *notebook.cells)
    return lepton_nb.service(target, name, model=model, namespace=notebook.namespace, cells=cells)


@pytest.fixture(scope="module")
def service(home: Path) -> Deployment:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEPTON_HOME", str(home))
        return serve(CELL)


@pytest.fixture
def client(service: Deployment) -> Iterator[httpx.Client]:
    with client_of(service) as made:
        yield made


def client_of(service: Deployment) -> httpx.Client:
    headers = {"Authorization": f"Bearer {service.token}"}
    return httpx.Client(base_url=service.url, headers=headers, trust_env=False, timeout=30)


def png() -> bytes:
    stream = io.BytesIO()
    Image.new("L", (8, 8), 200).save(stream, "PNG")
    return stream.getvalue()


def wait_for(condition: Any, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"nothing happened within {seconds} s"
        time.sleep(0.02)


def test_a_route_asks_the_deployed_model(service: Deployment, client: httpx.Client) -> None:
    raw = client.post("/read?copies=3", content=png(), headers={"Content-Type": "image/png"})
    assert raw.status_code == 200, raw.text
    assert raw.json()["labels"] == [service.predict(png())[0]["label"]] * 3
    assert raw.json()["sure"] is True


def test_the_token_and_the_host_are_checked_and_errors_have_one_form(
    service: Deployment, client: httpx.Client
) -> None:
    bare = httpx.get(f"{service.url}/count?n=1", trust_env=False)
    assert (bare.status_code, bare.headers["www-authenticate"]) == (401, "Bearer")
    assert client.get("/count?n=1", headers={"Host": "evil.example"}).status_code == 421
    for answer, status in (
        (client.get("/count"), 422),
        (client.get("/read"), 405),
        (client.post("/count", content=b"{"), 400),
        (client.get("/fail?n=0"), 500),
        (client.post("/count", content=b"x" * (33 << 20)), 413),
    ):
        assert answer.status_code == status, answer.text
        assert list(answer.json()) == ["error"]


def test_a_stream_arrives_as_it_is_made(client: httpx.Client) -> None:
    started = time.monotonic()
    with client.stream("GET", "/count?n=3&pause=0.3") as answer:
        arrivals = [(piece, time.monotonic() - started) for piece in answer.iter_text()]
    assert "".join(piece for piece, _ in arrivals) == "0 1 2 "
    assert arrivals[-1][1] - arrivals[0][1] > 0.4


def test_a_stream_that_breaks_off_does_not_look_complete(client: httpx.Client) -> None:
    with client.stream("GET", "/break_off") as answer:
        assert answer.status_code == 200
        with pytest.raises(httpx.RemoteProtocolError):
            answer.read()
    assert client.get("/count?n=1").text == "0 "


def test_no_script_runs_in_what_a_handler_answers(client: httpx.Client) -> None:
    answer = client.get("/page", params={"text": "<script>alert(1)</script>"})
    assert answer.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_background_work_ends_after_the_answer(client: httpx.Client, tmp_path: Path) -> None:
    path = tmp_path / "note"
    assert client.post("/touch", json={"path": str(path)}).json() == "accepted"
    wait_for(path.exists)


def test_the_log_shows_the_cell_and_its_line(service: Deployment, client: httpx.Client) -> None:
    assert client.get("/fail?n=0").json() == {"error": "fail failed: ZeroDivisionError: division by zero"}
    line = CELL.strip().splitlines().index("        return 1 / n") + 1
    wait_for(lambda: f'File "Cell In[2]", line {line}, in fail' in service.logs(40))
    assert "return 1 / n" in service.logs(40)
    assert "lepton_nb" not in service.logs(12).partition("fail failed")[2]


def test_openapi_and_metrics_know_the_routes(service: Deployment, client: httpx.Client) -> None:
    described = httpx.get(f"{service.url}/openapi.json", trust_env=False).json()
    assert {"/predict", "/read", "/count"} <= set(described["paths"])
    assert described["paths"]["/read"]["post"]["tags"] == ["routes"]
    before = service.stats()["requests"]
    client.get("/count?n=1")
    assert 'path="/count"' in client.get("/metrics").text
    assert service.stats()["requests"] == before + 1


def test_no_process_of_a_service_with_routes_loads_torch(service: Deployment) -> None:
    stats = service.stats()
    for pid in (stats["pid"], stats["worker_pid"], stats["routes"]["pid"]):
        assert "libtorch" not in Path(f"/proc/{pid}/maps").read_text()


def test_a_handler_that_dies_is_replaced_and_the_model_goes_on(
    service: Deployment, client: httpx.Client
) -> None:
    before = service.stats()
    died = client.get("/die")
    assert died.status_code == 503
    assert "ended with status 9 while it worked" in died.json()["error"]
    assert "retry-after" in died.headers
    assert client.get("/count?n=1").text == "0 "  # waits for the new process
    after = service.stats()
    assert after["worker_pid"] == before["worker_pid"]
    assert after["routes"]["pid"] != before["routes"]["pid"]


def test_an_exit_costs_nobody_else(service: Deployment, client: httpx.Client) -> None:
    process = service.stats()["routes"]["pid"]
    answer = client.post("/leave", json={"how": "at once"})
    assert (answer.status_code, answer.json()) == (500, {"error": "leave failed: SystemExit: 2"})
    with pytest.raises(httpx.RemoteProtocolError):
        client.post("/leave", json={"how": "in the middle"})
    answer = client.post("/leave_beside")
    assert answer.status_code == 500
    assert "SystemExit: 2" in answer.json()["error"]
    assert client.post("/leave_later").json() == "accepted"
    assert client.post("/length", json={"text": "abc"}).json() == 3
    assert service.stats()["routes"]["pid"] == process


@pytest.mark.parametrize(
    ("odd", "words"),
    [
        ({"status": 99}, "99 is no status"),
        ({"status": 101}, "101 is no status"),
        ({"status": 600}, "600 is no status"),
        ({"value": "a\r\nSet-Cookie: b=1"}, "x-a has a line break"),
        ({"name": "x a"}, "'x a' is no name of a header"),
        ({"name": "content-length", "value": "x"}, "content-length is 'x'"),
        ({"name": "content-length", "value": "2"}, "content-length is 2, and its body has 3 bytes"),
    ],
)
def test_an_answer_that_http_has_not_is_explained(
    client: httpx.Client, odd: dict[str, Any], words: str
) -> None:
    answer = client.post("/odd", json=odd)
    assert answer.status_code == 500
    assert words in answer.json()["error"]


def test_how_an_answer_is_sent_is_not_the_handlers_business(client: httpx.Client) -> None:
    for name, value in (("transfer-encoding", "chunked"), ("connection", "close"), ("upgrade", "h2c")):
        answer = client.post("/odd", json={"name": name, "value": value})
        assert (answer.status_code, answer.text) == (200, "abc")
        assert name not in answer.headers
    for odd in ({"status": 204}, {"status": 304, "name": "content-length", "value": "9"}):
        answer = client.post("/odd", json=odd)
        assert (answer.status_code, answer.content) == (odd["status"], b"")


def test_a_compressed_body_is_what_was_meant(client: httpx.Client) -> None:
    def send(body: bytes, encoding: str, kind: str = "application/json") -> httpx.Response:
        headers = {"Content-Encoding": encoding, "Content-Type": kind}
        return client.post("/length", content=body, headers=headers)

    body = b'{"text": "abc"}'
    assert send(gzip.compress(body), "gzip").json() == 3
    assert send(zlib.compress(body), "Deflate").json() == 3
    assert send(gzip.compress(b"text=abc"), "gzip", "application/x-www-form-urlencoded").json() == 3
    assert send(body, "identity").json() == 3
    assert send(body, "gzip").status_code == 400
    assert send(gzip.compress(body)[:-9], "gzip").status_code == 400
    assert send(body, "br").status_code == 415
    assert send(gzip.compress(bytes(40 << 20)), "gzip").status_code == 413


def test_a_client_that_leaves_a_stream_ends_it(service: Deployment, client: httpx.Client) -> None:
    with client.stream("GET", "/count?n=1000000&pause=0.01") as answer:
        next(answer.iter_text())
    wait_for(lambda: service.stats()["routes"]["in_flight"] == 0)


def test_redeploying_keeps_url_token_and_every_answer() -> None:
    first = serve("def version() -> int:\n    return 1", "steady")
    answers: list[Any] = []
    stop = threading.Event()

    def ask() -> None:
        with client_of(first) as client:
            while not stop.is_set():
                answers.append(client.get("/version"))

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    second = serve("def version() -> int:\n    return 2", "steady", model=None)
    assert (second.url, second.token, second.version) == (first.url, first.token, 2)
    wait_for(lambda: answers[-1].text == "2")
    back = second.rollback()
    wait_for(lambda: answers[-1].text == "1")
    stop.set()
    for thread in threads:
        thread.join()
    assert back.version == 1
    assert {answer.status_code for answer in answers} == {200}
    deploy(make_run("other", seed=3), "steady")
    with client_of(first) as client:
        assert client.get("/version").text == "1"  # another model is no reason to lose a route
    assert first.stats()["run"] == "other@1"
    first.stop()
    plain = deploy("net", "steady")
    with client_of(plain) as client:
        assert client.get("/version").status_code == 404
    plain.stop()


def test_a_handler_that_hangs_or_eats_memory_costs_only_its_request(service: Deployment) -> None:
    settings = service.state.read_settings()
    service.stop()
    service.state.write_settings(settings)
    # The time limit is no option of `service`: the same state is started again with a short one.
    from tests.serving_support import front

    folder = service.state.path.parent / "short"
    package = build_package_of(settings["package"])
    with front(folder, package, trusted=True, time_limit=1.0, memory_limit=400 << 20) as server:
        assert "MemoryError" in server.client.get("/grow").json()["error"]
        assert server.client.get("/count?n=1").text == "0 "
        old = server.stats()["routes"]["pid"]
        answer = server.client.get("/hang")
        assert answer.status_code == 504
        assert "1 s" in answer.json()["error"]
        server.wait_for(lambda: server.stats()["routes"]["pid"] not in (None, old))
        assert server.client.get("/count?n=1").text == "0 "
        assert server.stats()["worker_pid"] is not None
        assert "ran longer than 1 s" in server.log


def build_package_of(path: str) -> Any:
    from lepton_nb.packaging import Package

    return Package.load(path)


@pytest.mark.parametrize(
    ("cell", "error", "words"),
    [
        ("def read(text):\n    return text", RouteError, "'text' has no type"),
        ("VALUE = 1", RouteError, "no class and no function"),
        (
            "f = open('/dev/null')\ndef read(n: int) -> str:\n    return f.read(n)",
            RouteError,
            "an open file",
        ),
        (
            CLASS.format("raise OSError('no disk')"),
            DeploymentError,
            r"OSError: no disk \(Cell In\[2\], line 3\)",
        ),
        (
            CLASS.format("model([[[0.0] * 8] * 8])"),
            DeploymentError,
            "not while the service starts",
        ),
    ],
)
def test_a_bad_cell_leaves_the_live_version_live(cell: str, error: type[Exception], words: str) -> None:
    live = serve("def ok() -> int:\n    return 7", "careful")
    with pytest.raises(error, match=words) as caught:
        serve(cell, "careful")
    assert len(str(caught.value).splitlines()) <= 2
    with client_of(live) as client:
        assert client.get("/ok").json() == 7
    assert live.refresh().version == 1


def test_the_badge_tells_when_a_handler_was_changed_in_the_notebook() -> None:
    notebook = Notebook("FACTOR = 2\n\ndef double(n: int) -> int:\n    return n * FACTOR")
    options: Any = {"namespace": notebook.namespace, "cells": ["", *notebook.cells]}
    service = lepton_nb.service(notebook["double"], "drifting", model="net", **options)
    service.drift.namespace = notebook.namespace
    record = service.store.get_package(service.record.package, service.record.version)
    assert service.drift.reasons(record, service.store) == []
    notebook.run("def double(n: int) -> int:\n    return 2 * n")
    (reason,) = service.drift.reasons(record, service.store)
    assert reason == "double was changed in the notebook"
    service.stop()


def test_an_exit_while_it_loads_is_explained() -> None:
    cell = "import sys\n\n" + CLASS.format("sys.exit('no key')")
    with pytest.raises(DeploymentError, match="SystemExit: no key"):
        serve(cell, "leaving")


def test_each_version_has_the_environment_of_what_deployed_it(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cell = "import os\n\n" + CLASS.format("self.key = os.environ.get('CASE_KEY', '')")
    cell += "\n\n    def get(self, name: str) -> str:\n        return os.environ.get(name, '')"
    cell += "\n\n    def first(self) -> str:\n        return self.key"
    cell += "\n\n    def die(self) -> None:\n        os._exit(9)"
    service = serve(cell, "envy")
    url = service.url
    client = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {service.token}"}, trust_env=False)

    def seen() -> tuple[str, str]:
        return client.post("/first").json(), client.post("/get", json={"name": "CASE_KEY"}).json()

    assert seen() == ("", "")
    monkeypatch.setenv("CASE_KEY", "hush-1\udcff")  # a byte that is not UTF-8
    monkeypatch.setenv("LEPTON_TOKEN", "not-theirs")
    monkeypatch.setenv("OMP_NUM_THREADS", "77")
    process = service.stats()["routes"]["pid"]
    assert serve(cell, "envy").url == url  # the very same cell: the same version, and another environment
    assert service.stats()["routes"]["pid"] != process
    assert client.post("/get", json={"name": "LEPTON_HOME"}).json() == str(home)
    assert client.post("/get", json={"name": "LEPTON_TOKEN"}).json() == ""
    assert client.post("/get", json={"name": "OMP_NUM_THREADS"}).json() != "77"
    monkeypatch.setenv("CASE_KEY", "hush-2")
    changed = cell.replace("return self.key", "return str(self.key)")
    serve(changed, "envy")
    assert seen() == ("hush-2", "hush-2")
    client.post("/die")
    assert seen() == ("hush-2", "hush-2")
    process = service.stats()["routes"]["pid"]
    serve(changed, "envy")
    assert service.stats()["routes"]["pid"] == process  # nothing has changed
    monkeypatch.delenv("CASE_KEY")
    serve(cell, "envy")
    assert seen() == ("", "")
    get_deployment("envy").rollback()
    assert seen() == ("hush-2", "hush-2")
    # In a process of its own: to close a file of SQLite's here would let go of its locks.
    assert subprocess.run(["grep", "-rlF", "hush-", str(home)], check=False).returncode == 1


def test_an_unknown_model_is_named() -> None:
    with pytest.raises(NotFoundError, match="nett"):
        serve("def ok() -> int:\n    return 7", "nothing", model="nett")
    with pytest.raises(RouteError, match="no service and no run 'nothing'"):
        serve("def ok() -> int:\n    return 7", "nothing", model=None)


def test_the_very_same_cell_is_the_same_version() -> None:
    first = serve("def ok() -> int:\n    return 7", "careful")
    assert serve("def ok() -> int:\n    return 7", "careful").version == first.version
