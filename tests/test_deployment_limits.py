"""What bounds a request: options of `deploy`, kept from start to start, named where they refuse."""

from __future__ import annotations

import httpx
import pytest

import lepton_nb
from lepton_nb import data
from lepton_nb.deployment.options import limits
from lepton_nb.errors import ArgumentError, DeploymentError


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((0, None, None), "time_limit is 0"),
        ((None, "1x", None), "max_body is '1x'"),
        ((None, 10, None), "max_body is 10"),
        ((None, None, 0), "max_batch is 0"),
    ],
)
def test_what_is_out_of_range_is_refused(given: tuple[float, str, int], said: str) -> None:
    with pytest.raises(ArgumentError, match=said):
        limits(*given)


def test_what_is_held_grows_with_the_largest_body() -> None:
    assert limits(None, "1g", None) == {"max_body": 1 << 30, "max_held": 4 << 30}
    assert limits(5, None, 8) == {"time_limit": 5, "max_batch": 8}


@pytest.mark.slow
def test_a_service_keeps_its_limits_and_names_their_options() -> None:
    run = lepton_nb.train("SmallCNN", data.digits(limit=60), epochs=1, name="net", progress=False)
    service = lepton_nb.deploy(run, max_body="2k", time_limit=7)
    header = {"Authorization": f"Bearer {service.token}", "Content-Type": "application/json"}
    answer = httpx.post(f"{service.url}/predict", content=b" " * 3000, headers=header)
    assert answer.status_code == 413
    assert "--max-body SIZE" in answer.json()["error"]
    with pytest.raises(DeploymentError, match="limits"):
        lepton_nb.deploy(run, time_limit=8)
    assert lepton_nb.deploy(run).state.read_settings()["time_limit"] == 7
    refused = httpx.get(f"{service.url}/docs", headers={"Host": "abc.example.org"})
    assert refused.status_code == 421
    assert "--allow-host NAME" in refused.json()["error"]
    assert httpx.get(f"{service.url}/docs", headers={"Host": "localhost:9000"}).status_code == 200
