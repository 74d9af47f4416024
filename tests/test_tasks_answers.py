"""Model outputs as JSON answers."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import numpy as np
import pytest
import torch

from lepton_nb.signature import Signature, TensorSpec
from lepton_nb.tasks import Codec, InputError, get_task


def classifier(classes: int) -> Codec:
    signature = Signature(
        "image-classification",
        (TensorSpec("image", "float32", (1, 8, 8)),),
        TensorSpec("logits", "float32", (classes,)),
        tuple(f"class {i}" for i in range(classes)),
    )
    return get_task(signature.task).codec(signature)


def regressor(targets: int, **target: Any) -> Codec:
    signature = Signature(
        "tabular-regression",
        (TensorSpec("features", "float32", (3,)),),
        TensorSpec("values", "float32", (targets,)),
        target={"name": "price", **target},
    )
    return get_task(signature.task).codec(signature)


@pytest.mark.parametrize(("classes", "shown"), [(2, 2), (10, 10), (11, 5)])
def test_an_answer_names_the_likely_classes_best_first(classes: int, shown: int) -> None:
    logits = np.random.default_rng(0).normal(size=(7, classes)).astype(np.float32)
    expected = torch.from_numpy(logits).softmax(1).numpy()
    answers = classifier(classes).encode((logits,))
    for answer, row in zip(answers, expected, strict=True):
        assert answer["index"] == row.argmax()
        assert answer["label"] == f"class {row.argmax()}"
        assert answer["score"] == pytest.approx(row.max(), rel=1e-6)
        values = list(answer["scores"].values())
        assert values == pytest.approx(np.sort(row)[::-1][:shown].tolist(), rel=1e-5)
        assert next(iter(answer["scores"])) == answer["label"]


def test_huge_logits_do_not_overflow() -> None:
    (answer,) = classifier(2).encode((np.array([[1e30, -1e30]], dtype=np.float32),))
    assert answer["score"] == 1.0


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_an_output_that_is_not_finite_names_its_item(bad: float) -> None:
    logits = np.zeros((3, 2), dtype=np.float32)
    logits[1, 0] = bad
    for codec in (classifier(2), regressor(2)):
        with pytest.raises(InputError, match="no finite output") as caught:
            codec.encode((logits,))
        assert caught.value.index == 1


def test_values_come_in_the_unit_of_the_target() -> None:
    answers = regressor(1, mean=100.0, std=10.0).encode((np.array([[0.5], [-1.0]], dtype=np.float32),))
    assert answers == [{"name": "price", "value": 105.0}, {"name": "price", "value": 90.0}]
    assert regressor(1).encode((np.array([2.5], dtype=np.float32),)) == [{"name": "price", "value": 2.5}]


def test_several_values_come_as_a_list() -> None:
    answers = regressor(2, mean=[0.0, 10.0], std=[1.0, 2.0]).encode(
        (np.array([[1.0, 1.0]], dtype=np.float32),)
    )
    assert answers == [{"name": "price", "value": [1.0, 12.0]}]


@pytest.mark.parametrize("codec", [classifier(3), classifier(40), regressor(1), regressor(2)])
def test_answers_fit_their_schema(codec: Codec) -> None:
    jsonschema.Draft202012Validator.check_schema(codec.answer_schema())
    output = np.random.default_rng(0).normal(size=(4, codec.signature.num_outputs)).astype(np.float32)
    for answer in json.loads(json.dumps(codec.encode((output,)))):
        jsonschema.validate(answer, codec.answer_schema())
