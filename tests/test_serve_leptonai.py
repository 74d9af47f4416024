"""A service answers Lepton's own client, unmodified, as it was written for Photons."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lepton_nb.packaging import Package
from tests.serving_support import IMAGES, TOKEN, expected_labels, front, pictures

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

# Newer httpx has no `httpx._types.TimeoutTypes`; the rest of the client's own requirements is never imported.
CLIENT = ["leptonai==0.47.1"]
NEEDS = ["httpx==0.27.2", "fastapi<0.120", "loguru", "requests", "pyyaml", "contextlib2", "rich"]


@pytest.fixture(scope="module")
def library(pytestconfig: pytest.Config) -> Path:
    """A folder with the client and what it needs, kept between runs."""
    folder = Path(pytestconfig.cache.mkdir("leptonai-0.47.1"))  # type: ignore[union-attr]
    if not (folder / "complete").exists():
        for options in (["--no-deps", *CLIENT], NEEDS):
            command = [sys.executable, "-m", "pip", "install", "-q", "--target", str(folder), *options]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                pytest.skip(f"{options[-1]} cannot be installed: {done.stderr.strip().splitlines()[-1]}")
        (folder / "complete").touch()
    return folder


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory, library: Path, net_package: Package) -> dict[str, Any]:
    with front(tmp_path_factory.mktemp("state"), net_package) as server:
        given = json.dumps([server.url, TOKEN, pictures(2).tolist()])
        environment = {**os.environ, "PYTHONPATH": str(library), "NO_PROXY": "127.0.0.1"}
        script = Path(__file__).with_name("leptonai_client.py")
        done = subprocess.run(
            [sys.executable, str(script)], input=given, env=environment, capture_output=True, text=True
        )
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout)
    answers["labels"] = expected_labels(net_package, pictures(2).numpy())
    return answers


def test_the_routes_are_listed(answers: dict[str, Any]) -> None:
    assert answers["httpx"] == "0.27.2"
    assert {"/predict", "/healthz", "/metrics", "/v2/models/net/infer"} <= set(answers["paths"])
    assert answers["issues"] == []
    assert answers["healthy"] is True
    assert answers["document"].startswith("Ask the model")


def test_every_route_is_called_by_keyword_and_typed(answers: dict[str, Any]) -> None:
    predictions = answers["predict"]["predictions"]
    assert [item["label"] for item in predictions] == answers["labels"]
    assert all(isinstance(item["score"], float) for item in predictions)
    (output,) = answers["infer"]["outputs"]
    rows = [output["data"][:3], output["data"][3:]]
    assert [IMAGES.class_names[row.index(max(row))] for row in rows] == answers["labels"]
    assert answers["metadata"]["inputs"][0]["shape"] == [-1, 1, 8, 8]
    assert answers["live"] == {"live": True}
    assert "http_requests_total" in answers["metrics"]


def test_failures_are_readable_and_keep_the_connection(answers: dict[str, Any]) -> None:
    """The client itself made 200 alternations of a failing and a good call."""
    wrong_type, wrong_key, nothing = answers["failures"]
    assert "422 Client Error" in wrong_type
    assert "nested lists of numbers" in wrong_type
    assert "unknown key 'pixels'" in wrong_key
    assert "exactly one of" in nothing
    assert "not the token of this service" in answers["unauthorized"]
