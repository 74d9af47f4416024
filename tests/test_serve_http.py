"""The service over real HTTP: what it answers, and to whom."""

from __future__ import annotations

import io
import json
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from lepton_nb.packaging import Package
from tests.serving_support import ADMIN, TOKEN, Front, expected_labels, front, make_package, pictures

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    return make_package(tmp_path_factory.mktemp("packages") / "net")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, package: Package) -> Iterator[Front]:
    with front(tmp_path_factory.mktemp("state"), package, max_body=200_000) as running:
        yield running


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def test_json_inputs_are_answered_in_their_order(server: Front, package: Package) -> None:
    inputs = pictures(6).numpy()
    answer = server.predict(inputs)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert [item["label"] for item in body["predictions"]] == expected_labels(package, inputs)
    assert body["version"] == 1


def test_npy_and_json_give_the_same_answer(server: Front) -> None:
    inputs = pictures(2).numpy()
    headers = {"Content-Type": "application/x-npy"}
    raw = server.client.post("/predict", content=npy(inputs), headers=headers)
    assert raw.json() == server.predict(inputs).json()


def test_png_bytes_are_answered(server: Front) -> None:
    stream = io.BytesIO()
    Image.new("RGB", (20, 12), (200, 30, 30)).save(stream, "PNG")
    answer = server.client.post("/predict", content=stream.getvalue(), headers={"Content-Type": "image/png"})
    assert answer.status_code == 200, answer.text
    assert set(answer.json()["predictions"][0]["scores"]) == {"cat", "dog", "fox"}


@pytest.mark.parametrize(
    ("content", "content_type", "status", "word"),
    [
        (b"{not json", "application/json", 400, "JSON"),
        (b"[1, 2]", "application/json", 422, "object"),
        (b'{"inputs": [1, 2]}', "application/json", 422, "shape"),
        (b'{"inputs": [["a"]]}', "application/json", 422, "numbers"),
        (b'{"pixels": []}', "application/json", 422, "pixels"),
        (b"not a picture", "image/png", 422, "picture"),
        (b"", "image/png", 422, "no bytes"),
        (b"x", "audio/wav", 415, "audio/wav"),
        (b"\x93NUMPY garbage", "application/x-npy", 422, "npy"),
        (b"\x93NUMPY\x01\x00v\x00a (", "application/x-npy", 422, "npy"),
        (npy(np.zeros((2, 8))).replace(b"(2, 8), ", b"(-2,-8),"), "application/x-npy", 422, "npy"),
        (npy(np.array([{"a": 1}], dtype=object)), "application/x-npy", 422, "numbers"),
    ],
)
def test_bad_input_gets_its_status_and_reason(
    server: Front, content: bytes, content_type: str, status: int, word: str
) -> None:
    answer = server.client.post("/predict", content=content, headers={"Content-Type": content_type})
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert word in answer.json()["error"]


def test_rubbish_is_always_explained(server: Front) -> None:
    rng = np.random.default_rng(0)
    types = [
        "application/json",
        "application/x-npy",
        "image/png",
        "text/plain",
        "",
        "a",
        "image/*",
        "a/b;c=d",
    ]
    starts = [b"", b"{", b'{"inputs": ', b"\x93NUMPY\x01\x00v\x00", b"\x89PNG\r\n\x1a\n", b"[" * 2000]
    for index in range(200):
        content = starts[index % len(starts)] + rng.bytes(int(rng.integers(0, 200)))
        headers = {"Content-Type": types[index % len(types)]}
        answer = server.client.post("/predict", content=content, headers=headers)
        assert 400 <= answer.status_code < 500, (content, headers, answer.text)
        assert answer.json()["error"]
    assert server.predict(pictures(1)).status_code == 200
    assert server.stats()["restarts"] == 0


def test_the_bad_item_of_a_request_is_named(server: Front) -> None:
    inputs = pictures(3).tolist()
    inputs[2][0][0][0] = None
    answer = server.client.post("/predict", json={"inputs": inputs})
    assert answer.status_code == 422
    assert answer.json()["index"] == 2


