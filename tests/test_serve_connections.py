"""Clients that are slow, greedy or speak no HTTP, on real sockets against the server's own protocol class."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from lepton_nb.serve.http import connections
from tests.connections_support import Running, body_length, everything, running, send_text

pytestmark = pytest.mark.slow

BIG = 8 << 20


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answers with the length of the body, with much, or with all headers."""
    length = await body_length(receive)
    if length is None:
        return
    body = b"x" * BIG if scope["path"] == "/big" else str(length).encode()
    if scope["path"] == "/headers":
        body = b"|".join(b"=".join(header) for header in scope["headers"])
    await send_text(send, body)


def answer_of(client: socket.socket) -> bytes:
    """An answer with a body of one digit or more, on a connection that stays open."""
    answer = b""
    while answer.endswith(b"\r\n\r\n") or b"\r\n\r\n" not in answer:
        answer += client.recv(65536)
    return answer


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with running(echo) as found:
        yield found


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "_SWEEP", 0.02)
    monkeypatch.setattr(connections, "_HEADER_LIMIT", 0.2)
    monkeypatch.setattr(connections, "_BODY_GRACE", 0.2)


GOOD = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi"


def test_headers_that_do_not_come_are_not_waited_for(server: Running) -> None:
    answer = server.ask(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow:")
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'{"error":"the headers did not come' in answer


def test_an_unused_connection_is_closed_without_a_word(server: Running) -> None:
    assert server.ask(b"") == b""


def test_a_trickle_of_headers_does_not_help(server: Running) -> None:
    with server.connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
        started = time.monotonic()
        answer = b""
        client.settimeout(0.02)
        while not answer and time.monotonic() - started < 8:
            client.sendall(b"a: b\r\n")
            try:
                answer = client.recv(4096)
            except TimeoutError:
                continue
        assert answer.startswith(b"HTTP/1.1 408 ")


def test_nothing_but_line_ends_after_a_request_does_not_hold_the_connection(server: Running) -> None:
    with server.connect() as client:
        client.sendall(GOOD)
        assert answer_of(client).endswith(b"\r\n\r\n2")
        client.sendall(b"\r\n")
        assert everything(client) in (b"", b"\r\n")


def test_a_body_that_does_not_come_is_not_waited_for(server: Running) -> None:
    answer = server.ask(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n{")
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"KiB/s" in answer


def test_a_slow_but_steady_body_is_taken(server: Running) -> None:
    with server.connect() as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n")
        for _ in range(10):
            client.sendall(b"x" * 20000)
            time.sleep(0.05)
        assert answer_of(client).endswith(b"\r\n\r\n200000")


def test_headers_without_end_are_refused(server: Running) -> None:
    answer = server.ask(b"GET / HTTP/1.1\r\nHost: x\r\n" + b"a: " + b"x" * 70_000 + b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 431 ")


def test_what_is_no_http_is_answered_as_json(server: Running) -> None:
    for rubbish in (
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\n\r\n",
    ):
        answer = server.ask(rubbish)
        assert answer.startswith(b"HTTP/1.1 400 "), rubbish
        assert b'{"error":' in answer


def test_a_client_that_never_reads_is_cut_off(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "_ANSWER_LIMIT", 0.2)
    with server.connect() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.sendall(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
        deadline = time.monotonic() + 8
        while server.server.server_state.connections and time.monotonic() < deadline:
            time.sleep(0.02)
        assert not server.server.server_state.connections


def test_more_connections_than_allowed_are_told(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "_MAX_CONNECTIONS", 2)
    monkeypatch.setattr(connections, "_HEADER_LIMIT", 5.0)
    held = [server.connect() for _ in range(2)]
    for client in held:
        client.sendall(GOOD)
        assert b"200 OK" in answer_of(client)
    answer = server.ask(GOOD)
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"retry-after: 1" in answer
    held.pop().close()
    deadline = time.monotonic() + 5
    while len(server.server.server_state.connections) > 1 and time.monotonic() < deadline:
        time.sleep(0.01)
    with server.connect() as client:
        client.sendall(GOOD)
        assert answer_of(client).endswith(b"\r\n\r\n2")
    held.pop().close()


INNER = b"GET /inner HTTP/1.1\r\nHost: x\r\n\r\n"
SIZE = str(len(INNER)).encode()
CHUNKED = b"%x\r\n%b\r\n0\r\n\r\n" % (len(INNER), INNER)


@pytest.mark.parametrize("offer", [b"h2c", b"websocket", b"TLS/1.0, HTTP/1.1", b"foo"])
@pytest.mark.parametrize("pause", [0.0, 0.05])
@pytest.mark.parametrize(
    ("framing", "body"),
    [(b"Content-Length: " + SIZE, INNER), (b"Transfer-Encoding: chunked", CHUNKED)],
)
def test_an_offered_upgrade_changes_nothing(
    server: Running, offer: bytes, pause: float, framing: bytes, body: bytes
) -> None:
    head = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, close\r\nUpgrade: " + offer + b"\r\n"
    with server.connect() as client:
        client.sendall(head + framing + b"\r\n\r\n")
        time.sleep(pause)
        client.sendall(body)
        answer = everything(client)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.count(b"HTTP/1.1 ") == 1
    assert answer.endswith(b"\r\n\r\n" + SIZE)


def test_every_request_that_offers_an_upgrade_has_its_answer(server: Running) -> None:
    offer = (
        b"POST / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: h2c\r\nContent-Length: %d\r\n\r\n%b"
    )
    many = b"".join(offer % (size, b"x" * size) for size in (3, 0, 12))
    answer = server.ask(many + GOOD.replace(b"Host: x", b"Host: x\r\nConnection: close"))
    assert [part[-2:].strip() for part in answer.split(b"HTTP/1.1 200 OK")[1:]] == [b"3", b"0", b"12", b"2"]


def test_other_headers_of_a_request_with_an_offer_stay(server: Running) -> None:
    offer = b"Connection: Upgrade, close\r\nUpgrade: h2c\r\n"
    answer = server.ask(b"GET /headers HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer y\r\n" + offer + b"\r\n")
    assert b"host=x|authorization=Bearer y|connection=Upgrade, close" in answer


def test_trailers_are_no_headers(server: Running) -> None:
    trailer = b"Authorization: Bearer y\r\nHost: evil\r\nUpgrade: h2c\r\nConnection: upgrade\r\n"
    head = b"POST /headers HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n"
    last = b"GET /headers HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    answer = server.ask(head + trailer + b"\r\n" + last)
    assert answer.count(b"HTTP/1.1 200 ") == 2
    assert b"host=x|transfer-encoding=chunked" in answer
    assert answer.endswith(b"host=x|connection=close")
    assert b"Bearer" not in answer
    assert b"evil" not in answer


@pytest.mark.parametrize(
    ("status", "request_"),
    [
        (501, b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n" + INNER),
        (501, b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n" + INNER),
        (400, b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\n\r\n"),
        (501, b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n" + CHUNKED),
        (501, b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n" + CHUNKED),
        (400, b"POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKED),
        (400, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"),
    ],
)  # fmt: skip
def test_a_head_that_leaves_doubt_is_refused(server: Running, status: int, request_: bytes) -> None:
    answer = server.ask(request_)
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert b'{"error":' in answer
    assert answer.count(b"\r\n\r\n") == 1


@pytest.mark.parametrize(
    ("target", "host"),
    [(b"http://evil:81/headers", b"evil:81"), (b"http://u@[::1]/headers?a", b"[::1]"), (b"/headers", b"x")],
)
def test_the_host_of_the_target_counts(server: Running, target: bytes, host: bytes) -> None:
    answer = server.ask(b"GET " + target + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert answer.endswith(b"\r\n\r\nhost=" + host + b"|connection=close")


def test_a_target_of_a_host_alone_is_its_root(server: Running) -> None:
    assert server.ask(b"GET http://x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").endswith(b"\r\n\r\n0")
