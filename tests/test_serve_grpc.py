"""The Open Inference Protocol over gRPC, asked by Triton's own client."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lepton_nb.packaging import Package
from tests.fuzzing import damaged, edits, fuzz
from tests.serving_support import IMAGES, TOKEN, Front, expected_labels, front, pictures

triton = pytest.importorskip("tritonclient.grpc")
from tritonclient.utils import InferenceServerException, np_to_triton_dtype  # noqa: E402

from lepton_nb.serve.wires.grpc_messages import MESSAGES  # noqa: E402

pytestmark = pytest.mark.slow

AUTHORIZATION = {"authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, net_package: Package) -> Iterator[Front]:
    settings = {"version": 3, "max_body": 200_000, "grpc_port": 0}
    with front(tmp_path_factory.mktemp("state"), net_package, **settings) as running:
        yield running


def address(server: Front) -> str:
    return next(line for line in server.log.splitlines() if "gRPC on" in line).rpartition(" ")[2]


@pytest.fixture(scope="module")
def client(server: Front) -> Iterator[Any]:
    with triton.InferenceServerClient(address(server)) as connected:
        yield connected


def tensor(array: np.ndarray, name: str = "image") -> Any:
    given = triton.InferInput(name, array.shape, np_to_triton_dtype(array.dtype))
    given.set_data_from_numpy(array)
    return given


def infer(client: Any, *inputs: Any, name: str = "net", **options: Any) -> Any:
    return client.infer(name, list(inputs), headers=AUTHORIZATION, client_timeout=20, **options)


def test_the_server_and_its_model_are_live_and_ready(client: Any) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("net", "3", headers=AUTHORIZATION)
    with pytest.raises(InferenceServerException, match="there is no model 'other', only 'net'") as missing:
        client.is_model_ready("other", headers=AUTHORIZATION)
    assert missing.value.status() == "StatusCode.NOT_FOUND"


def test_metadata_tells_what_the_model_takes_and_gives(client: Any) -> None:
    server = client.get_server_metadata(headers=AUTHORIZATION, as_json=True)
    assert "classification" in server["extensions"]
    assert client.get_model_metadata("net", headers=AUTHORIZATION, as_json=True) == {
        "name": "net",
        "versions": ["3"],
        "platform": "onnxruntime_onnx",
        "inputs": [{"name": "image", "datatype": "FP32", "shape": ["-1", "1", "8", "8"]}],
        "outputs": [{"name": "logits", "datatype": "FP32", "shape": ["-1", "3"]}],
    }


def test_tensors_come_back_as_the_model_gives_them(client: Any, server: Front, net_package: Package) -> None:
    inputs = pictures(5).numpy()
    answer = infer(client, tensor(inputs), request_id="seven", model_version="3")
    response = answer.get_response()
    assert (response.model_name, response.model_version, response.id) == ("net", "3", "seven")
    logits = answer.as_numpy("logits")
    assert (logits.shape, logits.dtype) == ((5, 3), np.float32)
    assert [IMAGES.class_names[i] for i in logits.argmax(1)] == expected_labels(net_package, inputs)


def test_typed_contents_are_read_too(client: Any) -> None:
    """What clients other than Triton's send: the values as a repeated field."""
    inputs = pictures(2).numpy()
    given = tensor(inputs)
    given._raw_content = None
    given._input.contents.fp32_contents.extend(inputs.reshape(-1).tolist())
    typed = infer(client, given).as_numpy("logits")
    np.testing.assert_allclose(typed, infer(client, tensor(inputs)).as_numpy("logits"), rtol=1e-5)


def test_the_classification_extension_names_the_best_classes(client: Any, net_package: Package) -> None:
    inputs = pictures(4).numpy()
    wanted = triton.InferRequestedOutput("logits", class_count=2)
    classes = infer(client, tensor(inputs), outputs=[wanted]).as_numpy("logits")
    assert [entry.decode().split(":")[2] for entry in classes[:, 0]] == expected_labels(net_package, inputs)


def test_requests_in_parallel_share_batches(client: Any, server: Front) -> None:
    import queue

    answers: queue.Queue[Any] = queue.Queue()
    inputs = tensor(pictures(1).numpy())
    for _ in range(50):
        client.async_infer(
            "net", [inputs], lambda result, error: answers.put(error or result), headers=AUTHORIZATION
        )
    results = [answers.get(timeout=20) for _ in range(50)]
    assert all(result.as_numpy("logits").shape == (1, 3) for result in results)