def test_failures_never_close_the_connection(server: Front) -> None:
    """One connection carries 200 alternations of a failing and a good call."""
    good = {"inputs": pictures(1).tolist()}
    limits = httpx.Limits(max_connections=1)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with httpx.Client(base_url=server.url, headers=headers, limits=limits, trust_env=False) as client:
        for _ in range(100):
            assert client.post("/predict", content=b"{").status_code == 400
            assert client.post("/predict", json=good).status_code == 200
        stream = client.get("/healthz").extensions["network_stream"]
        again = client.post("/predict", json=good).extensions["network_stream"]
        assert stream.get_extra_info("client_addr") == again.get_extra_info("client_addr")


def test_an_answer_is_written_in_one_piece(server: Front) -> None:
    """Head and body together: the client looks at its socket once."""
    host, port = server.url.removeprefix("http://").split(":")
    body = json.dumps({"inputs": pictures(1).tolist()})
    head = f"POST /predict HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {TOKEN}\r\n"
    request = f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        for _ in range(50):
            connection.sendall(request)
            answer = connection.recv(1 << 16)
            assert answer.startswith(b"HTTP/1.1 200")
            assert answer.endswith(b"}")


def test_the_last_answer_of_a_connection_is_whole(server: Front) -> None:
    body = {"inputs": pictures(1).tolist()}
    answer = server.client.post("/predict", json=body, headers={"Connection": "close"})
    assert len(answer.json()["predictions"]) == 1


@pytest.mark.parametrize("path", ["/predict", "/metrics"])
@pytest.mark.parametrize("authorization", [None, "Bearer wrong", f"Basic {TOKEN}", "Bearer"])
def test_routes_need_the_token(server: Front, path: str, authorization: str | None) -> None:
    headers = {"Authorization": authorization} if authorization else {}
    method = "POST" if path == "/predict" else "GET"
    answer = httpx.request(method, server.url + path, headers=headers, trust_env=False)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert "token" in answer.json()["error"]


def test_the_clients_token_does_not_open_administration(server: Front) -> None:
    assert server.client.get("/admin/stats").status_code == 403
    answer = server.client.post("/admin/activate", json={"package": "/", "version": 1})
    assert answer.status_code == 403


@pytest.mark.parametrize("path", ["/", "/docs", "/openapi.json", "/healthz", "/assets/page.js"])
def test_descriptions_are_open(server: Front, path: str) -> None:
    answer = httpx.get(server.url + path, trust_env=False)
    assert answer.status_code == 200
    assert TOKEN not in answer.text
    assert ADMIN not in answer.text


def test_pages_load_nothing_from_elsewhere(server: Front) -> None:
    for path in (
        "/",
        "/docs",
        "/assets/style.css",
        *(f"/assets/{name}.js" for name in ("page", "docs", "dom", "inputs", "forms", "answers", "snippets")),
    ):
        answer = httpx.get(server.url + path, trust_env=False)
        named = answer.text.replace("http://www.w3.org/2000/svg", "")  # a name, which nothing is loaded from
        assert "http://" not in named
        assert "https://" not in named
        assert "default-src 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:80",
        "127.0.0.1.evil.example",
        "127.0.0.1@evil.example",
        "localhost.evil.example:80",
        "localhost:x",
        "[::2]:80",
        "128.0.0.1",
        "0.0.0.0",
        "",
    ],
)
def test_foreign_hosts_are_refused(server: Front, host: str) -> None:
    for path in ("/healthz", "/docs"):
        answer = httpx.get(server.url + path, headers={"Host": host}, trust_env=False)
        assert answer.status_code == 421
        assert "--allow-host" in answer.json()["error"]


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LocalHost", "[::1]", "127.8.9.10"])
@pytest.mark.parametrize("port", ["", ":9000"])
def test_loopback_is_let_in_through_any_port(server: Front, name: str, port: str) -> None:
    answer = httpx.get(server.url + "/docs", headers={"Host": name + port}, trust_env=False)
    assert answer.status_code == 200


