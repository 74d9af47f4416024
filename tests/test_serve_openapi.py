"""The OpenAPI description against the wire: schemathesis sends what it allows, and what it does not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from lepton_nb.packaging import Package
from tests.serving_support import TOKEN, Front, front

schemathesis = pytest.importorskip("schemathesis")
from hypothesis import HealthCheck, given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from schemathesis import GenerationMode  # noqa: E402
from schemathesis.specs.openapi.checks import positive_data_acceptance  # noqa: E402

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, net_package: Package) -> Iterator[Front]:
    os.environ["NO_PROXY"] = "127.0.0.1"
    with front(tmp_path_factory.mktemp("state"), net_package) as running:
        yield running


@pytest.fixture(scope="module")
def described(server: Front) -> Any:
    config = schemathesis.Config.from_dict({"headers": {"Authorization": f"Bearer {TOKEN}"}})
    return schemathesis.openapi.from_url(f"{server.url}/openapi.json", config=config)


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_the_wire_is_as_described(described: Any, mode: GenerationMode) -> None:
    """Statuses, content types, schemas, methods and the token of every operation."""

    @settings(
        max_examples=12,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(data=st.data())
    def check(operation: Any, data: Any) -> None:
        case = data.draw(operation.as_strategy(generation_mode=mode))
        # A string in base64 need not be a picture: not all that fits the schema can be taken.
        case.call_and_validate(excluded_checks=[positive_data_acceptance])

    operations = [found.ok() for found in described.get_all_operations()]
    assert len(operations) == 9
    for operation in operations:
        if mode is GenerationMode.POSITIVE or operation.body:  # what takes nothing cannot be sent wrong
            check(operation)


def test_every_operation_is_described(server: Front) -> None:
    paths = server.client.get("/openapi.json").json()["paths"]
    assert set(paths) >= {"/predict", "/healthz", "/metrics", "/v2", "/v2/models/net", "/v2/models/net/infer"}


def test_examples_work(server: Front) -> None:
    for path, methods in server.client.get("/openapi.json").json()["paths"].items():
        for method, operation in methods.items():
            content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            answer = server.client.request(method, path, json=content.get("example"))
            assert answer.status_code == 200, (path, answer.text)
