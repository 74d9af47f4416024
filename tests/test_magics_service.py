"""`%%lepton service` in a real shell: what it defines, what it says, and how it refuses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from IPython.core.interactiveshell import InteractiveShell

from lepton_nb.deployment import lifecycle
from lepton_nb.errors import ArgumentError, NotFoundError, RouteError
from tests.serving_support import make_run
from tests.test_magics_shell import error, run, shell, value

__all__ = ["shell"]

GOOD = """%%lepton service desk --model net
LIMIT = 3

def most() -> int:
    return LIMIT

def divide(n: int) -> float:
    return 1 / n
"""


@pytest.fixture(autouse=True)
def no_server_stays_behind(lepton_home: Path) -> Iterator[None]:
    yield
    for server in lifecycle.find_servers():
        lifecycle.end(server["pid"], server["started"], patience=5)


@pytest.mark.parametrize(
    ("cell", "kind", "words"),
    [
        (
            "%%lepton service desk --model net\ndef read(text):\n    return 1",
            RouteError,
            "'text' has no type",
        ),
        ("%%lepton service desk --model net\nx = 1", RouteError, "no class and no function"),
        ("%%lepton service desk --model other\ndef read() -> int:\n    return 1", NotFoundError, "'other'"),
        ("%%lepton service desk\ndef read() -> int:\n    return 1", RouteError, "--model RUN"),
        ("%lepton service desk", ArgumentError, "%%lepton service desk"),
        ("%%lepton service\nx = 1", ArgumentError, "NAME is missing"),
    ],
)
def test_a_cell_that_is_no_service_is_explained_in_two_lines(
    shell: InteractiveShell, cell: str, kind: type[Exception], words: str
) -> None:
    make_run()
    caught = error(shell, cell)
    assert isinstance(caught, kind), caught
    assert words in str(caught)
    assert len(caught._render_traceback_()) <= 2


def test_a_cell_that_is_not_python_shows_its_line(shell: InteractiveShell) -> None:
    result = run(shell, "%%lepton service desk --model net\ndef read( -> int:\n    return 1")
    assert "line 2" in "\n".join(result.error_in_exec._render_traceback_())


@pytest.mark.slow
def test_a_service_cell_serves_and_reports(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    make_run()
    service = value(shell, GOOD)
    said = capsys.readouterr().out
    assert "LIMIT" in said
    assert "used by most, line 5" in said
    assert service.url in said
    headers = {"Authorization": f"Bearer {service.token}"}
    with httpx.Client(base_url=service.url, headers=headers, trust_env=False) as client:
        assert client.get("/most").json() == 3
        assert client.get("/divide?n=0").status_code == 500
    assert 'File "Cell In[1]", line 8, in divide' in service.logs(20)
    assert shell.user_ns["most"]() == 3  # and the functions are the notebook's, too
