"""Evaluation beyond pictures: sentences, and values in their own unit."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lepton_nb import train
from lepton_nb.data import frame
from lepton_nb.data import text as texts
from lepton_nb.evaluation import evaluate

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
