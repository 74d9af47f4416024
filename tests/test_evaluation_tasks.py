"""Evaluation beyond classes of pictures: sentences, values in their own unit, a task from elsewhere."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from lepton_nb import train
from lepton_nb.data import frame
from lepton_nb.data import text as texts
from lepton_nb.evaluation import EvaluationResult, evaluate
from lepton_nb.evaluation.bundle import MIME
from lepton_nb.plots.charts import Bars, Box, Chart, Exhibit
from lepton_nb.signature import Signature, TensorSpec
from lepton_nb.tasks import Measures
from lepton_nb.tasks.image_classification import ImageClassification

pytestmark = pytest.mark.slow


def test_a_regression_is_measured_in_the_unit_of_its_target() -> None:
    rng = np.random.default_rng(0)
    area = rng.uniform(20, 200, 400)
    table = pd.DataFrame({"area": area, "city": rng.choice(["Oslo", "Rome"], 400)})
    table["price"] = 1000.0 * area + 20_000.0 * (table["city"] == "Oslo") + rng.normal(0, 500, 400)
    data = frame(table, target="price")
    run = train("MLP", data, epochs=15, name="homes", batch_size=32, lr=3e-3)
    result = evaluate(run)
    truth = result.target.ravel() * data.signature.target["std"] + data.signature.target["mean"]
    guess = result.preds.ravel() * data.signature.target["std"] + data.signature.target["mean"]
    assert result.metrics["mae"] == pytest.approx(np.abs(truth - guess).mean(), rel=1e-4)
    assert result.metrics["r2"] > 0.8
    assert truth.mean() > 50_000
    assert result.figure_names == ["predicted", "residuals", "learning_curves", "worst"]
    worst = result.worst(1)[0]
    assert worst.error == pytest.approx(np.abs(truth - guess).max(), rel=1e-4)
    assert {"area", "city"} <= set(worst.input)
    html = result._repr_mimebundle_()["text/html"]
    assert "Largest errors" in html
    assert f"area {worst.input['area']:.4g}" in html
    assert len(result.per_class()) == 0


def test_the_worst_sentences_are_shown_as_text() -> None:
    rng = np.random.default_rng(0)
    rows = []
    for i in range(200):
        label = ("good", "bad")[i % 2]
        seen = label if rng.random() > 0.2 else ("bad", "good")[i % 2]
        rows.append((f"what a {seen} film number {i} & <b>more</b>", label))
    data = texts(pd.DataFrame(rows, columns=["text", "label"]))
    result = evaluate(train("BagOfEmbeddings", data, epochs=6, name="films", lr=1e-2, batch_size=16))
    html = result._repr_mimebundle_()["text/html"]
    assert 0.6 < result.metrics["accuracy"] < 1.0
    assert "Worst mistakes" in html
    assert "&lt;b&gt;more&lt;/b&gt;" in html
    assert "<b>more</b>" not in html
    assert result.worst(1)[0].input.startswith("what a ")


class Finder(ImageClassification):
    """A kind of problem with charts of its own, and boxes over its pictures."""

    name = "finder"
    labels: ClassVar = {"ap50": "AP at 50%"}
    worst_title = "Worst pictures"

    def charts(self, measures: Measures, signature: Signature) -> list[Chart]:
        heights = [float(value) for value in measures.arrays["ap"]]
        return [Bars(name="ap", title="Average precision", at=signature.class_names, heights=heights)]

    def illustrate(
        self, exhibit: Exhibit, item: Any, pred: Any, target: Any, signature: Signature
    ) -> Exhibit:
        return replace(exhibit, boxes=(Box(x1=0, y1=0, x2=pred[0] / item.width, y2=1, label="cat"),))


def finding(classes: int = 2) -> EvaluationResult:
    names = tuple(f"class {place}" for place in range(classes))
    signature = Signature(
        "finder",
        (TensorSpec("image", "float32", (1, 8, 8)),),
        TensorSpec("out", "float32", (classes,)),
        names,
    )
    quality = np.linspace(1, 0, classes)
    measures = Measures(
        {"ap50": 0.5, "recall_macro": 0.25},
        {"ap": quality.tolist()},
        {"ap": quality},
        saved=("ap",),
        ranked_by="ap",
    )
    preds, target = np.full((3, classes), 2.0), np.ones(3, dtype=np.int64)
    errors, raw = np.array([0.0, 1.0, 2.0]), lambda index: Image.new("L", (8, 8), index)
    return EvaluationResult("a@1", "boxes", "test", Finder(), signature, measures, preds, target, errors, raw)


def test_a_task_shows_charts_of_its_own_and_boxes_without_any_drawing_code() -> None:
    result = finding()
    assert result.figure_names == ["ap", "worst"]
    assert [patch.get_height() for patch in result.figure("ap").axes[0].patches] == [1.0, 0.0]
    (box,) = result.figure("worst").axes[0].patches
    assert box.get_width() == 2.0
    assert result.plotly().keys() == {"ap", "worst"}
    assert "AP at 50%" in str(result)
    shown = result._repr_mimebundle_()
    assert "recall (macro)" in shown["text/html"]
    kept = shown[MIME]
    assert kept["labels"]["ap50"] == "AP at 50%"
    assert [chart["kind"] for chart in kept["charts"]] == ["bars", "gallery", "table"]
    worst = kept["charts"][1]
    assert worst["note"].startswith("Orange: what was predicted")
    assert [item["index"] for item in worst["items"]] == [2, 1]
    assert worst["items"][0]["boxes"][0]["x2"] == 0.25


def test_what_a_task_keeps_and_draws_is_in_the_numbers_of_the_run(tmp_path: Path) -> None:
    kept = json.loads((finding().save(tmp_path) / "evaluation.json").read_text())
    assert kept["ap"] == [1.0, 0.0]
    assert [chart["name"] for chart in kept["charts"]] == ["ap"]


def test_of_many_classes_those_are_listed_that_the_task_ranks_lowest() -> None:
    result = finding(60)
    html = result._repr_mimebundle_()["text/html"]
    assert "The 20 of 60 classes with the lowest ap" in html
    assert ">class 59<" in html
    assert ">class 39<" not in html
    assert len(result._repr_mimebundle_()[MIME]["charts"][-1]["rows"]) == 50
