"""Services of models with several graphs and outputs: answers by name, in pieces, and as files."""

from __future__ import annotations

import base64
import io
import json
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import numpy as np
import pytest

from lepton_nb.deployment.client import codec_of
from lepton_nb.deployment.examples import curl_options
from lepton_nb.packaging import Package
from lepton_nb.serve.batches import Request
from lepton_nb.serve.http.accepting import preferred
from lepton_nb.serve.predictor import Predictor
from lepton_nb.serve.wires.base import PredictWire
from lepton_nb.signature import Signature, TensorSpec
from lepton_nb.tasks import get_task
from lepton_nb.tasks.base import Arrays, Media
from lepton_nb.tasks.wire import read_answers
from tests.graphs_support import (
    NAMED,
    SINGER,
    SOME_IDS,
    SOME_NAMED,
    SPELLER,
    SPELLING,
    TONE,
    TWINS,
    package_of,
    tasks_installed,
)
from tests.serving_support import Front, front

pytestmark = pytest.mark.slow

EVENTS, LINES = {"Accept": "text/event-stream"}, {"Accept": "application/x-ndjson"}


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder for packages."""
    with tasks_installed(tmp_path_factory.mktemp("tasks")):
        yield tmp_path_factory.mktemp("packages")


@pytest.fixture(scope="module")
def speller(packages: Path) -> Package:
    return package_of(packages / "speller", SPELLER, SPELLING, SOME_IDS)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, speller: Package) -> Iterator[Front]:
    with front(tmp_path_factory.mktemp("state"), speller) as running:
        yield running


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory, packages: Path) -> Iterator[Front]:
    package = package_of(packages / "twins", TWINS, NAMED, SOME_NAMED)
    with front(tmp_path_factory.mktemp("state"), package, grpc_port=0) as running:
        yield running


def said(text: str, seen: Package) -> str:
    """What the package says by hand: its weights, one step after another."""
    from safetensors.numpy import load_file

    weights = load_file(seen.file("weights.safetensors"))
    ids = [ord(letter) % 8 + 1 for letter in text]
    memory, letters = weights["encoder.letters.weight"][ids].sum(0), [1]
    for _ in range(5):
        hidden = np.tanh(weights["decoder.letters.weight"][letters].sum(0) + memory)
        letters.append(int((weights["decoder.out.weight"] @ hidden + weights["decoder.out.bias"]).argmax()))
    return "".join(chr(96 + i) for i in letters[1:])


def test_the_codec_composes_the_graphs(server: Front, speller: Package) -> None:
    answer = server.client.post("/predict", json={"texts": ["abc", "hello you"]})
    assert [item["text"] for item in answer.json()["predictions"]] == [
        said("abc", speller),
        said("hello you", speller),
    ]


def test_requests_of_different_length_share_a_batch(server: Front, speller: Package) -> None:
    texts = ["a" * (i % 7 + 1) for i in range(60)]
    before = server.stats()["requests"]
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda text: server.client.post("/predict", json={"text": text}), texts))
    assert [answer.json()["predictions"][0]["text"] for answer in answers] == [
        said(text, speller) for text in texts
    ]
    assert server.stats()["requests"] == before + 60


@pytest.mark.parametrize(("pad", "expected"), [(0, [(4, 3)]), (None, [(2, 2), (1, 1), (1, 3)])])
def test_only_what_is_padded_shares_a_batch(pad: int | None, expected: list[tuple[int, int]]) -> None:
    spec, seen = TensorSpec("ids", "int64", (None,), pad), []

    def graph(arrays: Arrays) -> Arrays:
        seen.append(arrays[0].shape)
        return (arrays[0].sum(1),)

    codec = get_task("generic").codec(Signature("generic", (spec,), TensorSpec("sum", "int64", ())))
    wires = {0: PredictWire(codec, 1)}
    predictor = Predictor(wires, codec, {"model": graph}, batchable=True, max_items=9, max_body=99)
    bodies = [b'{"inputs": [[1, 2], [3, 4]]}', b'{"inputs": [[5]]}', b'{"inputs": [[6, 7, 8]]}']
    result = predictor.answer([Request(b"", body) for body in bodies])
    assert seen == expected
    answers = [[item["outputs"] for item in json.loads(a.body)["predictions"]] for a in result.answers]
    assert answers == [[3, 7], [5], [21]]


@pytest.mark.parametrize("accept", [EVENTS, LINES])
def test_an_answer_comes_in_pieces(server: Front, speller: Package, accept: dict[str, str]) -> None:
    with server.client.stream("POST", "/predict", json={"text": "abc"}, headers=accept) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"] == accept["Accept"]
        lines = [line for line in answer.iter_lines() if line]
    if accept is EVENTS:
        assert lines[-2] == "event: answer"
        lines = [line.removeprefix("data: ") for line in lines if not line.startswith("event: ")]
    *pieces, whole = map(json.loads, lines)
    assert "".join(piece["piece"] for piece in pieces) == said("abc", speller)
    assert whole == server.client.post("/predict", json={"text": "abc"}).json()


def test_what_has_no_pieces_comes_whole_and_errors_as_ever(server: Front, twins: Front) -> None:
    several = server.client.post("/predict", json={"texts": ["a", "b"]}, headers=LINES).text.splitlines()
    assert [len(json.loads(line)["predictions"]) for line in several] == [2]
    wrong = server.client.post("/predict", json={"text": ""}, headers=EVENTS)
    assert (wrong.status_code, wrong.headers["content-type"]) == (422, "application/json")
    inputs = {"x": [1, 2, 3, 4], "mask": [1, 1, 1]}
    (line,) = twins.client.post("/predict", json={"inputs": inputs}, headers=LINES).text.splitlines()
    assert json.loads(line)["predictions"][0]["outputs"].keys() == {"logits", "ids"}


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory, packages: Path) -> Iterator[Front]:
    """A service that takes half a minute for an answer in pieces."""
    signature = replace(SPELLING, preprocessing={"kind": "letters", "steps": 300, "pause": 0.1})
    package = package_of(packages / "slow", SPELLER, signature, SOME_IDS)
    with front(tmp_path_factory.mktemp("state"), package) as running:
        yield running


def test_a_client_that_leaves_ends_its_answer(slow: Front) -> None:
    started = time.monotonic()
    with slow.client.stream("POST", "/predict", json={"text": "abc"}, headers=LINES) as answer:
        next(answer.iter_lines())
    assert slow.client.post("/predict", json={"text": "abc"}).status_code == 200
    while slow.stats()["in_flight"]:
        time.sleep(0.05)
        assert time.monotonic() - started < 10


def test_others_are_answered_while_an_answer_comes_in_pieces(slow: Front) -> None:
    question = {"json": {"text": "abc"}, "headers": LINES}
    with (
        slow.client.stream("POST", "/predict", **question) as first,
        slow.client.stream("POST", "/predict", **question) as second,
    ):
        lines = [answer.iter_lines() for answer in (first, second)]
        started = time.monotonic()
        assert [json.loads(next(line)).keys() for line in lines] == [{"piece"}, {"piece"}]
        whole = slow.client.post("/predict", json={"texts": ["abc", "b"]})
        assert len(whole.json()["predictions"]) == 2
        assert slow.stats()["in_flight"] == 2
        assert [json.loads(next(line)).keys() for line in lines] == [{"piece"}, {"piece"}]
        assert time.monotonic() - started < 10


def test_an_answer_whose_model_dies_ends_with_the_reason(slow: Front) -> None:
    with slow.client.stream("POST", "/predict", json={"text": "abc"}, headers=EVENTS) as answer:
        lines = answer.iter_lines()
        next(lines)
        os.kill(slow.stats()["worker_pid"], signal.SIGKILL)
        *_, event, data = [line for line in lines if line]
    assert event == "event: error"
    assert "was ended by SIGKILL" in json.loads(data.removeprefix("data: "))["error"]


def test_what_shares_a_worker_with_a_stream_is_run_again_where_it_dies(slow: Front) -> None:
    slow.wait_for(lambda: slow.stats()["worker_pid"] is not None)
    with (
        slow.client.stream("POST", "/predict", json={"text": "abc"}, headers=LINES) as answer,
        ThreadPoolExecutor(1) as pool,
    ):
        lines = answer.iter_lines()
        next(lines)
        worker = slow.stats()["worker_pid"]
        os.kill(worker, signal.SIGSTOP)
        other = pool.submit(slow.client.post, "/predict", json={"text": "abc"}, timeout=60)
        slow.wait_for(lambda: slow.stats()["in_flight"] == 2)
        os.kill(worker, signal.SIGKILL)
        assert "was ended by SIGKILL" in json.loads(list(lines)[-1])["error"]
        assert other.result().status_code == 200


def test_several_outputs_are_answered_by_name(twins: Front) -> None:
    inputs = {"mask": [[1, 1, 1], [0, 1, 0]], "x": [[1, 2, 3, 4], [4, 3, 2, 1]]}
    answer = twins.client.post("/predict", json={"inputs": inputs}).json()
    for item, mask in zip(answer["predictions"], inputs["mask"], strict=True):
        logits, ids = item["outputs"]["logits"], item["outputs"]["ids"]
        assert ids == int(np.argmax(logits))
        assert all(value == 0 for value, kept in zip(logits, mask, strict=True) if not kept)
    schema = twins.client.get("/openapi.json").json()["paths"]["/predict"]["post"]["responses"]["200"]
    jsonschema.validate(answer, schema["content"]["application/json"]["schema"])


def tensors(x: list[list[float]]) -> dict[str, Any]:
    mask = {"name": "mask", "datatype": "FP32", "shape": [len(x), 3], "data": [1.0] * 3 * len(x)}
    data = [value for row in x for value in row]
    return {"inputs": [mask, {"name": "x", "datatype": "FP32", "shape": [len(x), 4], "data": data}]}


def test_the_open_protocol_has_every_output(twins: Front) -> None:
    described = twins.client.get("/v2/models/net").json()
    assert [(item["name"], item["datatype"], item["shape"]) for item in described["outputs"]] == [
        ("logits", "FP32", [-1, 3]),
        ("ids", "INT64", [-1]),
    ]
    asked = tensors([[1, 2, 3, 4], [4, 3, 2, 1]])
    infer = "/v2/models/net/infer"
    both = twins.client.post(infer, json=asked).json()["outputs"]
    assert [item["name"] for item in both] == ["logits", "ids"]
    assert both[1]["data"] == np.reshape(both[0]["data"], (2, 3)).argmax(1).tolist()
    one = twins.client.post(infer, json={**asked, "outputs": [{"name": "ids"}]}).json()["outputs"]
    assert one == [both[1]]
    wrong = twins.client.post(infer, json={**asked, "outputs": [{"name": "idz"}]})
    assert wrong.json()["error"] == "there is no output 'idz': this model gives 'logits', 'ids'"
    classes = [{"name": "logits", "parameters": {"classification": 2}}]
    assert twins.client.post(infer, json={**asked, "outputs": classes}).status_code == 400


def test_outputs_may_be_partly_binary(twins: Front) -> None:
    asked = {**tensors([[1, 2, 3, 4]]), "outputs": [{"name": "ids"}, {"name": "logits"}]}
    asked["outputs"][1]["parameters"] = {"binary_data": True}
    answer = twins.client.post("/v2/models/net/infer", json=asked)
    length = int(answer.headers["inference-header-content-length"])
    ids, logits = json.loads(answer.content[:length])["outputs"]
    values = np.frombuffer(answer.content[length:], np.float32)
    assert logits["parameters"]["binary_data_size"] == len(answer.content) - length == 12
    assert ids["data"] == [int(values.argmax())]


def test_grpc_has_every_output(twins: Front) -> None:
    grpc = pytest.importorskip("grpc")
    from lepton_nb.serve.wires.grpc_messages import MESSAGES, SERVICE
    from tests.serving_support import TOKEN

    port = next(line.rpartition(":")[2] for line in twins.log.splitlines() if "gRPC on" in line)
    contents = (("mask", np.ones((1, 3), np.float32)), ("x", np.ones((1, 4), np.float32)))
    request = MESSAGES["ModelInferRequest"](
        model_name="net",
        inputs=[{"name": name, "datatype": "FP32", "shape": array.shape} for name, array in contents],
        raw_input_contents=[array.tobytes() for _, array in contents],
    )
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        call = channel.unary_unary(f"/{SERVICE}/ModelInfer")
        token = (("authorization", f"Bearer {TOKEN}"),)
        body = call(request.SerializeToString(), metadata=token, timeout=20)
    answer = MESSAGES["ModelInferResponse"].FromString(body)
    assert [item.name for item in answer.outputs] == ["logits", "ids"]
    logits = np.frombuffer(answer.raw_output_contents[0], np.float32)
    assert np.frombuffer(answer.raw_output_contents[1], np.int64).tolist() == [int(logits.argmax())]


def test_an_answer_that_is_a_file(packages: Path, tmp_path: Path) -> None:
    package = package_of(packages / "singer", SINGER, TONE, SOME_IDS)
    codec = codec_of(package.path)
    assert curl_options(codec).endswith(" -H 'Accept: audio/wav' -o answer")
    with front(tmp_path / "state", package) as server:
        client = server.client
        sound = client.post("/predict", json={"text": "abc"}, headers={"Accept": "audio/*"})
        assert (sound.headers["content-type"], sound.content[:4]) == ("audio/wav", b"RIFF")
        plain = client.post("/predict", json={"text": "abc"}).json()
        (prediction,) = plain["predictions"]
        assert prediction == {"content": base64.b64encode(sound.content).decode(), "type": "audio/wav"}
        assert read_answers(codec, [prediction]) == [Media(sound.content, "audio/wav")]
        two = client.post("/predict", json={"texts": ["a", "b"]}, headers={"Accept": "audio/wav"})
        assert len(two.json()["predictions"]) == 2  # several files are none
        described = client.get("/openapi.json").json()
        answers = described["paths"]["/predict"]["post"]["responses"]["200"]["content"]
        assert set(answers) == {"application/json", "audio/wav"}
        jsonschema.validate(plain, answers["application/json"]["schema"])
        form = described["x-lepton"]["form"]
        assert (form["widget"], form["key"], form["answer"], form["streams"]) == (
            "text",
            "text",
            "media",
            False,
        )


def test_one_array_is_not_enough_for_two_inputs(twins: Front) -> None:
    stream = io.BytesIO()
    np.save(stream, np.ones((2, 4), np.float32))
    answer = twins.client.post(
        "/predict", content=stream.getvalue(), headers={"Content-Type": "application/x-npy"}
    )
    assert answer.status_code == 422
    assert answer.json()["error"] == "this model takes 2 inputs: 'mask', 'x'"


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (b"text/html, */*;q=0.8", "application/json"),
        (b"audio/wav", "audio/wav"),
        (b"AUDIO/*; q=0.5, application/json;q=0.4", "audio/wav"),
        (b"application/json, audio/wav", "application/json"),
        (b"audio/wav;q=0", "application/json"),
        (b"audio/wav;q=x", "application/json"),
        (b", ;;,", "application/json"),
        (b"\xff\x00", "application/json"),
    ],
)
def test_a_file_is_for_who_names_its_type(accept: bytes, chosen: str) -> None:
    assert preferred(accept, ("application/json", "audio/wav")) == chosen


def test_a_broken_accept_header_is_answered(server: Front) -> None:
    answer = httpx.post(
        f"{server.url}/predict",
        json={"text": "a"},
        headers={**server.client.headers, "Accept": "x" * 30_000},
        trust_env=False,
    )
    assert answer.status_code == 200
