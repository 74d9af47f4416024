"""Typed signatures as routes: what a request may look like, what comes back, and what cannot be a route."""

from __future__ import annotations

import base64
import dataclasses
import enum
import functools
import io
import json
import re
import wave
from collections import deque
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Literal, NamedTuple
from uuid import UUID

import numpy as np
import pytest
from PIL import Image
from pydantic import BaseModel, Field
from starlette.background import BackgroundTasks
from starlette.exceptions import HTTPException
from starlette.testclient import TestClient

from lepton_nb.errors import RouteError
from lepton_nb.routes import Audio, Model, ModelCallError
from lepton_nb.routes.app import RoutesApp
from lepton_nb.routes.encoding import to_json
from lepton_nb.routes.openapi import describe
from lepton_nb.routes.route import routes_of, takes_model
from lepton_nb.tasks import get_task
from tests.serving_support import IMAGES


class Row(BaseModel):
    length: float = Field(gt=0)
    width: int = 2


@dataclasses.dataclass
class Point:
    x: float
    y: float = 0.0


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Pair(NamedTuple):
    left: int
    right: Decimal


class Everything:
    """One route for each thing a function may do."""

    done: list[str] = []  # noqa: RUF012

    def size(self, picture: Image.Image, scale: float = 1.0) -> dict[str, Any]:
        """The size of a picture.

        In pixels, times a scale.
        """
        return {"size": [side * scale for side in picture.size], "mode": picture.mode}

    def grow(self, row: Row) -> Row:
        return Row(length=row.length * 2, width=row.width)

    def total(self, rows: list[Row], unit: Literal["cm", "m"] = "cm") -> str:
        return f"{sum(row.length for row in rows)} {unit}"

    def far(self, point: Point) -> Point:
        return Point(point.x * 10, point.y)

    def add(self, a: int, more: list[int] = [1], *, exact: bool = False) -> dict[str, Any]:  # noqa: B006
        return {"sum": a + sum(more), "exact": exact}

    def paint(self, colour: Colour) -> Image.Image:
        return Image.new("RGB", (2, 3), colour.value)

    def turn(self, array: np.ndarray) -> np.ndarray:
        return array.T

    def echo(self, sound: Audio) -> Audio:
        return Audio(sound.samples[::-1], sound.rate)

    def length(self, blob: bytes | None = None) -> int:
        return len(blob or b"")

    def words(self, n: int) -> Iterator[str]:
        for index in range(n):
            yield f"{index} "

    async def numbers(self, n: int) -> AsyncIterator[dict[str, int]]:
        for index in range(n):
            yield {"n": index}

    def late(self, note: str, background: BackgroundTasks) -> str:
        background.add_task(self.done.append, note)
        return "accepted"

    async def slowly(self) -> str:
        return "well"

    def missing(self) -> None:
        raise HTTPException(404, "there is no such thing")

    def divide(self, n: int) -> float:
        return 1 / n

    def strange(self) -> object:
        return object()

    def label(self, picture: Image.Image, model: Model) -> str:
        return str(model(picture)["label"])


def answering(content_type: bytes, body: bytes) -> tuple[int, bytes]:
    """What the model of these tests says: the label of any picture is its number of bytes."""
    assert content_type == b"application/x-npy"
    return 200, json.dumps({"predictions": [{"label": str(len(body))}]}).encode()


def app_of(target: Any, ask: Any = answering) -> TestClient:
    codec = get_task(IMAGES.task).codec(IMAGES)
    app = RoutesApp(routes_of(target), Model(codec, ask), __file__.__eq__)
    return TestClient(app, raise_server_exceptions=False)


@pytest.fixture(scope="module")
def client() -> TestClient:
    return app_of(Everything())


def png(width: int = 5, height: int = 4) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (width, height), (255, 0, 0)).save(stream, "PNG")
    return stream.getvalue()


def b64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def test_a_picture_comes_in_json_in_a_form_or_as_the_body(client: TestClient) -> None:
    expected = {"size": [10.0, 8.0], "mode": "RGB"}
    assert client.post("/size", json={"picture": b64(png()), "scale": 2}).json() == expected
    assert client.post("/size", files={"picture": png()}, data={"scale": "2"}).json() == expected
    raw = client.post("/size?scale=2", content=png(), headers={"Content-Type": "image/png"})
    assert raw.json() == expected