def test_slips_are_explained(client: Any) -> None:
    good = pictures(2).numpy()
    slips = [
        (tensor(good.astype(np.float64)), "datatype 'FP64', this model takes FP32", "INVALID_ARGUMENT"),
        (tensor(good[0]), "has the shape", "INVALID_ARGUMENT"),
        (tensor(good, name="picture"), "there is no input 'picture'", "INVALID_ARGUMENT"),
        (tensor(np.array([b"not a picture"], dtype=object)), "not a picture", "INVALID_ARGUMENT"),
        (tensor(np.zeros((2000, 1, 8, 8), np.float32)), "larger than max", "RESOURCE_EXHAUSTED"),
    ]
    for wrong, told, code in slips:
        with pytest.raises(InferenceServerException, match=told) as slip:
            infer(client, wrong)
        assert slip.value.status() == f"StatusCode.{code}"
    with pytest.raises(InferenceServerException, match="version '9'") as missing:
        infer(client, tensor(good), model_version="9")
    assert missing.value.status() == "StatusCode.NOT_FOUND"
    assert infer(client, tensor(good)).as_numpy("logits").shape == (2, 3)


@pytest.mark.parametrize("headers", [None, {"authorization": "Bearer wrong"}])
def test_the_token_is_needed(client: Any, headers: dict[str, str] | None) -> None:
    with pytest.raises(InferenceServerException, match="token") as refused:
        client.infer("net", [tensor(pictures(1).numpy())], headers=headers)
    assert refused.value.status() == "StatusCode.UNAUTHENTICATED"


def test_rubbish_is_refused_and_counted(server: Front) -> None:
    import grpc

    with grpc.insecure_channel(address(server)) as channel:
        call = channel.unary_unary("/inference.GRPCInferenceService/ModelInfer")
        with pytest.raises(grpc.RpcError) as refused:
            call(b"\xff\xff\xff", metadata=tuple(AUTHORIZATION.items()), timeout=20)
        assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        with pytest.raises(grpc.RpcError) as unknown:
            channel.unary_unary("/inference.GRPCInferenceService/ModelConfig")(b"", timeout=20)
        assert unknown.value.code() is grpc.StatusCode.UNIMPLEMENTED
    text = server.client.get("/metrics").text
    assert 'grpc_code="INVALID_ARGUMENT",grpc_method="ModelInfer"' in text
    assert 'lepton_errors_total{kind="input"}' in text


def message(method: str) -> bytes:
    """A good request of a method, as it is on the wire."""
    inputs = pictures(2).numpy()
    tensor = {"name": "image", "datatype": "FP32", "shape": inputs.shape}
    infer = {"model_name": "net", "inputs": [tensor], "raw_input_contents": [inputs.tobytes()]}
    model = {"name": "net"}
    fields = {"ModelInfer": infer, "ModelMetadata": model, "ModelReady": model}.get(method, {})
    content: bytes = MESSAGES[f"{method}Request"](**fields).SerializeToString()
    return content


@fuzz
@given(
    method=st.sampled_from(
        ["ModelInfer", "ModelMetadata", "ModelReady", "ServerMetadata", "ServerReady", "ServerLive"]
    ),
    changes=edits,
    cut=st.sampled_from([0, 0, 1, 7, 100]),
    tail=st.binary(max_size=40),
)
def test_any_damage_to_a_message_is_answered(
    server: Front, method: str, changes: list[tuple[int, int]], cut: int, tail: bytes
) -> None:
    import grpc

    content = message(method)
    sent = (damaged(content, changes, cut, 1) if content else b"") + tail
    codes = grpc.StatusCode
    with grpc.insecure_channel(address(server)) as channel:
        call = channel.unary_unary(f"/inference.GRPCInferenceService/{method}")
        answer = call.future(sent, metadata=tuple(AUTHORIZATION.items()), timeout=20)
        if answer.exception() is not None:
            named = (codes.INVALID_ARGUMENT, codes.NOT_FOUND, codes.RESOURCE_EXHAUSTED)
            assert answer.code() in named, answer.details()
            assert answer.details()
        call(content, metadata=tuple(AUTHORIZATION.items()), timeout=20)


def test_a_taken_port_is_named(tmp_path: Path, server: Front, net_package: Package) -> None:
    taken = int(address(server).rpartition(":")[2])
    with (
        pytest.raises(AssertionError, match="gRPC cannot be served"),
        front(tmp_path, net_package, grpc_port=taken),
    ):
        pass


def test_deploy_serves_grpc_where_it_is_asked_to(lepton_home: Path) -> None:
    from lepton_nb.deployment import deploy
    from tests.serving_support import make_run

    deployment = deploy(make_run(), grpc_port=0)
    try:
        assert deployment.grpc_address is not None
        headers = {"authorization": f"Bearer {deployment.token}"}
        with triton.InferenceServerClient(deployment.grpc_address) as client:
            answer = client.infer("net", [tensor(pictures(2).numpy())], headers=headers)
        assert answer.as_numpy("logits").shape == (2, 3)
    finally:
        deployment.stop()