@pytest.mark.parametrize("path", ["/healthz", "/openapi.json", "/v2/health/ready"])
def test_http_1_0_needs_no_host(server: Front, path: str) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
        answer = b""
        while part := connection.recv(65536):
            answer += part
    assert answer.startswith(b"HTTP/1.1 200 ")


def test_no_cors_headers_are_sent(server: Front) -> None:
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    answer = server.client.options("/predict", headers=headers)
    assert answer.status_code == 405
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_large_bodies_are_refused_by_header_and_by_count(server: Front) -> None:
    declared = server.client.post("/predict", content=b"x" * 300_000)
    assert declared.status_code == 413
    chunked = server.client.post("/predict", content=iter([b"x" * 50_000] * 6))
    assert chunked.status_code == 413
    assert "195 KiB" in chunked.json()["error"]
    assert server.predict(pictures(1)).status_code == 200


def test_unknown_paths_and_methods_get_json(server: Front) -> None:
    missing = server.client.get("/nothing/here")
    assert (missing.status_code, "docs" in missing.json()["error"]) == (404, True)
    wrong = server.client.get("/predict")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")
    assert server.client.delete("/healthz").status_code == 405


def test_openapi_describes_what_the_wire_does(server: Front) -> None:
    described = server.client.get("/openapi.json").json()
    assert described["openapi"] == "3.1.0"
    operation = described["paths"]["/predict"]["post"]
    example = operation["requestBody"]["content"]["application/json"]["example"]
    answer = server.client.post("/predict", json=example)
    assert answer.status_code == 200
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    assert set(answer.json()) == set(schema["required"])
    item = schema["properties"]["predictions"]["items"]
    assert set(answer.json()["predictions"][0]) == set(item["required"])


def test_metrics_count_requests_and_batches(server: Front) -> None:
    def value(name: str) -> float:
        text = server.client.get("/metrics").text
        return sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(name))

    name = 'http_requests_total{method="POST",path="/predict",status="200"}'
    before, items = value(name), value("lepton_items_total")
    server.predict(pictures(3))
    assert value(name) == before + 1
    assert value("lepton_items_total") == items + 3
    assert value('lepton_model_version{name="net"}') == 1


def test_unknown_paths_share_one_metric(server: Front) -> None:
    for index in range(5):
        server.client.get(f"/made-up-{index}")
    text = server.client.get("/metrics").text
    assert "made-up" not in text
    assert 'path="other"' in text


def test_stats_tell_what_runs(server: Front) -> None:
    server.predict(pictures(1))
    stats = server.stats()
    assert stats["state"] == "ready"
    assert stats["format"] == "onnx"
    assert stats["parity"]["relative"] < 1e-3
    assert stats["latency_ms"]["p50"] > 0
    assert stats["memory_bytes"] > 1_000_000


def test_no_process_of_the_service_loads_torch_or_a_notebook(server: Front) -> None:
    server.predict(pictures(1))
    for pid in (server.process.pid, server.stats()["worker_pid"]):
        maps = Path(f"/proc/{pid}/maps").read_text()
        for library in ("/torch/", "libtorch", "matplotlib", "pandas", "/zmq/"):
            assert library not in maps, f"process {pid} has loaded {library}"
    assert "numpy" not in Path(f"/proc/{server.process.pid}/maps").read_text()


def test_serving_modules_import_no_torch_and_no_ipython() -> None:
    import subprocess
    import sys

    code = (
        "import sys, json\n"
        "import lepton_nb.serve.worker, lepton_nb.serve.server, lepton_nb.serve.app\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    loaded = set(
        json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)
    )
    assert not loaded & {"torch", "torchvision", "IPython", "matplotlib", "pandas", "ipykernel", "sklearn"}


def test_tokens_are_not_in_the_log(server: Front) -> None:
    assert TOKEN not in server.log
    assert ADMIN not in server.log
