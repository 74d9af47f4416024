"""The Open Inference Protocol over REST, asked by Triton's own client."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lepton_nb.packaging import Package
from tests.serving_support import IMAGES, TOKEN, Front, expected_labels, front, pictures

triton = pytest.importorskip("tritonclient.http")
from tritonclient.utils import InferenceServerException, np_to_triton_dtype  # noqa: E402

pytestmark = pytest.mark.slow

AUTHORIZATION = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, net_package: Package) -> Iterator[Front]:
    with front(tmp_path_factory.mktemp("state"), net_package, version=3, max_body=200_000) as running:
        yield running


@pytest.fixture(scope="module")
def client(server: Front) -> Iterator[Any]:
    with triton.InferenceServerClient(server.url.removeprefix("http://")) as connected:
        yield connected


def tensor(array: np.ndarray, *, binary: bool = True, name: str = "image") -> Any:
    given = triton.InferInput(name, array.shape, np_to_triton_dtype(array.dtype))
    given.set_data_from_numpy(array, binary_data=binary)
    return given


def infer(client: Any, *inputs: Any, name: str = "net", **options: Any) -> Any:
    return client.infer(name, list(inputs), headers=dict(AUTHORIZATION), **options)


def test_the_server_and_its_model_are_live_and_ready(client: Any) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("net", headers=AUTHORIZATION)
    assert client.is_model_ready("net", "3", headers=AUTHORIZATION)
    assert not client.is_model_ready("net", "2", headers=AUTHORIZATION)
    assert not client.is_model_ready("other", headers=AUTHORIZATION)


def test_metadata_tells_what_the_model_takes_and_gives(client: Any) -> None:
    assert "binary_tensor_data" in client.get_server_metadata(headers=AUTHORIZATION)["extensions"]
    assert client.get_model_metadata("net", headers=AUTHORIZATION) == {
        "name": "net",
        "versions": ["3"],
        "platform": "onnxruntime_onnx",
        "inputs": [{"name": "image", "datatype": "FP32", "shape": [-1, 1, 8, 8]}],
        "outputs": [{"name": "logits", "datatype": "FP32", "shape": [-1, 3]}],
    }


@pytest.mark.parametrize("binary_input", [True, False])
@pytest.mark.parametrize("binary_output", [True, False, None])
def test_tensors_come_back_as_the_model_gives_them(
    client: Any, net_package: Package, binary_input: bool, binary_output: bool | None
) -> None:
    inputs = pictures(5).numpy()
    outputs = (
        None if binary_output is None else [triton.InferRequestedOutput("logits", binary_data=binary_output)]
    )
    answer = infer(client, tensor(inputs, binary=binary_input), outputs=outputs, request_id="seven")
    response = answer.get_response()
    assert (response["model_name"], response["model_version"], response["id"]) == ("net", "3", "seven")
    logits = answer.as_numpy("logits")
    assert (logits.shape, logits.dtype) == ((5, 3), np.float32)
    assert [IMAGES.class_names[i] for i in logits.argmax(1)] == expected_labels(net_package, inputs)


def test_a_version_can_be_asked_for(client: Any) -> None:
    answer = infer(client, tensor(pictures(1).numpy()), model_version="3")
    assert answer.get_response()["model_version"] == "3"
    with pytest.raises(InferenceServerException, match="version '9' of 'net' is not served, only '3'"):
        infer(client, tensor(pictures(1).numpy()), model_version="9")


@pytest.mark.parametrize("algorithm", ["gzip", "deflate"])
def test_bodies_may_be_compressed(client: Any, algorithm: str) -> None:
    inputs = pictures(2).numpy()
    packed = infer(client, tensor(inputs), request_compression_algorithm=algorithm)
    assert np.array_equal(packed.as_numpy("logits"), infer(client, tensor(inputs)).as_numpy("logits"))


@pytest.mark.parametrize("binary", [True, False])
def test_the_classification_extension_names_the_best_classes(
    client: Any, net_package: Package, binary: bool
) -> None:
    inputs = pictures(4).numpy()
    wanted = triton.InferRequestedOutput("logits", binary_data=binary, class_count=2)
    classes = infer(client, tensor(inputs), outputs=[wanted]).as_numpy("logits")
    assert classes.shape == (4, 2)
    best = [entry.decode() if isinstance(entry, bytes) else entry for entry in classes[:, 0]]
    assert [entry.split(":")[2] for entry in best] == expected_labels(net_package, inputs)


def test_pictures_may_be_sent_as_files(server: Front, client: Any) -> None:
    stream = io.BytesIO()
    Image.new("RGB", (20, 12), (200, 30, 30)).save(stream, "PNG")
    files = np.array([stream.getvalue()] * 2, dtype=object)
    logits = infer(client, tensor(files)).as_numpy("logits")
    headers = {"Content-Type": "image/png"}
    answer = server.client.post("/predict", content=stream.getvalue(), headers=headers).json()
    label = IMAGES.class_names[int(logits[0].argmax())]
    assert (logits.shape, label) == ((2, 3), answer["predictions"][0]["label"])


def test_slips_are_explained(client: Any) -> None:
    good = pictures(2).numpy()
    with pytest.raises(InferenceServerException, match="there is no model 'nett', only 'net'") as missing:
        infer(client, tensor(good), name="nett")
    assert missing.value.status() == "404"
    slips = [
        (tensor(good.astype(np.float64)), "datatype 'FP64', this model takes FP32"),
        (tensor(good[0]), r"has the shape \[1, 8, 8\], this model takes \[-1, 1, 8, 8\]"),
        (tensor(good[:0]), "is empty"),
        (tensor(good, name="picture"), "there is no input 'picture': this model takes image"),
        (tensor(np.full_like(good, np.nan)), "finite"),
        (tensor(np.array([b"not a picture"], dtype=object)), "not a picture"),
    ]
    for given, message in slips:
        with pytest.raises(InferenceServerException, match=message) as slip:
            infer(client, given)
        assert slip.value.status() == "400"
    with pytest.raises(InferenceServerException, match="there is no output 'scores'"):
        infer(client, tensor(good), outputs=[triton.InferRequestedOutput("scores")])


def test_the_token_is_needed(client: Any) -> None:
    with pytest.raises(InferenceServerException, match="token") as refused:
        client.infer("net", [tensor(pictures(1).numpy())])
    assert refused.value.status() == "401"


GOOD = {"name": "image", "datatype": "FP32", "shape": [1, 1, 8, 8], "data": [0.5] * 64}
BINARY = {**GOOD, "parameters": {"binary_data_size": 256}}


@pytest.mark.parametrize(
    ("body", "length", "word"),
    [
        (b"{", None, "JSON"),
        ([1], None, "object"),
        ({}, None, "inputs"),
        ({"inputs": 3}, None, "list"),
        ({"inputs": [3]}, None, "object"),
        ({"inputs": [{"name": "image"}]}, None, "datatype"),
        ({"inputs": [{**GOOD, "shape": [1, -1, 8, 8]}]}, None, "whole numbers"),
        ({"inputs": [{**GOOD, "shape": [10**9, 1, 8, 8]}]}, None, "its shape says"),
        ({"inputs": [{**GOOD, "data": [1.0]}]}, None, "1 values"),
        ({"inputs": [{**GOOD, "data": ["a"] * 64}]}, None, "FP32 values only"),
        ({"inputs": [{**GOOD, "data": [[1], [1, 2]]}]}, None, "ragged"),
        ({"inputs": [{**GOOD, "data": None}]}, None, "data"),
        ({"inputs": [GOOD, GOOD]}, None, "twice"),
        ({"inputs": [GOOD], "outputs": [{"name": 3}]}, None, "no output 3"),
        ({"inputs": [GOOD], "id": 3}, None, "string"),
        ({"inputs": [GOOD], "parameters": 3}, None, "object"),
        ({"inputs": [BINARY]}, None, "body ends"),
        ({"inputs": [BINARY]}, "many", "Inference-Header-Content-Length"),
        ({"inputs": [BINARY]}, "90000", "Inference-Header-Content-Length"),
        ({"inputs": [{**BINARY, "parameters": {"binary_data_size": -1}}]}, None, "number of bytes"),
    ],
)
def test_broken_requests_are_explained(server: Front, body: Any, length: str | None, word: str) -> None:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Inference-Header-Content-Length": length} if length else {}
    answer = server.client.post("/v2/models/net/infer", content=content, headers=headers)
    assert answer.status_code == 400, answer.text
    assert word in answer.json()["error"]


def test_too_large_bodies_are_refused_also_when_they_are_small_in_gzip(server: Front) -> None:
    bomb = gzip.compress(b" " * 10_000_000)
    answer = server.client.post("/v2/models/net/infer", content=bomb, headers={"Content-Encoding": "gzip"})
    assert (answer.status_code, "195 KiB" in answer.json()["error"]) == (413, True)
    answer = server.client.post("/predict", content=b"x", headers={"Content-Encoding": "br"})
    assert answer.status_code == 415


def test_the_metrics_know_the_route_not_the_model(server: Front, client: Any) -> None:
    infer(client, tensor(pictures(1).numpy()))
    text = server.client.get("/metrics").text
    assert 'path="/v2/models/{model}/infer",status="200"' in text


def test_sentences_are_sent_as_bytes(tmp_path: Path) -> None:
    from tests.test_serve_tasks import STARTERS_OF, package_of

    task = "text-classification"
    with (
        front(tmp_path / "state", package_of(tmp_path / "package", task, STARTERS_OF[task])) as running,
        triton.InferenceServerClient(running.url.removeprefix("http://")) as client,
    ):
        texts = ["good", "bad", "i would buy this again"]
        elements = np.array([text.encode() for text in texts], dtype=object)
        logits = infer(client, tensor(elements, name="text")).as_numpy("logits")
        plain = running.client.post("/predict", json={"texts": texts}).json()["predictions"]
        assert [("bad", "good")[i] for i in logits.argmax(1)] == [answer["label"] for answer in plain]
        ids = client.get_model_metadata("net", headers=AUTHORIZATION)["inputs"]
        assert ids == [{"name": "input_ids", "datatype": "INT64", "shape": [-1, 12]}]
