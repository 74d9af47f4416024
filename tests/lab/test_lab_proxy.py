"""Services' routes through Jupyter: what is passed on, what is kept, and what comes back."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from tornado.httpclient import HTTPResponse
from tornado.httpserver import HTTPServer
from tornado.simple_httpclient import HTTPTimeoutError
from tornado.testing import bind_unused_port
from tornado.web import Application, RequestHandler

from lepton_nb.deployment.state import ServiceState
from lepton_nb.lab import proxy
from lepton_nb.runs import DeploymentRecord, RunStore
from tests.serving_support import ADMIN, TOKEN, front, make_package

pytestmark = pytest.mark.slow

Fetch = Callable[..., Awaitable[HTTPResponse]]


class Echo(RequestHandler):
    """A service that answers with what it got."""

    gone = asyncio.Event()

    async def prepare(self) -> None:
        self.set_header("Set-Cookie", "evil=1")
        self.set_header("X-Own", "kept")
        self.set_header("Keep-Alive", "timeout=5")
        if self.request.path == "/moved":
            self.redirect("/elsewhere")
        elif self.request.path == "/slow":
            for number in range(3):
                self.write(f"part {number}\n")
                await self.flush()
                await asyncio.sleep(0.15)
            await self.finish()
        elif self.request.path == "/stuck":
            await asyncio.sleep(30)
        else:
            headers = [[name.lower(), value] for name, value in self.request.headers.get_all()]
            said = {"method": self.request.method, "uri": self.request.uri, "headers": headers}
            await self.finish({**said, "size": len(self.request.body)})

    def on_connection_close(self) -> None:
        Echo.gone.set()


def register(name: str, url: str) -> None:
    """Make the store believe that a service of that name listens there."""
    ServiceState.of(name).write_settings({"name": name, "token": TOKEN, "admin_token": ADMIN})
    port = int(url.rpartition(":")[2])
    RunStore().save_deployment(DeploymentRecord(name, url, "127.0.0.1", port, None, None, "net", 1))


@pytest.fixture
def echo(jp_asyncio_loop: Any, lepton_home: Path) -> Any:
    sock, port = bind_unused_port()

    async def start() -> HTTPServer:
        Echo.gone = asyncio.Event()
        server = HTTPServer(Application([(".*", Echo)]), max_body_size=proxy.LONGEST_BODY + 1024)
        server.add_socket(sock)
        return server

    server = jp_asyncio_loop.run_until_complete(start())
    register("echo", f"http://127.0.0.1:{port}")
    yield port
    server.stop()


@pytest.fixture
def fetch(jp_serverapp: Any, http_server_client: Any, jp_base_url: str, jp_auth_header: Any) -> Fetch:
    async def fetch(path: str, headers: dict[str, str] | None = None, **options: Any) -> HTTPResponse:
        answer: HTTPResponse = await http_server_client.fetch(
            f"{jp_base_url}lepton/services/{path}",
            headers={**jp_auth_header, **(headers or {})},
            raise_error=False,
            follow_redirects=False,
            **options,
        )
        return answer

    return fetch


async def test_nothing_of_jupyter_reaches_a_service(fetch: Fetch, echo: int, jp_serverapp: Any) -> None:
    token = jp_serverapp.identity_provider.token
    sent = {"Cookie": "username=secret; _xsrf=s", "X-XSRFToken": "s", "Connection": "x-hop", "X-Hop": "1"}
    sent |= {"Origin": "http://127.0.0.1", "Referer": "http://127.0.0.1/lab", "X-Kept": "1", "TE": "trailers"}
    answer = await fetch(f"echo/proxy/predict?a=1&token={token}&b=%2F", headers=sent)
    got = json.loads(answer.body)
    headers = dict(got["headers"])
    assert headers["authorization"] == f"Bearer {TOKEN}"
    assert headers["host"] == f"127.0.0.1:{echo}"
    assert headers["x-kept"] == "1"
    assert not {"cookie", "x-xsrftoken", "origin", "referer", "x-hop", "te"} & set(headers)
    assert got["uri"] == "/predict?a=1&b=%2F"
    assert token not in answer.body.decode()


async def test_nothing_of_a_service_reaches_jupyters_cookies(fetch: Fetch, echo: int) -> None:
    answer = await fetch("echo/proxy/x")
    assert answer.headers["X-Own"] == "kept"
    assert "evil" not in str(answer.headers.get_list("Set-Cookie"))
    assert "Keep-Alive" not in answer.headers
    policy = answer.headers["Content-Security-Policy"]
    assert "frame-ancestors 'self'" in policy
    assert "default-src 'none'" in policy, "an answer without a policy of its own runs no script"
    moved = await fetch("echo/proxy/moved")
    assert moved.headers["Location"].endswith("/lepton/services/echo/proxy/elsewhere")


async def test_every_method_is_passed_on(fetch: Fetch, echo: int) -> None:
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"):
        body = b"12345" if method in ("POST", "PUT", "PATCH") else None
        answer = await fetch("echo/proxy/x", method=method, body=body)
        assert answer.code == 200, method
        if method != "HEAD":
            got = json.loads(answer.body)
            assert (got["method"], got["size"]) == (method, len(body or b""))


async def test_answers_are_streamed(fetch: Fetch, echo: int) -> None:
    parts: list[tuple[float, bytes]] = []
    clock = asyncio.get_running_loop().time

    await fetch("echo/proxy/slow", streaming_callback=lambda part: parts.append((clock(), part)))
    assert b"".join(part for _, part in parts) == b"part 0\npart 1\npart 2\n"
    assert parts[-1][0] - parts[0][0] > 0.2, "the first part came before the last was made"


async def test_a_browser_that_goes_away_ends_the_request(fetch: Fetch, echo: int) -> None:
    with pytest.raises(HTTPTimeoutError):
        await fetch("echo/proxy/stuck", request_timeout=0.5)
    async with asyncio.timeout(5):
        await Echo.gone.wait()


async def test_a_large_body_is_refused_and_the_limit_is_let_through(
    fetch: Fetch, echo: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proxy, "LONGEST_BODY", 1 << 20)
    assert (await fetch("echo/proxy/x", method="POST", body=b"x" * (1 << 20))).code == 200
    refused = await fetch("echo/proxy/x", method="POST", body=b"x" * ((1 << 20) + 1))
    assert (refused.code, json.loads(refused.body)) == (413, {"error": "the body has more than 1 MiB"})


async def test_administration_is_not_reachable(fetch: Fetch, echo: int) -> None:
    for path in ("admin/stats", "%61dmin/stats", "x/../admin/stats", "/admin/stats", "./admin"):
        assert (await fetch(f"echo/proxy/{path}")).code == 404, path


async def test_only_services_of_the_store_are_reached(fetch: Fetch, echo: int) -> None:
    for name in ("nothing", "127.0.0.1:22", "..%2Fecho", "echo%2F..%2Fecho"):
        assert (await fetch(f"{name}/proxy/")).code == 404
    assert (await fetch("echo/proxy")).headers["Location"].endswith("/lepton/services/echo/proxy/")


async def test_a_service_that_is_gone_is_a_bad_gateway(fetch: Fetch, lepton_home: Path) -> None:
    sock, port = bind_unused_port()
    sock.close()
    register("gone", f"http://127.0.0.1:{port}")
    answer = await fetch("gone/proxy/predict")
    assert answer.code == 502
    assert "does not answer" in json.loads(answer.body)["error"]


async def test_a_real_service_answers_through_jupyter(fetch: Fetch, ask: Any, tmp_path: Path) -> None:
    package = make_package(tmp_path / "package")
    with front(ServiceState.of("net").path, package) as server:
        register("net", server.url)
        page = await fetch("net/proxy/")
        assert b"<!doctype html>" in page.body.lower()
        assert "script-src 'self'" in page.headers["Content-Security-Policy"]
        picture = io.BytesIO()
        Image.new("L", (8, 8), 128).save(picture, "PNG")
        answer = await fetch(
            "net/proxy/predict", {"Content-Type": "image/png"}, method="POST", body=picture.getvalue()
        )
        assert json.loads(answer.body)["predictions"][0]["label"] in ("cat", "dog", "fox")
        many = await asyncio.gather(*(fetch("net/proxy/openapi.json") for _ in range(20)))
        assert {answer.code for answer in many} == {200}
