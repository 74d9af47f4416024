"""Each kind of problem through its whole length: starter model, package, HTTP, answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lepton_nb.models import ModelSpec
from lepton_nb.packaging import Package
from lepton_nb.packaging.draft import write_package
from lepton_nb.packaging.manifest import Origin
from lepton_nb.signature import Signature, TensorSpec
from lepton_nb.tasks import get_task
from tests.serving_support import IMAGES, front

COLUMNS = [
    {"name": "length", "kind": "number", "mean": 5.0, "std": 2.0, "fill": 5.0},
    {"name": "colour", "kind": "category", "values": ["red", "green"]},
]


def text_signature() -> Signature:
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = ["<pad>", "<unk>", "good", "bad", "buy", "again", "i", "would", "this", "."]
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return Signature(
        task="text-classification",
        inputs=(TensorSpec("input_ids", "int64", (12,)),),
        output=TensorSpec("logits", "float32", (2,)),
        class_names=("bad", "good"),
        preprocessing={"kind": "text", "tokenizer": tokenizer.to_str(), "max_length": 12, "pad_id": 0},
    )


def table_signature(task: str) -> Signature:
    classification = task == "tabular-classification"
    return Signature(
        task=task,
        inputs=(TensorSpec("features", "float32", (3,)),),
        output=TensorSpec("output", "float32", (2 if classification else 1,)),
        class_names=("no", "yes") if classification else (),
        preprocessing={"kind": "table", "columns": COLUMNS},
        target={"name": "price"} if classification else {"name": "price", "mean": 100.0, "std": 10.0},
    )


def larger_images() -> Signature:
    data = IMAGES.to_dict()
    data["inputs"][0]["shape"] = [3, 32, 32]
    data["preprocessing"] = {
        **data["preprocessing"],
        "size": [32, 32],
        "mode": "RGB",
        "mean": [0.5] * 3,
        "std": [1] * 3,
    }
    return Signature.from_dict(data)


SIGNATURES = {
    "image-classification": larger_images,
    "text-classification": text_signature,
    "tabular-classification": lambda: table_signature("tabular-classification"),
    "tabular-regression": lambda: table_signature("tabular-regression"),
}
STARTERS = [(task, name) for task in SIGNATURES for name in get_task(task).starters()]
STARTERS_OF = {task: next(iter(get_task(task).starters())) for task in SIGNATURES}


def some_inputs(signature: Signature, count: int = 5) -> torch.Tensor:
    spec = signature.inputs[0]
    generator = torch.Generator().manual_seed(0)
    if spec.dtype == "int64":
        ids = torch.randint(1, 9, (count, *spec.shape), generator=generator)
        ids[:, 7:] = 0
        return ids
    return torch.randn(count, *spec.shape, generator=generator)


def package_of(path: Path, task: str, starter: str) -> Package:
    signature = SIGNATURES[task]()
    model = get_task(task).starters()[starter](signature).eval()
    path.mkdir()
    spec = ModelSpec(kind="live", name=starter, missing=["a starter"])
    write_package(path, model, (some_inputs(signature),), signature, spec, Origin("net", "0", "net@1", ""))
    return Package.load(path)


@pytest.mark.slow
@pytest.mark.parametrize(("task", "starter"), STARTERS)
def test_every_starter_is_packaged_for_onnx(tmp_path: Path, task: str, starter: str) -> None:
    package = package_of(tmp_path / "package", task, starter)
    assert package.manifest.formats == ("onnx", "pt2"), package.manifest.rejected
    assert package.manifest.batchable


def check_answers(server: Any, body: bytes, media_type: str, count: int) -> list[dict[str, Any]]:
    answer = server.client.post("/predict", content=body, headers={"Content-Type": media_type})
    assert answer.status_code == 200, answer.text
    predictions = answer.json()["predictions"]
    assert len(predictions) == count
    return predictions


@pytest.mark.slow
def test_text_over_http(tmp_path: Path) -> None:
    package = package_of(tmp_path / "package", "text-classification", STARTERS_OF["text-classification"])
    with front(tmp_path / "state", package) as server:
        one = check_answers(server, b"I would buy this again .", "text/plain; charset=utf-8", 1)
        both = {"texts": ["I would buy this again .", "bad"]}
        two = check_answers(server, json.dumps(both).encode(), "application/json", 2)
        assert two[0]["score"] == pytest.approx(one[0]["score"], abs=1e-5)
        example = server.client.get("/openapi.json").json()["x-lepton"]["example"]
        check_answers(server, json.dumps(example).encode(), "application/json", 1)
        assert server.client.post("/predict", json={"text": ""}).status_code == 422


@pytest.mark.slow
@pytest.mark.parametrize("task", ["tabular-classification", "tabular-regression"])
def test_tables_over_http(tmp_path: Path, task: str) -> None:
    package = package_of(tmp_path / "package", task, STARTERS_OF[task])
    with front(tmp_path / "state", package) as server:
        csv = b"length,colour\n4,red\n,green\n6.5,blue\n"
        rows = {
            "rows": [
                {"length": 4, "colour": "red"},
                {"length": None, "colour": "green"},
                {"length": 6.5, "colour": "blue"},
            ]
        }
        by_csv = check_answers(server, csv, "text/csv", 3)
        by_json = check_answers(server, json.dumps(rows).encode(), "application/json", 3)
        assert by_csv == by_json
        if task == "tabular-regression":
            assert {item["name"] for item in by_csv} == {"price"}
            assert all(0 < item["value"] < 300 for item in by_csv)
        wrong = server.client.post("/predict", json={"row": {"length": "long", "colour": "red"}})
        assert wrong.status_code == 422
        assert "length" in wrong.json()["error"]


@pytest.mark.slow
def test_the_exported_program_is_served_where_asked_for(tmp_path: Path) -> None:
    from tests.serving_support import expected_labels, make_package, pictures

    package = make_package(tmp_path / "package")
    inputs: np.ndarray = pictures(3).numpy()
    with front(tmp_path / "state", package, format="pt2", trusted=True, threads=1) as server:
        assert server.stats()["format"] == "pt2"
        labels = [item["label"] for item in server.predict(inputs).json()["predictions"]]
        assert labels == expected_labels(package, inputs)


@pytest.mark.slow
def test_a_missing_accelerator_falls_back_to_the_cpu(tmp_path: Path) -> None:
    from tests.serving_support import make_package, pictures

    if torch.accelerator.is_available():
        pytest.skip("this machine has an accelerator")
    package = make_package(tmp_path / "package")
    with front(tmp_path / "state", package, device="cuda", trusted=True) as server:
        assert server.stats()["format"] == "onnx"
        assert "pt2 does not run on cuda" in server.log
        assert server.predict(pictures(1)).status_code == 200
