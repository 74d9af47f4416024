"""Whatever is sent to whatever route: a named cause for every refusal, no leak, no hang, no dead worker."""

from __future__ import annotations

import gzip
import io
import itertools
import json
import re
import socket
import zlib
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx
import numpy as np
import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from lepton_nb.packaging import Package
from tests.fuzzing import damaged, edits, fuzz
from tests.serving_support import ADMIN, TOKEN, Front, front, make_package, pictures

pytestmark = pytest.mark.slow

LIMIT = 64 << 10
PATIENCE = 10.0  # seconds; an answer that takes longer is a hang
MOST_MEMORY = 400 << 20


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    return make_package(tmp_path_factory.mktemp("packages") / "net")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, package: Package) -> Iterator[Front]:
    with front(tmp_path_factory.mktemp("state"), package, max_body=LIMIT, time_limit=5.0) as running:
        running.client.timeout = httpx.Timeout(PATIENCE)
        for _ in range(20):
            assert running.predict(pictures(2)).status_code == 200
        yield running


@pytest.fixture(scope="module", autouse=True)
def nothing_leaks(server: Front) -> Iterator[None]:
    """After everything in this file the service is as it was, and has never lost a worker."""
    before = footprint(server)
    yield
    assert server.predict(pictures(2)).status_code == 200
    server.client.close()
    server.client = httpx.Client(
        base_url=server.url, headers={"Authorization": f"Bearer {TOKEN}"}, trust_env=False, timeout=20
    )
    server.wait_for(lambda: footprint(server)["files"] <= before["files"] + 2)
    after = footprint(server)
    assert after["processes"] == before["processes"]
    assert after["threads"] <= before["threads"] + 2
    assert after["memory"] < MOST_MEMORY
    stats = server.stats()
    assert (stats["restarts"], stats["state"], stats["queue"], stats["in_flight"]) == (0, "ready", 0, 0)
    assert "Traceback" not in server.log, server.log


def footprint(server: Front) -> dict[str, Any]:
    processes = [psutil.Process(server.process.pid)]
    processes += processes[0].children(recursive=True)
    return {
        "processes": sorted(process.pid for process in processes),
        "files": sum(process.num_fds() for process in processes),
        "threads": sum(process.num_threads() for process in processes),
        "memory": sum(process.memory_info().rss for process in processes),
    }


def check(answer: httpx.Response) -> None:
    """What every answer must be, whatever was asked."""
    status = answer.status_code
    assert 200 <= status < 500 or status in (503, 504), f"{status}: {answer.text}"
    if status >= 400 and answer.request.method != "HEAD":
        assert answer.headers["content-type"] == "application/json"
        error = answer.json()["error"]
        assert isinstance(error, str)
        assert len(error) > 5
    assert TOKEN not in answer.text
    assert ADMIN not in answer.text


PATHS = (
    "/", "/docs", "/healthz", "/metrics", "/openapi.json", "/predict", "/admin/stats", "/admin/activate",
    "/v2", "/v2/health/live", "/v2/health/ready", "/v2/models/net", "/v2/models/net/ready",
    "/v2/models/net/infer", "/v2/models/net/versions/1/infer", "/assets/page.js",
)  # fmt: skip
METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "PROPFIND")
TYPES = (
    "application/json",
    "multipart/form-data; boundary=X",
    "application/x-www-form-urlencoded",
    "application/x-npy",
    "image/png",
    "application/octet-stream",
    "text/plain",
    "",
    "a/b;c",
)

text = st.text(max_size=20)
url_text = st.text(
    st.characters(codec="ascii", exclude_characters=" #?\r\n\t", exclude_categories=["Cc"]), max_size=20
)
paths = st.one_of(
    st.sampled_from(PATHS),
    st.builds(
        lambda path, more: path + more,
        st.sampled_from(PATHS),
        st.sampled_from(["/", "//", "/../x", "%00", "%2e%2e/", "?a=1&a=2", "/x"]),
    ),
    url_text.map(lambda part: "/" + part),
)
header_values = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40).map(str.strip)
headers = st.dictionaries(
    st.sampled_from(
        [
            "Content-Type",
            "Accept",
            "Content-Encoding",
            "Origin",
            "Range",
            "X-Forwarded-For",
            "Cookie",
            "Inference-Header-Content-Length",
            "If-None-Match",
            "Accept-Encoding",
        ]
    ),
    st.one_of(
        header_values,
        st.sampled_from(TYPES),
        st.sampled_from(["gzip", "deflate", "identity", "-1", "99999999999"]),
    ),
    max_size=3,
)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), text, st.just(0.5)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(text, inner, max_size=3)),
    max_leaves=12,
)


