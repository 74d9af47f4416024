"""Whatever is sent to routes of a user's own: a named cause for every refusal, and the process lives."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import lepton_nb
from lepton_nb.deployment import Deployment, lifecycle
from lepton_nb.packaging import build_package
from tests.fuzzing import damaged, edits, fuzz
from tests.models_support import Notebook
from tests.serving_support import make_run
from tests.test_serve_fuzz import check, text, values

pytestmark = pytest.mark.slow

CELL = """
from PIL import Image


def mirror(text: str, n: int = 0, scale: float = 1.0, names: list[str] = []) -> dict:
    return {"text": text, "n": n, "scale": scale, "names": names}


def look(picture: Image.Image, times: int = 1) -> str:
    return str(picture.size * min(times, 3))
"""
TYPES = (
    "application/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=b",
    "image/png",
    "",
)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEPTON_HOME", str(tmp_path_factory.mktemp("home")))
        build_package(make_run())
        notebook = Notebook(CELL)
        functions = [notebook.namespace["mirror"], notebook.namespace["look"]]
        cells = ("", *notebook.cells)
        made = lepton_nb.service(functions, "fuzzed", model="net", namespace=notebook.namespace, cells=cells)
        yield made
        for server in lifecycle.find_servers():
            lifecycle.end(server["pid"], server["started"], patience=5)


@pytest.fixture(scope="module")
def client(service: Deployment) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {service.token}"}
    with httpx.Client(base_url=service.url, headers=headers, trust_env=False, timeout=10) as made:
        yield made


@pytest.fixture(scope="module", autouse=True)
def the_process_lives(service: Deployment) -> Iterator[None]:
    before = service.stats()["routes"]
    yield
    after = service.stats()
    assert (after["routes"]["pid"], after["routes"]["in_flight"]) == (before["pid"], 0)
    assert after["restarts"] == 0
    assert "Traceback" not in service.logs(500)


bodies = st.one_of(
    values,
    st.dictionaries(
        st.sampled_from(["text", "n", "scale", "names", "picture", "times", "x"]), values, max_size=4
    ),
)


@fuzz
@given(path=st.sampled_from(["/mirror", "/look"]), value=bodies, kind=st.sampled_from(TYPES))
def test_any_json_under_any_type(client: httpx.Client, path: str, value: Any, kind: str) -> None:
    body = json.dumps(value).encode("utf-8", "surrogatepass")
    check(client.post(path, content=body, headers={"Content-Type": kind}))


@fuzz
@given(
    path=st.sampled_from(["/mirror", "/look"]),
    query=st.dictionaries(st.sampled_from(["text", "n", "scale", "names", "x"]), text, max_size=4),
)
def test_any_query(client: httpx.Client, path: str, query: dict[str, str]) -> None:
    check(client.get(path, params={key: value.encode("utf-8", "replace") for key, value in query.items()}))


def form() -> bytes:
    stream = io.BytesIO()
    Image.new("L", (8, 8), 200).save(stream, "PNG")
    head = b'--b\r\nContent-Disposition: form-data; name="picture"; filename="a.png"\r\n\r\n'
    return head + stream.getvalue() + b"\r\n--b--\r\n"


@fuzz
@given(changes=edits, cut=st.sampled_from([0, 1, 9, 60]))
def test_any_damage_to_a_form(client: httpx.Client, changes: list[tuple[int, int]], cut: int) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = client.post("/look", content=damaged(form(), changes, cut, 1), headers=headers)
    check(answer)
    if not changes and not cut:
        assert answer.status_code == 200, answer.text