def test_one_model_or_dataclass_is_the_whole_object(client: TestClient) -> None:
    assert client.post("/grow", json={"length": 3}).json() == {"length": 6.0, "width": 2}
    assert client.post("/far", json={"x": 1}).json() == {"x": 10.0, "y": 0.0}
    assert client.get("/far?x=2&y=5").json() == {"x": 20.0, "y": 5.0}
    nested = client.post("/total", json={"rows": [{"length": 1}, {"length": 2}], "unit": "m"})
    assert nested.json() == "3.0 m"


def test_what_fits_into_a_url_also_takes_get(client: TestClient) -> None:
    assert client.get("/add?a=2&more=3&more=4&exact=true").json() == {"sum": 9, "exact": True}
    assert client.get("/add", params={"a": "2", "more": "[5]"}).json() == {"sum": 7, "exact": False}
    assert client.post("/add", json={"a": 2}).json() == {"sum": 3, "exact": False}
    refused = client.get("/size")
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")


def test_pictures_arrays_sounds_and_bytes_come_back_as_what_they_are(client: TestClient) -> None:
    painted = client.get("/paint?colour=red")
    assert painted.headers["content-type"] == "image/png"
    assert Image.open(io.BytesIO(painted.content)).getpixel((0, 0)) == (255, 0, 0)
    assert client.post("/turn", json={"array": [[1, 2], [3, 4]]}).json() == [[1, 3], [2, 4]]
    stream = io.BytesIO()
    np.save(stream, np.arange(6.0).reshape(2, 3))
    npy = client.post("/turn", content=stream.getvalue(), headers={"Content-Type": "application/x-npy"})
    assert npy.json() == [[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]]
    assert client.post("/length", content=b"12345", headers={"Content-Type": "application/pdf"}).json() == 5
    assert client.post("/length").json() == 0


def test_a_sound_comes_and_goes_as_wav(client: TestClient) -> None:
    sound = io.BytesIO()
    with wave.open(sound, "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(np.array([0, 16384, -32767], "<i2").tobytes())
    answer = client.post("/echo", content=sound.getvalue(), headers={"Content-Type": "audio/wav"})
    assert answer.headers["content-type"] == "audio/wav"
    with wave.open(io.BytesIO(answer.content)) as file:
        assert file.getframerate() == 8000
        frames = np.frombuffer(file.readframes(3), "<i2")
    np.testing.assert_allclose(frames, [-32767, 16384, 0], atol=2)


def test_generators_stream_text_or_lines_of_json(client: TestClient) -> None:
    text = client.get("/words?n=3")
    assert (text.text, text.headers["content-type"]) == ("0 1 2 ", "text/plain; charset=utf-8")
    lines = client.get("/numbers?n=2")
    assert lines.headers["content-type"] == "application/x-ndjson"
    assert [json.loads(line) for line in lines.text.splitlines()] == [{"n": 0}, {"n": 1}]
    assert client.get("/words?n=0").text == ""


def test_a_stream_may_begin_with_anything() -> None:
    def nothing_first() -> Iterator[Any]:
        yield None
        yield {"a": 1}

    def raw() -> Iterator[bytearray]:
        yield bytearray(b"ab")
        yield bytearray(b"c")

    client = app_of([nothing_first, raw])
    assert client.post("/nothing_first").text == 'null\n{"a":1}\n'
    answer = client.post("/raw")
    assert (answer.content, answer.headers["content-type"]) == (b"abc", "application/octet-stream")


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, BaseException])
def test_an_exit_is_a_failure_of_the_request(kind: type[BaseException]) -> None:
    def leave() -> int:
        raise kind(2)

    async def leave_soon() -> int:
        raise kind(2)

    client = app_of([leave, leave_soon])
    for path in ("/leave", "/leave_soon"):
        answer = client.post(path)
        assert (answer.status_code, answer.json()["error"]) == (500, f"{path[1:]} failed: {kind.__name__}: 2")


