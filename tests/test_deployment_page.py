"""A model as one HTML file: opened from disk in a browser without a network, it answers as the codecs do."""

from __future__ import annotations

import base64
import io
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from lepton_nb import data
from lepton_nb.deployment import export
from lepton_nb.deployment.page.packing import escape, pack
from lepton_nb.deployment.page.runtime import runtime_files
from lepton_nb.errors import ArgumentError, DeploymentError, PackageError, StoreError
from lepton_nb.models import ModelSpec
from lepton_nb.packaging import Package
from lepton_nb.packaging.draft import write_package
from lepton_nb.packaging.manifest import Origin
from lepton_nb.packaging.runners import load_graphs
from lepton_nb.signature import Signature
from lepton_nb.tasks import Codec, get_task
from tests.detection_support import detector_package
from tests.serving_support import files_of_at_most, make_package
from tests.test_serve_page import browser  # noqa: F401
from tests.test_serve_tasks import package_of

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """onnxruntime-web as npm packs it."""
    home = tmp_path_factory.mktemp("home")
    former = os.environ.get("LEPTON_HOME")
    os.environ["LEPTON_HOME"] = str(home)
    try:
        runtime_files(None)
    except DeploymentError as error:
        pytest.skip(error.message)
    finally:
        os.environ.pop("LEPTON_HOME")
        if former is not None:
            os.environ["LEPTON_HOME"] = former
    return home / "runtimes" / "onnxruntime-web.tgz"


@pytest.fixture
def opened(browser: Any) -> Iterator[Any]:  # noqa: F811
    """A page without a network, which fails its test on any script error and any request to elsewhere."""
    context = browser.new_context(offline=True)
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda line: problems.append(line.text) if line.type == "error" else None)
    local = ("file:", "data:", "blob:")
    page.on("request", lambda sent: problems.append(sent.url) if not sent.url.startswith(local) else None)
    yield page
    context.close()
    assert not problems


def answers_of(package: Package, value: Any) -> list[dict[str, Any]]:
    """What the service answers."""
    codec: Codec = get_task(package.signature.task).codec(package.signature)
    arrays = codec.prepare(value)
    return json.loads(
        json.dumps(list(codec.encode(codec.run(load_graphs(package.path, "onnx", ["model"]), arrays))))
    )


def close(found: Any, expected: Any, tolerance: float = 1e-4) -> bool:
    if isinstance(expected, dict):
        return list(found) == list(expected) and all(close(found[key], expected[key]) for key in expected)
    if isinstance(expected, list):
        return len(found) == len(expected) and all(map(close, found, expected))
    return abs(found - expected) <= tolerance if isinstance(expected, float) else found == expected


def ask(page: Any, body: dict[str, Any]) -> list[dict[str, Any]]:
    """The page's own service, asked as the page asks it."""
    script = """async (body) => (await fetch("predict", {
        body, method: "POST", headers: {"Content-Type": "application/json"} })).json()"""
    answer = page.evaluate(script, json.dumps(body))
    assert "predictions" in answer, answer
    return answer["predictions"]


def show(page: Any, package: Package, folder: Path, runtime: Path) -> Path:
    path = export(package, folder / "page.html", runtime=runtime)
    page.goto(path.as_uri())
    page.wait_for_selector("#panels .primary", timeout=60_000)
    return path


def test_packed_bytes_are_none_that_html_changes() -> None:
    content = bytes(range(256)) * 3 + np.random.default_rng(0).bytes(100_000)
    escaped = escape(content)
    assert not set(b"\0\r<") & set(escaped)
    assert len(escaped) < 1.03 * len(content)
    plain = escaped.split(b"=")
    back = plain[0] + b"".join(bytes([part[0] - 64]) + part[1:] for part in plain[1:])
    assert bytes((byte - 42) % 256 for byte in back) == content
    assert len(pack({"a": bytes(1 << 20)})) < 10_000


def test_pictures_and_tensors_are_answered_as_by_the_service(
    opened: Any, tmp_path: Path, runtime: Path
) -> None:
    package = make_package(tmp_path / "net")
    path = show(opened, package, tmp_path, runtime)
    wasm = len(runtime_files(runtime)["ort.wasm"])
    assert path.stat().st_size < wasm + package.file("model.onnx").stat().st_size + (3 << 20)
    for shape in ((40, 40), (31, 23, 3), (8, 8, 3), (5, 3)):
        pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, "PNG")
        body = {"image": base64.b64encode(stream.getvalue()).decode()}
        assert close(ask(opened, body), answers_of(package, body)), shape
    inputs = {"inputs": np.random.default_rng(0).normal(size=(3, 1, 8, 8)).tolist()}
    assert close(ask(opened, inputs), answers_of(package, inputs))
    answer = opened.evaluate(
        """async () => (await fetch("predict", {body: '{"inputs": [1]}', headers: {}})).json()"""
    )
    assert "shape" in answer["error"]
    (tmp_path / "picture.png").write_bytes(stream.getvalue())
    opened.set_input_files("#file", str(tmp_path / "picture.png"))
    opened.wait_for_selector(".answer")
    assert close([json.loads(opened.text_content("details pre"))], answers_of(package, body))


