"""Our connections against the cases of `http_cases`, however the bytes are cut."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import h11
import pytest

from lepton_nb.serve.http import connections
from tests.connections_support import Running, body_length, everything, running, send_text
from tests.http_cases import CASES, HOST, Case

pytestmark = pytest.mark.slow

LAST = b"GET /last HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n"
ALL = [pytest.param(case, id=f"{kind}: {case[0]}") for kind, cases in CASES.items() for case in cases]


async def tell(scope: Any, receive: Any, send: Any) -> None:
    """Answers with what it was asked."""
    length = await body_length(receive)
    if length is not None:
        await send_text(send, f"saw: {scope['method']} {scope['path']} {length}".encode())


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with running(tell) as found:
        yield found


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "_SWEEP", 0.02)
    monkeypatch.setattr(connections, "_HEADER_LIMIT", 2.0)


def made_of(server: Running, content: bytes, step: int) -> tuple[list[int], list[str]]:
    """Statuses, and what the application saw, of bytes sent in pieces of `step`."""
    with server.connect() as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with suppress(OSError):  # refused before all of it was sent
            for at in range(0, len(content), step):
                client.sendall(content[at : at + step])
        answer = everything(client)
    statuses = [int(found) for found in re.findall(rb"HTTP/1\.1 (\d+) ", answer) if found != b"100"]
    if statuses[:1] == [200] and statuses[-1] == 400:
        statuses.pop()  # of what came after the last answer: it depends on the moment
    return statuses, re.findall(r"saw: (\S+ \S+ \d+)", answer.decode("latin-1"))


def expected_of(case: Case) -> tuple[list[int], list[str]]:
    name, _, outcome = case
    if isinstance(outcome, int):
        return [outcome], []
    seen = [*outcome] if name.startswith("after") else [*outcome, "GET /last 0"]
    return [200] * len(seen), seen


@pytest.mark.parametrize("case", ALL)
def test_each_case_is_what_it_says(server: Running, case: Case) -> None:
    assert made_of(server, case[1] + LAST, 1 << 20) == expected_of(case)


@pytest.mark.parametrize("step", [1, 2, 7])
@pytest.mark.parametrize("kind", CASES)
def test_however_the_bytes_are_cut(server: Running, kind: str, step: int) -> None:
    for case in CASES[kind]:
        if len(case[1]) < 1000:
            assert made_of(server, case[1] + LAST, step) == expected_of(case), case[0]


def seen_by_h11(content: bytes) -> list[str] | None:
    """What another reader of HTTP makes of the bytes; None where it refuses some of them."""
    reader, seen, length, head = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20), [], 0, None
    reader.receive_data(content)
    try:
        while (event := reader.next_event()) not in (h11.NEED_DATA, h11.PAUSED):
            if isinstance(event, h11.Request):
                head, length = event, 0
            elif isinstance(event, h11.Data):
                length += len(event.data)
            elif isinstance(event, h11.EndOfMessage) and head is not None:
                seen.append(f"{head.method.decode()} {length}")
                reader.send(h11.Response(status_code=200, headers=[("content-length", "0")]))
                reader.send(h11.EndOfMessage())
                if reader.our_state is h11.DONE and reader.their_state is h11.DONE:
                    reader.start_next_cycle()
    except h11.ProtocolError:
        return None
    return seen


REFUSED_BY_H11 = {
    "empty lines before",
    "a line end between",
    "two spaces",
}


@pytest.mark.parametrize("kind", CASES)
def test_another_reader_sees_the_same_requests(kind: str) -> None:
    """A request is smuggled past one reader to the next where they disagree on its end."""
    for case in CASES[kind]:
        other, (_, ours) = seen_by_h11(case[1] + LAST), expected_of(case)
        if case[0].startswith("after"):
            continue  # of what follows the last request h11 says nothing, or refuses it
        if other is None:
            assert not ours or case[0] in REFUSED_BY_H11, case[0]
        elif ours:
            assert other[: len(ours)] == [f"{seen.split()[0]} {seen.split()[2]}" for seen in ours], case[0]