PLAIN = [
    (Path("/x"), "/x"),
    (Decimal("1.5"), 1.5),
    (Decimal("3"), 3),
    (Decimal("NaN"), None),
    (timedelta(minutes=1.5), 90.0),
    (b"abc", "abc"),
    (bytearray(b"abc"), "abc"),
    (2**64, 2**64),
    (-(2**80), -(2**80)),
    ({"a", "b"} - {"b"}, ["a"]),
    (deque([1, 2]), [1, 2]),
    ({1: 2}.keys(), [1]),
    (range(3), [0, 1, 2]),
    (Pair(1, Decimal(2)), [1, 2]),
    (ip_address("127.0.0.1"), "127.0.0.1"),
    (re.compile("a+"), "a+"),
    (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    (datetime(2026, 1, 2, 3, 4, 5), "2026-01-02T03:04:05"),
    (Colour.RED, "red"),
    (Point(2**70), {"x": 2**70, "y": 0.0}),
    (np.array([1.0, np.nan]), [1.0, None]),
    (np.float32(0.5), 0.5),
    (float("inf"), None),
]


@pytest.mark.parametrize(("value", "expected"), PLAIN, ids=[repr(value)[:30] for value, _ in PLAIN])
def test_plain_values_are_spelled_as_fastapi_does(value: Any, expected: Any) -> None:
    assert json.loads(to_json({"value": value})) == {"value": expected}
    # Beside an integer that only the longer way can spell, it is spelled the same.
    assert json.loads(to_json([value, 2**64])) == [expected, 2**64]


def test_keys_of_any_plain_type_are_texts() -> None:
    keys = {np.int64(7): 1, Path("/x"): 2, None: 3, True: 4, 2.5: 5, Colour.RED: 6, 2**64: 7}
    expected = {"7": 1, "/x": 2, "null": 3, "true": 4, "2.5": 5, "red": 6, str(2**64): 7}
    assert json.loads(to_json(keys)) == expected


@pytest.mark.parametrize("value", [object(), b"\xff\xfe", {(1, 2): 3}, {"a": {1: object()}}, 1j])
def test_what_is_no_json_is_named(value: Any) -> None:
    with pytest.raises(TypeError, match=r"cannot be sent as JSON: .*(no JSON|no key)"):
        to_json(value)


def test_background_tasks_run_after_the_answer(client: TestClient) -> None:
    Everything.done.clear()
    assert client.get("/late?note=hello").json() == "accepted"
    assert Everything.done == ["hello"]


def test_a_handler_asks_the_model(client: TestClient) -> None:
    floats = 128 + 4 * 64  # an .npy header and the picture as the model takes it
    assert client.post("/label", json={"picture": b64(png())}).json() == str(floats)


def test_what_the_model_refuses_keeps_its_status() -> None:
    busy = app_of(Everything(), lambda *_: (503, b'{"error": "too many"}'))
    answer = busy.post("/label", json={"picture": b64(png())})
    assert (answer.status_code, answer.json()) == (503, {"error": "too many"})


def test_asking_the_model_on_the_event_loop_is_explained() -> None:
    async def label(text: str, model: Model) -> str:
        return str(model(text))

    answer = app_of([label]).get("/label?text=x")
    assert answer.status_code == 500
    assert "asyncio.to_thread(model" in answer.json()["error"]


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        ("/add", b"{", 400, "not JSON"),
        ("/add", b"[1]", 422, "JSON object"),
        ("/add", b"{}", 422, "'a' is missing"),
        ("/add", b'{"a": 1.5}', 422, "'a': input should be a valid integer"),
        ("/add", b'{"a": 1, "mor": []}', 422, "did you mean 'more'?"),
        ("/add", b'{"a": "x"}', 422, "got 'x'"),
        ("/grow", b'{"length": -1}', 422, "greater than 0"),
        ("/total", b'{"rows": [{"length": 1}, {}]}', 422, "'rows.1.length' is missing"),
        ("/total", b'{"rows": [], "unit": "km"}', 422, "'cm' or 'm'"),
        ("/size", b'{"picture": "no base64!"}', 422, "base64"),
        ("/size", b'{"picture": "bm8gcGljdHVyZQ=="}', 422, "not a picture"),
        ("/turn", b'{"array": [[1], [2, 3]]}', 422, "one length"),
        ("/echo", b'{"sound": "bm8gc291bmQ="}', 422, "the sound "),
        ("/paint", b'{"colour": "green"}', 422, "'red' or 'blue'"),
        ("/missing", b"", 404, "no such thing"),
        ("/divide", b'{"n": 0}', 500, "ZeroDivisionError"),
        ("/strange", b"", 500, "object is no JSON"),
        ("/nothing", b"", 404, "/nothing"),
    ],
)
def test_a_failure_has_its_status_and_reason(
    client: TestClient, path: str, body: bytes, status: int, words: str
) -> None:
    answer = client.post(path, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == status, answer.text
    assert words in answer.json()["error"], answer.text


def test_a_body_nobody_takes_names_what_is_taken(client: TestClient) -> None:
    answer = client.post("/size", content=b"x", headers={"Content-Type": "audio/wav"})
    assert answer.status_code == 415
    assert "image/*" in answer.json()["error"]


def test_an_error_before_the_first_item_of_a_stream_has_its_status() -> None:
    def fails(n: int) -> Iterator[str]:
        yield str(1 / n)

    assert app_of([fails]).get("/fails?n=0").status_code == 500


def test_openapi_describes_the_routes() -> None:
    paths, schemas = describe(routes_of(Everything()))
    size = paths["/size"]["post"]
    assert (size["summary"], size["description"]) == ("The size of a picture.", "In pixels, times a scale.")
    content = size["requestBody"]["content"]
    assert set(content) == {"application/json", "multipart/form-data", "image/*"}
    assert content["application/json"]["schema"]["properties"]["picture"]["contentMediaType"] == "image/*"
    assert "get" not in paths["/size"]
    get = paths["/add"]["get"]["parameters"]
    assert [(item["name"], item["required"]) for item in get] == [
        ("a", True),
        ("more", False),
        ("exact", False),
    ]
    assert schemas["total.Row"]["required"] == ["length"]
    assert (
        paths["/grow"]["post"]["responses"]["200"]["content"]["application/json"]["schema"]["title"] == "Row"
    )
    assert "text/plain" in paths["/words"]["get"]["responses"]["200"]["content"]


def no_type(image, size: int = 3) -> int:  # type: ignore[no-untyped-def]
    return 1


def star(*images: str) -> int:
    return 1


def module(image: Image) -> int:  # type: ignore[valid-type]
    return 1


def predict(text: str) -> str:
    return text


def unknown(text: "Nowhere") -> str:  # type: ignore[name-defined]  # noqa: F821, UP037
    return str(text)


def foreign(thing: Everything) -> str:
    return str(thing)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (no_type, "no_type: the parameter 'image' has no type"),
        (star, r"star\(\*images\) cannot be read"),
        (module, "write Image.Image"),
        (predict, "already has a route|itself has a route /predict"),
        (unknown, "'Nowhere' is not defined"),
        (foreign, "foreign: a parameter cannot come over HTTP"),
    ],
)
def test_a_signature_that_is_no_route_is_refused(function: Any, words: str) -> None:
    with pytest.raises(RouteError, match=words):
        routes_of([function])


