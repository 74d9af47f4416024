"""Pictures, texts and rows as people send them: forms, types that nobody registered, compressed bodies."""

from __future__ import annotations

import gzip
import io
import json
import zlib
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from tests.serving_support import Front, front, make_package, pictures
from tests.test_serve_tasks import STARTERS_OF, package_of

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    package = make_package(tmp_path_factory.mktemp("packages") / "net")
    with front(tmp_path_factory.mktemp("state"), package, max_body=1 << 20) as running:
        yield running


@pytest.fixture(scope="module", params=["text-classification", "tabular-classification"])
def other(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    task = request.param
    package = package_of(tmp_path_factory.mktemp("packages") / "net", task, STARTERS_OF[task])
    with front(tmp_path_factory.mktemp("state"), package) as running:
        running.task = task  # type: ignore[attr-defined]
        yield running


def picture(kind: str = "PNG", shade: int = 200) -> bytes:
    stream = io.BytesIO()
    Image.new("L", (8, 8), shade).save(stream, kind)
    return stream.getvalue()


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def scores(answer: httpx.Response) -> list[Any]:
    assert answer.status_code == 200, answer.text
    return [item["scores"] for item in answer.json()["predictions"]]


def sent(server: Front, content: bytes, media_type: str) -> httpx.Response:
    return server.client.post("/predict", content=content, headers={"Content-Type": media_type})


@pytest.mark.parametrize(
    ("kind", "media_type"),
    [
        ("JPEG", "image/jpg"),
        ("JPEG", "image/pjpeg"),
        ("JPEG", "IMAGE/JPEG; q=1"),
        ("PNG", "image/x-png"),
        ("TIFF", "image/tiff"),
        ("TIFF", "image/tif"),
        ("BMP", "image/x-ms-bmp"),
        ("PPM", "image/x-portable-graymap"),
        ("GIF", "image/*"),
        ("WEBP", "application/octet-stream"),
    ],
)
def test_whatever_a_picture_is_called_its_bytes_count(server: Front, kind: str, media_type: str) -> None:
    content = picture(kind)
    assert scores(sent(server, content, media_type)) == scores(sent(server, content, "image/png"))


def test_npy_without_a_type_is_seen_by_its_bytes(server: Front) -> None:
    inputs = pictures(2).numpy()
    expected = scores(server.predict(inputs))
    assert scores(sent(server, npy(inputs), "application/octet-stream")) == expected
    files = {"file": ("batch.npy", npy(inputs))}
    assert scores(server.client.post("/predict", files=files)) == expected


@pytest.mark.parametrize("field", ["file", "image", "anything"])
@pytest.mark.parametrize(
    "file", [("a.png", "image/png"), ("a.png", None), ("scan", "application/octet-stream")]
)
def test_a_file_of_a_form_is_an_item(server: Front, field: str, file: tuple[str, str | None]) -> None:
    name, media_type = file
    answer = server.client.post("/predict", files={field: (name, picture(), media_type)})
    assert scores(answer) == scores(sent(server, picture(), "image/png"))


def test_files_of_a_form_are_items_in_their_order(server: Front) -> None:
    shades = [0, 90, 255]
    files = [("file", (f"{shade}.png", picture("PNG", shade), "image/png")) for shade in shades]
    expected = [scores(sent(server, picture("PNG", shade), "image/png"))[0] for shade in shades]
    assert np.allclose(
        [list(one.values()) for one in scores(server.client.post("/predict", files=files))],
        [list(one.values()) for one in expected],
        atol=1e-6,
    )
    files[1] = ("file", ("broken.png", b"no picture", "image/png"))
    answer = server.client.post("/predict", files=files)
    assert (answer.status_code, answer.json()["index"]) == (422, 1)
    assert "broken.png" in answer.json()["error"]


def form(*parts: bytes, end: bytes = b"--X--\r\n") -> bytes:
    return b"".join(b"--X\r\n" + part + b"\r\n" for part in parts) + end


FILE = b'Content-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + picture()
FIELD = b'Content-Disposition: form-data; name="image"\r\n\r\n'


@pytest.mark.parametrize(
    ("status", "content", "media_type"),
    [
        (400, form(FILE), "multipart/form-data"),
        (400, form(FILE, end=b""), "multipart/form-data; boundary=X"),
        (400, b"", "multipart/form-data; boundary=X"),
        (400, b"no form", "multipart/form-data; boundary=X"),
        (400, form(b"no head"), "multipart/form-data; boundary=X"),
        (400, form(b"Content-Transfer-Encoding: base64\r\n" + FILE), "multipart/form-data; boundary=X"),
        (413, form(*[FIELD] * 2000), "multipart/form-data; boundary=X"),
        (422, form(), "multipart/form-data; boundary=X"),
        (422, form(FILE, FIELD + b"x"), "multipart/form-data; boundary=X"),
        (422, form(FIELD + b"no base64"), "multipart/form-data; boundary=X"),
        (415, form(b"Content-Type: audio/wav\r\n" + FILE), 'multipart/form-data; boundary="X"'),
        (415, b'{"inputs": []}', "application/x-www-form-urlencoded"),
    ],
)  # fmt: skip
def test_a_form_that_cannot_be_read_is_explained(
    server: Front, status: int, content: bytes, media_type: str
) -> None:
    answer = sent(server, content, media_type)
    assert answer.status_code == status, answer.text
    assert len(answer.json()["error"]) > 10


def test_text_fields_are_as_in_json(other: Front) -> None:
    if other.task == "text-classification":  # type: ignore[attr-defined]
        one, key, two = "good", "text", {"texts": ["good", "bad"]}
    else:
        one, key = '{"length": 3, "colour": "red"}', "row"
        two = {"rows": [json.loads(one), {"length": None, "colour": "green"}]}
    second = two[f"{key}s"][1]
    fields = [one, second if isinstance(second, str) else json.dumps(second)]
    expected = scores(other.client.post("/predict", json=two))
    answer = other.client.post("/predict", files=[(key, (None, field)) for field in fields])
    assert scores(answer) == expected
    answer = other.client.post("/predict", files={"x": (None, json.dumps(two), "application/json")})
    assert scores(answer) == expected


def test_warnings_come_with_the_answer(other: Front) -> None:
    if other.task == "text-classification":  # type: ignore[attr-defined]
        content, known, media_type = b"good xyzzy", b"good", "text/plain"
    else:
        content, known, media_type = b"length,colour\n3,blue\n", b"length,colour\n3,red\n", "text/csv"
    answer = sent(other, content, media_type).json()
    assert len(answer["warnings"]) == 1
    assert ("xyzzy" if media_type == "text/plain" else "'blue'") in answer["warnings"][0]
    assert answer["predictions"]
    assert "warnings" not in sent(other, known, media_type).json()


@pytest.mark.parametrize("count", [1, 2, 50])
def test_gzip_members_are_one_body(server: Front, count: int) -> None:
    body = json.dumps({"inputs": pictures(3).tolist()}).encode()
    step = len(body) // count + 1
    content = b"".join(gzip.compress(body[at : at + step]) for at in range(0, len(body), step))
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    answer = server.client.post("/predict", content=content, headers=headers)
    assert scores(answer) == scores(server.predict(pictures(3)))
    bomb = content + gzip.compress(b" " * (2 << 20))
    assert server.client.post("/predict", content=bomb, headers=headers).status_code == 413


@pytest.mark.parametrize(
    ("encoding", "content"),
    [
        ("gzip", gzip.compress(b"{}") + b"x"),
        ("gzip", gzip.compress(b"{}") + gzip.compress(b"x")[:-1]),
        ("gzip", gzip.compress(b"") * 20_000),
        ("deflate", zlib.compress(b"{}") + b"{}"),
        ("deflate", zlib.compress(b"{}")[:-1]),
        ("gzip", b""),
    ],
)
def test_what_is_left_of_a_compressed_body_is_told(server: Front, encoding: str, content: bytes) -> None:
    answer = server.client.post("/predict", content=content, headers={"Content-Encoding": encoding})
    assert answer.status_code == 400, answer.text


def test_the_description_has_the_form(server: Front) -> None:
    described = server.client.get("/openapi.json").json()
    content = described["paths"]["/predict"]["post"]["requestBody"]["content"]
    assert content["multipart/form-data"]["schema"]["required"] == ["file"]
    assert "image/*" in content