@fuzz
@given(
    method=st.sampled_from(METHODS),
    path=paths,
    head=headers,
    body=st.binary(max_size=200),
    token=st.sampled_from([None, "wrong", TOKEN, ADMIN]),
)
def test_any_route_with_any_method(
    server: Front, method: str, path: str, head: dict[str, str], body: bytes, token: str | None
) -> None:
    if token is not None:
        head = {**head, "Authorization": f"Bearer {token}"}
    request = httpx.Request(method, httpx.URL(server.url, raw_path=path.encode()), headers=head, content=body)
    check(server.client.send(request, auth=None))


@fuzz
@given(
    path=st.sampled_from(["/predict", "/v2/models/net/infer", "/admin/activate"]),
    value=st.one_of(
        values,
        st.dictionaries(
            st.sampled_from(["inputs", "image", "images", "package", "version", "format", "device"]),
            values,
            max_size=3,
        ),
        st.builds(lambda *shape: {"inputs": np.zeros(shape).tolist()}, *[st.integers(0, 9)] * 4),
        st.builds(
            lambda name, kind, shape, data, binary: {
                "inputs": [{"name": name, "datatype": kind, "shape": shape, "data": data, **binary}]
            },
            st.sampled_from(["image", "x"]),
            st.sampled_from(["FP32", "FP64", "INT64", "BYTES", "BOOL", "FP99"]),
            st.lists(st.integers(-2, 1 << 40), max_size=5),
            values,
            st.one_of(
                st.just({}),
                st.builds(lambda n: {"parameters": {"binary_data_size": n}}, st.integers(-9, 1 << 40)),
            ),
        ),
    ),
)
def test_any_json(server: Front, path: str, value: Any) -> None:
    token = ADMIN if path.startswith("/admin") else TOKEN
    if isinstance(value, dict) and {"package", "version"} <= value.keys():
        value.pop("package")  # starting a worker for each would take its time; tests of switching do
    body = json.dumps(value, default=str).encode("utf-8", "surrogatepass")
    answer = server.client.post(
        path, content=body, headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    )
    check(answer)


def _png() -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (9, 7), (200, 30, 30)).save(stream, "PNG")
    return stream.getvalue()


def _npy() -> bytes:
    stream = io.BytesIO()
    np.save(stream, pictures(1).numpy())
    return stream.getvalue()


def _infer() -> bytes:
    head = {
        "inputs": [
            {
                "name": "image",
                "datatype": "FP32",
                "shape": [1, 1, 8, 8],
                "parameters": {"binary_data_size": 256},
            }
        ]
    }
    return json.dumps(head).encode() + pictures(1).numpy().tobytes()


def _form() -> bytes:
    part = (
        b'--X\r\nContent-Disposition: form-data; name="file"; filename="%b"\r\nContent-Type: %b\r\n\r\n%b\r\n'
    )
    parts = [part % (b"a.png", b"image/png", _png()), part % (b"b", b"application/octet-stream", _npy())]
    return b"".join(parts) + b"--X--\r\n"