def test_methods_that_help_others_are_no_routes() -> None:
    class Desk:
        def logged(function):  # type: ignore[no-untyped-def]
            @functools.wraps(function)
            def wrapper(*given: Any, **named: Any) -> Any:
                return function(*given, **named)

            return wrapper

        def double(self, n):  # type: ignore[no-untyped-def]
            return 2 * n

        def read(self, n: int) -> int:
            return n

        @logged
        def use(self, n: int) -> int:
            return sum((lambda k: self.double(self.read(k)))(k) for k in range(n))

    for target in (Desk, Desk()):
        assert [route.name for route in routes_of(target)] == ["read", "use"]


def test_a_class_needs_public_methods_and_a_plain_constructor() -> None:
    class Empty:
        def _helper(self) -> None: ...

    class Greedy:
        def __init__(self, model: Any, path: str) -> None: ...

    with pytest.raises(RouteError, match="Empty has no public method"):
        routes_of(Empty)
    with pytest.raises(RouteError, match=r"Greedy.__init__ takes 'path'"):
        takes_model(Greedy)


def test_model_takes_one_input_and_predict_many() -> None:
    model = Model(get_task(IMAGES.task).codec(IMAGES), lambda *_: (200, b'{"predictions": [{}, {}]}'))
    assert model.predict([Image.new("L", (8, 8))] * 2) == [{}, {}]
    with pytest.raises(ModelCallError, match="takes one input, got 2"):
        model([Image.new("L", (8, 8))] * 2)
    with pytest.raises(ModelCallError, match="picture"):
        model(b"nothing")
    with pytest.raises(ModelCallError, match="no path"):
        model("/etc/passwd")  # what a client sends must never name a file
    assert model.class_names == ("cat", "dog", "fox")
