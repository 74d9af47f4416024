"""What the page has to know of a model: its inputs, its answers, and an example to check itself with."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import numpy as np

from lepton_nb.errors import PackageError
from lepton_nb.packaging import Package
from lepton_nb.packaging.parity import TOLERANCE
from lepton_nb.signature import Signature
from lepton_nb.tasks import Codec, get_task
from lepton_nb.tasks.answers import ALL_SCORES_UP_TO, TOP_SCORES, ClassAnswers, RawAnswers, ValueAnswers
from lepton_nb.tasks.labels.answers import ALL_UP_TO, MOST_LIKELY, BinaryAnswers, LabelAnswers
from lepton_nb.tasks.labels.reading import PROBABILITIES, thresholds
from lepton_nb.tasks.tensors import TensorCodec

_READ = {"image", "table", "tensor", "text"}
_LARGEST_EXAMPLE = 1 << 20  # bytes
_NORMALIZERS = [{"type": "NFKC"}, {"type": "Lowercase"}]
_SPLITTERS = ["BertPreTokenizer", "Metaspace"]


def describe_page(package: Package, name: str) -> dict[str, Any]:
    """The try-it page's description of a service, with what ``service.js`` needs to be one.

    Raises:
        PackageError: If the model cannot answer in a page; says why.
    """
    signature = package.signature
    codec = get_task(signature.task).codec(signature)
    _refuse(package, codec)
    assert isinstance(codec, TensorCodec)
    content = {"application/json": {"schema": codec.request_schema()}}
    about = {
        "name": name,
        "url": "",
        "version": package.version or 1,
        "token": False,
        "form": codec.about(),
        "task": signature.task,
        "model": package.manifest.model,
        "example": codec.example(),
        "class_names": signature.class_names,
    }
    return {
        "paths": {"/predict": {"post": {"requestBody": {"content": content}, "responses": {"200": {}}}}},
        "components": {"schemas": {}},
        "x-lepton": about,
        "x-model": {
            "preprocessing": _preprocessing(signature),
            "inputs": [
                {"name": spec.name, "dtype": spec.dtype, "shape": spec.shape} for spec in signature.inputs
            ],
            "outputs": [spec.name for spec in signature.outputs],
            "answers": _ANSWERS[type(codec.answers)](signature),
            "example": _example(package),
            "tolerance": TOLERANCE,
        },
    }


def _refuse(package: Package, codec: Codec) -> None:
    known = isinstance(codec, TensorCodec) and type(codec.answers) in _ANSWERS
    if type(codec).run is not Codec.run or not known or codec.kind not in _READ:
        raise PackageError(
            f"A page cannot answer for {package.signature.task}: it reads tensors, pictures, texts and rows, "
            "and answers with classes, labels and values.",
            "%lepton export NAME folder/ writes a folder that serves it.",
        )
    if "onnx" not in package.manifest.formats:
        why = package.manifest.rejected.get("onnx", "it was not tried")
        raise PackageError(f"A page runs ONNX, and {package.manifest.model} has none: {why}.")
    if package.signature.preprocessing.get("range"):
        raise PackageError("A page reads pictures of 8 bits a channel, and this model was trained on more.")
    if any(column["kind"] == "date" for column in package.signature.preprocessing.get("columns", ())):
        raise PackageError("A page reads rows of numbers and categories, and this model takes dates.")
    if codec.kind == "text" and not _is_our_tokenizer(package.signature):
        raise PackageError("A page reads texts by this library's own tokenizer, and this model has another.")


def _is_our_tokenizer(signature: Signature) -> bool:
    found = json.loads(signature.preprocessing["tokenizer"])
    splitters = [part["type"] for part in (found["pre_tokenizer"] or {}).get("pretokenizers", [])]
    normalizers = (found["normalizer"] or {}).get("normalizers", [])
    return found["model"]["type"] == "BPE" and normalizers == _NORMALIZERS and splitters == _SPLITTERS


def _preprocessing(signature: Signature) -> dict[str, Any]:
    settings = dict(signature.preprocessing)
    if "tokenizer" in settings:
        model = json.loads(settings["tokenizer"])["model"]
        settings["tokenizer"] = {key: model[key] for key in ("vocab", "merges", "unk_token")}
    settings.pop("words", None)
    return settings


def _example(package: Package) -> dict[str, Any] | None:
    """The first of the inputs that the package was checked with, and the answer of the notebook's model."""
    known = package.read_example()
    first = [array[:1] for array in known.inputs]
    if sum(array.nbytes for array in first) > _LARGEST_EXAMPLE:
        return None
    outputs = [array[:1] for array in known.outputs]
    return {"inputs": [_encoded(array) for array in first], "outputs": [_encoded(array) for array in outputs]}


def _encoded(array: np.ndarray) -> dict[str, Any]:
    data = base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
    return {"dtype": str(array.dtype), "dims": array.shape, "data": data}


def _labels(signature: Signature) -> dict[str, Any]:
    given = signature.target.get("outputs") == PROBABILITIES
    return {"names": signature.class_names, "thresholds": thresholds(signature).tolist(), "given": given}


def _value(signature: Signature) -> dict[str, Any]:
    target = signature.target
    scale = {key: np.ravel(target.get(key, usual)).tolist() for key, usual in (("mean", 0.0), ("std", 1.0))}
    return {"kind": "value", "name": str(target.get("name", "value")), **scale}


_ANSWERS: dict[type, Callable[[Signature], dict[str, Any]]] = {
    ClassAnswers: lambda signature: {
        "kind": "classes",
        "names": signature.class_names,
        "all": ALL_SCORES_UP_TO,
        "top": TOP_SCORES,
    },
    BinaryAnswers: lambda signature: {"kind": "binary", **_labels(signature)},
    LabelAnswers: lambda signature: {
        "kind": "labels",
        "all": ALL_UP_TO,
        "top": MOST_LIKELY,
        **_labels(signature),
    },
    ValueAnswers: _value,
    RawAnswers: lambda _: {"kind": "json"},
}