_JSON = json.dumps({"inputs": pictures(1).tolist()}).encode()
_FORM = "multipart/form-data; boundary=X"
GOOD: dict[str, tuple[str, bytes, dict[str, str]]] = {
    "picture": ("/predict", _png(), {"Content-Type": "image/png"}),
    "npy": ("/predict", _npy(), {"Content-Type": "application/x-npy"}),
    "json": ("/predict", _JSON, {"Content-Type": "application/json"}),
    "unnamed": ("/predict", _png(), {"Content-Type": "application/octet-stream"}),
    "form": ("/predict", _form(), {"Content-Type": _FORM}),
    "gzip": ("/predict", gzip.compress(_JSON[:99]) + gzip.compress(_JSON[99:]), {"Content-Encoding": "gzip"}),
    "gzipped form": ("/predict", gzip.compress(_form()), {"Content-Encoding": "gzip", "Content-Type": _FORM}),
    "deflate": ("/predict", zlib.compress(_JSON), {"Content-Encoding": "deflate"}),
    "tensors": (
        "/v2/models/net/infer",
        _infer(),
        {
            "Content-Type": "application/octet-stream",
            "Inference-Header-Content-Length": str(len(_infer()) - 256),
        },
    ),
}


@fuzz
@given(
    kind=st.sampled_from(sorted(GOOD)),
    changes=edits,
    cut=st.sampled_from([0, 0, 1, 7, 100]),
    repeat=st.sampled_from([1, 1, 1, 2, 900]),
)
def test_any_damage_to_a_good_request(
    server: Front, kind: str, changes: list[tuple[int, int]], cut: int, repeat: int
) -> None:
    path, content, head = GOOD[kind]
    answer = server.client.post(path, content=damaged(content, changes, cut, repeat), headers=head)
    check(answer)
    if not changes and not cut and repeat == 1:
        assert answer.status_code == 200, answer.text


@settings(fuzz, max_examples=60)
@given(changes=edits, cut=st.integers(0, 40), rubbish=st.binary(max_size=60))
def test_any_damage_to_http_itself(
    server: Front, changes: list[tuple[int, int]], cut: int, rubbish: bytes
) -> None:
    """The server answers or closes; after a half-closed connection it does not wait for more."""
    host, port = server.url.removeprefix("http://").split(":")
    body = b'{"inputs": [[1]]}'
    request = (
        f"POST /predict HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {TOKEN}\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    ).encode() + body
    with socket.create_connection((host, int(port)), timeout=PATIENCE) as client:
        client.sendall(damaged(request, changes, cut, 1) + rubbish)
        client.shutdown(socket.SHUT_WR)
        answer = b""
        try:
            while part := client.recv(65536):
                answer += part
        except ConnectionResetError:
            pass
    if answer:
        status = int(answer.split(b" ", 2)[1])
        assert status < 500 or status in (501, 503, 505), answer


INNER = b"POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %b\r\nContent-Length: 0\r\n\r\n"
OFFERS = (
    b"Upgrade: h2c",
    b"Upgrade: websocket",
    b"Connection: Upgrade",
    b"Connection: keep-alive, upgrade",
    b"Connection: close",
    b"HTTP2-Settings: AAMAAABkAAQBAAAAAAIAAAAA",
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    b"Expect: 100-continue",
)
TRAILERS = (b"Authorization: Bearer " + TOKEN.encode(), b"Host: evil", b"Upgrade: h2c")
TARGETS = (b"/predict", b"/healthz", b"http://127.0.0.1/predict", b"http://evil.example/predict")


@settings(fuzz, max_examples=80)
@given(
    offers=st.lists(st.sampled_from(OFFERS), max_size=5),
    method=st.sampled_from([b"POST", b"GET", b"PUT", b"CONNECT"]),
    target=st.sampled_from(TARGETS),
    trailers=st.one_of(st.none(), st.lists(st.sampled_from(TRAILERS), max_size=2)),
    cuts=st.lists(st.integers(0, 600), max_size=2),
)
def test_no_request_is_made_out_of_a_body(
    server: Front,
    offers: list[bytes],
    method: bytes,
    target: bytes,
    trailers: list[bytes] | None,
    cuts: list[int],
) -> None:
    """One request without a token, whose body is one with it: one answer, which is not that of the body."""
    body = INNER % TOKEN.encode()
    framing = b"Content-Length: %d" % len(body)
    if trailers is not None:
        framing = b"Transfer-Encoding: chunked"
        body = b"\r\n".join([b"%x" % len(body), body, b"0", *trailers, b"", b""])
    first = b"%b %b HTTP/1.1" % (method, target)
    whole = b"\r\n".join([first, b"Host: 127.0.0.1", *offers, framing, b"", body])
    host, port = server.url.removeprefix("http://").split(":")
    answer = b""
    with socket.create_connection((host, int(port)), timeout=PATIENCE) as client, suppress(OSError):
        for start, end in itertools.pairwise([0, *sorted(cuts), len(whole)]):
            client.sendall(whole[start:end])
        client.shutdown(socket.SHUT_WR)
        while part := client.recv(65536):
            answer += part
    given = [int(status) for status in re.findall(rb"HTTP/1.1 (\d+) ", answer) if status != b"100"]
    foreign = target.startswith(b"http://evil")
    taken = {421, 501} if foreign else {200, 405, 501} if target == b"/healthz" else {401, 501}
    assert len(given) <= 1, answer
    assert taken.issuperset(given), answer


def bomb(width: int, height: int) -> bytes:
    """A PNG of few bytes that claims to be large."""
    stream = io.BytesIO()
    Image.new("1", (1, 1)).save(stream, "PNG")
    import struct

    content = bytearray(stream.getvalue())
    content[16:24] = struct.pack("!II", width, height)
    content[29:33] = struct.pack("!I", zlib.crc32(bytes(content[12:29])))
    return bytes(content)


def npy_header(shape: tuple[int, ...]) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "<f4", "fortran_order": False, "shape": shape})
    return stream.getvalue() + bytes(64)


