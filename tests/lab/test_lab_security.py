"""Who may ask: every route needs Jupyter's login, its permission and, to change something, its XSRF token."""

from __future__ import annotations

import json
import re
from itertools import product
from typing import Any

import pytest
from jupyter_server.auth import Authorizer
from tornado.httpclient import HTTPClientError
from tornado.web import RequestHandler

from lepton_nb.lab.routes import API, SERVICES
from tests.runs_helpers import make_run

pytestmark = pytest.mark.slow

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


class Nobody(Authorizer):
    """An authorizer that lets nobody do anything."""

    def is_authorized(self, handler: Any, user: Any, action: str, resource: str) -> bool:
        return resource != "lepton"


class Readers(Authorizer):
    """An authorizer that lets everybody look."""

    def is_authorized(self, handler: Any, user: Any, action: str, resource: str) -> bool:
        return resource != "lepton" or action == "read"


def every_route() -> list[tuple[str, str]]:
    """``(path, method)`` of every route and each of its methods."""
    found = []
    for prefix, routes in (("lepton/api/", API), ("lepton/services/", SERVICES)):
        for pattern, handler in routes:
            path = prefix + re.sub(r"\([^)]*\)", "0a", pattern)
            found += [
                (path, method)
                for method in METHODS
                if getattr(handler, method.lower()) is not getattr(RequestHandler, method.lower())
            ]
    return found


async def status_of(client: Any, path: str, method: str, headers: dict[str, str]) -> int:
    body = "{}" if method in ("POST", "PUT", "PATCH") else None
    try:
        answer = await client.fetch(path, method=method, headers=headers, body=body, follow_redirects=False)
    except HTTPClientError as error:
        return error.code
    return answer.code


async def test_no_route_answers_without_a_login(
    jp_serverapp: Any, http_server_client: Any, jp_base_url: str
) -> None:
    routes = every_route()
    assert len({path for path, _ in routes}) >= 20
    for path, method in routes:
        status = await status_of(http_server_client, jp_base_url + path, method, {})
        page = "services" in path and method in ("GET", "HEAD")
        assert status in ((302,) if page else (403,)), f"{method} {path} answered {status}"


@pytest.mark.parametrize(("authorizer", "allowed"), [(Nobody, ()), (Readers, ("GET", "HEAD"))])
async def test_every_route_asks_for_its_permission(
    jp_serverapp: Any,
    http_server_client: Any,
    jp_base_url: str,
    authorizer: Any,
    allowed: tuple[str, ...],
) -> None:
    app = jp_serverapp
    app.web_app.settings["authorizer"] = authorizer(parent=app)
    headers = {"Authorization": f"token {app.identity_provider.token}"}
    for path, method in every_route():
        if method not in allowed:
            status = await status_of(http_server_client, jp_base_url + path, method, headers)
            assert status == 403, f"{method} {path} answered {status}"


async def test_a_cookie_alone_changes_nothing(
    jp_serverapp: Any, http_server_client: Any, jp_base_url: str
) -> None:
    """A page elsewhere can make the browser send the cookie, but not the XSRF token."""
    run = make_run("cnn")
    run.begin()
    token = jp_serverapp.identity_provider.token
    login = await http_server_client.fetch(
        f"{jp_base_url}tree?token={token}", follow_redirects=False, raise_error=False
    )
    cookies = "; ".join(cookie.split(";")[0] for cookie in login.headers.get_list("Set-Cookie"))
    assert "username-" in cookies
    path = f"{jp_base_url}lepton/api/runs/cnn/actions"
    body = json.dumps({"action": "stop"})
    plain = await http_server_client.fetch(
        path, method="POST", body=body, headers={"Cookie": cookies}, raise_error=False
    )
    assert plain.code == 403
    assert run.take_request() is None
    xsrf = re.search(r"_xsrf=([^;]+)", cookies)
    if xsrf is None:
        page = await http_server_client.fetch(
            f"{jp_base_url}login", headers={"Cookie": cookies}, raise_error=False, follow_redirects=False
        )
        fresh = "; ".join(cookie.split(";")[0] for cookie in page.headers.get_list("Set-Cookie"))
        xsrf = re.search(r"_xsrf=([^;]+)", fresh)
        cookies = f"{cookies}; {fresh}"
    assert xsrf is not None
    headers = {"Cookie": cookies, "X-XSRFToken": xsrf[1]}
    proven = await http_server_client.fetch(path, method="POST", body=body, headers=headers)
    assert proven.code == 200
    assert run.take_request() == "stop"


async def test_a_path_is_no_name(
    jp_serverapp: Any, http_server_client: Any, jp_base_url: str, jp_auth_header: dict[str, str]
) -> None:
    make_run("cnn")
    for ref in ("..%2F..%2Fetc%2Fpasswd", "%2Fetc%2Fpasswd", "..", "a%00b", "cnn%2F..%2Fcnn"):
        for kind, tail in product(("runs", "deployments"), ("", "/log", "/history")):
            path = f"{jp_base_url}lepton/api/{kind}/{ref}{tail}"
            assert await status_of(http_server_client, path, "GET", jp_auth_header) == 404, path


async def test_answers_are_not_kept_and_not_framed(jp_fetch: Any) -> None:
    answer = await jp_fetch("lepton", "api", "runs")
    assert answer.headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