@pytest.mark.parametrize("task", ["tabular-classification", "tabular-regression"])
def test_rows_are_answered_as_by_the_service(opened: Any, tmp_path: Path, runtime: Path, task: str) -> None:
    package = package_of(tmp_path / "net", task, "MLP")
    show(opened, package, tmp_path, runtime)
    rows = [
        {"length": 3, "colour": "red"},
        {"length": None, "colour": "blue"},
        {"length": -1.5, "colour": None},
    ]
    assert close(ask(opened, {"rows": rows}), answers_of(package, {"rows": rows}))
    opened.fill("#field0", "4.25")
    opened.click("#panels .primary")
    opened.wait_for_selector(".answer")
    (expected,) = answers_of(package, {"row": {"length": 4.25, "colour": "red"}})
    assert close(json.loads(opened.text_content("details pre")), expected)
    table = tmp_path / "rows.csv"
    table.write_text('length,"colour"\r\n3,red\r\n,"gr""een"\r\n7,green\r\n')
    opened.set_input_files("#file", str(table))
    opened.wait_for_selector("text=3 rows")


def text_package(folder: Path) -> Package:
    random = np.random.default_rng(0)
    words = ["good", "bad", "soup", "Straße", "don't", "ﬁne", "naïve,", "日本"]
    lines = [" ".join(random.choice(words, 6)) for _ in range(200)]
    frame = pd.DataFrame({"text": lines, "label": ["yes" if "good" in line else "no" for line in lines]})
    bundle = data.load(frame, task="text-classification")
    signature: Signature = bundle.signature
    model = get_task(signature.task).starters()["BagOfEmbeddings"](signature).eval()
    batch = next(iter(bundle.loader("train", batch_size=4).batches(0)))
    folder.mkdir()
    spec = ModelSpec(kind="live", name="BagOfEmbeddings", missing=["a starter"])
    write_package(folder, model, (batch.inputs,), signature, spec, Origin("net", "0", "net@1", ""))
    return Package.load(folder)


def test_texts_are_answered_as_by_the_service(opened: Any, tmp_path: Path, runtime: Path) -> None:
    package = text_package(tmp_path / "net")
    show(opened, package, tmp_path, runtime)
    texts = ["good soup", "STRASSE, don't! xyzzy", "fine 日本語 naïve…", "a" * 50, "\U0001f984 soup+bad=$5"]
    assert close(ask(opened, {"texts": texts}), answers_of(package, {"texts": texts}))


def test_the_runtime_is_asked_for_once(
    tmp_path: Path, runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = make_package(tmp_path / "net")
    export(package, tmp_path / "first.html", runtime=runtime)
    monkeypatch.setenv("PATH", "/nowhere")
    export(package, tmp_path / "second.html")
    assert (tmp_path / "first.html").read_bytes()[-9:] == (tmp_path / "second.html").read_bytes()[-9:]
    with pytest.raises(ArgumentError, match=r"second\.html exists"):
        export(package, tmp_path / "second.html")


def test_without_npm_the_hint_says_how_to_come_by_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = make_package(tmp_path / "net")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(DeploymentError, match="there is no npm here") as caught:
        export(package, tmp_path / "page.html")
    assert "--runtime onnxruntime-web-" in str(caught.value.hint)
    (tmp_path / "other.tgz").write_bytes(b"no archive")
    with pytest.raises(ArgumentError, match=r"other\.tgz is not onnxruntime-web"):
        export(package, tmp_path / "page.html", runtime=tmp_path / "other.tgz")
    with pytest.raises(ArgumentError, match="for a page"):
        export(package, tmp_path / "folder", runtime=tmp_path / "other.tgz")
    assert not (tmp_path / "page.html").exists()


def test_a_model_that_no_page_can_run_is_told(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="A page cannot answer for object-detection"):
        export(detector_package(tmp_path / "boxes"), tmp_path / "page.html")


def test_a_full_disk_is_told_and_leaves_no_page(tmp_path: Path, runtime: Path) -> None:
    package = make_package(tmp_path / "net")
    shutil.copy(runtime, tmp_path / "ort.tgz")
    runtime_files(runtime)
    with files_of_at_most(1 << 20), pytest.raises(StoreError, match="no room left to write"):
        export(package, tmp_path / "page.html")
    assert not list(tmp_path.glob("*.html"))
    assert not list(tmp_path.glob(".page*"))