def huge(**more: Any) -> bytes:
    """A tensor of 2^46 values, as the Open Inference Protocol announces it."""
    tensor = {"name": "image", "datatype": "FP32", "shape": [1 << 40, 1, 8, 8], **more}
    return json.dumps({"inputs": [tensor]}).encode()


@pytest.mark.parametrize(
    ("path", "kind", "content"),
    [
        ("/predict", "image/png", bomb(50_000, 50_000)),
        ("/predict", "image/png", bomb(2**31 - 1, 2**31 - 1)),
        ("/predict", "application/x-npy", npy_header((1 << 40, 1, 8, 8))),
        ("/predict", "application/x-npy", npy_header((1 << 62, 1 << 62))),
        ("/predict", "application/json", b"[" * 60_000),
        ("/predict", "application/json", b'{"inputs": ' + b"[" * 1000 + b"]" * 1000 + b"}"),
        ("/predict", "application/json", b'{"inputs": [' + b"1e999," * 5000 + b"1]}"),
        ("/predict", "application/json", b'{"inputs": ' + b"9" * 50_000 + b"}"),
        ("/v2/models/net/infer", "application/json", huge(data=[1])),
        ("/v2/models/net/infer", "application/octet-stream", huge(parameters={"binary_data_size": 1 << 48})),
    ],
)  # fmt: skip
def test_bombs_are_refused_before_anything_is_allocated(
    server: Front, path: str, kind: str, content: bytes
) -> None:
    worker = psutil.Process(server.stats()["worker_pid"])
    before = worker.memory_info().rss
    head = {
        "Content-Type": kind,
        **({"Inference-Header-Content-Length": str(len(content))} if "octet" in kind else {}),
    }
    answer = server.client.post(path, content=content, headers=head)
    check(answer)
    assert 400 <= answer.status_code < 500
    assert worker.memory_info().rss < before + (30 << 20)


def test_a_gzip_bomb_is_stopped_at_the_limit(server: Front) -> None:
    content = gzip.compress(b" " * (40 << 20), 9)
    assert len(content) < LIMIT
    answer = server.client.post(
        "/predict", content=content, headers={"Content-Encoding": "gzip", "Content-Type": "application/json"}
    )
    check(answer)
    assert answer.status_code == 413


def test_no_address_in_a_request_is_fetched(server: Front) -> None:
    with socket.create_server(("127.0.0.1", 0)) as trap:
        trap.settimeout(0.3)
        link = f"http://127.0.0.1:{trap.getsockname()[1]}/picture.png"
        for body in (
            {"image": link},
            {"images": [link]},
            {"inputs": link},
            {"image": "file:///etc/passwd"},
            {"image": "/etc/passwd"},
        ):
            answer = server.client.post("/predict", json=body)
            check(answer)
            assert answer.status_code == 422
        with pytest.raises(TimeoutError):
            trap.accept()
