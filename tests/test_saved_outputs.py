"""What runs and evaluations leave in a notebook for a reader without a kernel."""

from __future__ import annotations

import base64
import io
import json
import math
from typing import Any

import pytest
from IPython.core.formatters import DisplayFormatter
from PIL import Image

import lepton_nb
from lepton_nb import data
from lepton_nb.evaluation.bundle import MIME as EVALUATION
from lepton_nb.runs import Run
from lepton_nb.runs.bundle import MIME as RUN
from lepton_nb.runs.bundle import run_bundle
from tests.runs_helpers import make_run

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEPTON_HOME", str(tmp_path_factory.mktemp("saved")))
        yield lepton_nb.train("SmallCNN", data.digits(limit=120), epochs=2, name="cnn")


def strict(value: Any) -> Any:
    """The value after a trip through JSON, which has no NaN."""
    return json.loads(json.dumps(value, allow_nan=False))


def test_a_run_shows_itself_in_the_lab_without_a_kernel(trained: Run) -> None:
    shown, _ = DisplayFormatter().format(trained)
    kept = strict(shown[RUN])
    assert {"text/plain", "text/html"} <= set(shown)
    assert (kept["version"], kept["run"]["ref"]) == (1, "cnn@1")
    assert kept["config"]["epochs"] == 2
    steps = kept["series"]["val_accuracy"]["step"]
    assert steps == trained.history()["val_accuracy"][0]
    assert kept["steps_per_epoch"] * 2 == trained.step


def test_a_long_run_keeps_the_shape_of_its_curves_and_no_nan() -> None:
    run = make_run("cnn")
    run.begin()
    run.log_many([(step, 0, {"loss": 1 / step}) for step in range(1, 3001)])
    run.log_many([(1500, 0, {"loss": 7.0}), (3000, 0, {"loss": math.nan})])
    loss = strict(run_bundle(run))["series"]["loss"]
    assert len(loss["step"]) <= 300
    assert loss["value"][loss["step"].index(1500)] == 7.0
    assert (loss["step"][-1], loss["value"][-1]) == (3000, None)
    assert len(json.dumps(loss)) < 10_000


def test_an_evaluation_shows_itself_in_the_lab_without_a_kernel(trained: Run) -> None:
    result = lepton_nb.evaluate(trained, split="train")
    shown, _ = DisplayFormatter().format(result)
    kept = strict(shown[EVALUATION])
    assert kept["metrics"]["accuracy"] == pytest.approx(result.metrics["accuracy"], rel=1e-4)
    assert kept["version"] == 2
    assert kept["labels"]["f1_macro"] == "F1 (macro)"
    charts = {chart["name"]: chart for chart in kept["charts"]}
    assert list(charts) == [*result.figure_names, "per_class"]
    assert sum(map(sum, charts["confusion"]["values"])) == kept["items"] == len(result.target)
    assert {"class", "precision", "recall", "F1", "support"} <= set(charts["per_class"]["columns"])
    worst, *_, best = charts["roc"]["lines"]
    assert len(worst["x"]) == len(worst["y"]) <= 120
    assert worst["value"] <= best["value"], "the worst class first"
    assert sum(charts["reliability"]["behind"]) == pytest.approx(1, abs=1e-3)
    mistake = charts["worst"]["items"][0]
    picture = Image.open(io.BytesIO(base64.b64decode(mistake["picture"].partition(",")[2])))
    assert picture.size == (8, 8)
    assert mistake["caption"] != mistake["truth"]
    assert Image.open(io.BytesIO(base64.b64decode(shown["image/png"]))).width > 300
    assert len(json.dumps(kept)) < 200_000


def test_an_evaluation_of_values_keeps_predicted_and_true() -> None:
    import pandas as pd

    table = pd.DataFrame({"a": range(120), "b": [i % 7 for i in range(120)]})
    table["y"] = 2.0 * table.a - table.b
    run = lepton_nb.train(data=data.load(table, target="y"), epochs=1)
    kept = strict(lepton_nb.evaluate(run)._repr_mimebundle_()[EVALUATION])
    charts = {chart["name"]: chart for chart in kept["charts"]}
    assert list(charts) == ["predicted", "residuals", "learning_curves", "worst"]
    assert len(charts["predicted"]["across"]) == len(charts["predicted"]["up"]) == kept["items"]
    assert sum(charts["residuals"]["heights"]) == kept["items"]
    assert charts["worst"]["items"][0]["text"]
