"""Evaluations in a saved notebook: drawn from what their cells left, of this version and the last."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect

import lepton_nb
from lepton_nb.data import digits
from lepton_nb.evaluation.bundle import MIME
from lepton_nb.plots.charts import Box, Gallery, Line, Lines, Mark
from lepton_nb.plots.drawn.lab import lab_chart
from lepton_nb.plots.gallery import exhibit, mask
from tests.browser.lab import ROOT, Lab, Notebook
from tests.browser.panel import IN_A_LAB, confirm, look

pytestmark = IN_A_LAB

OF_VERSION_1 = ROOT / "labextension" / "test" / "evaluation-1.json"


def write_notebook(path: Path, *bundles: dict[str, Any]) -> None:
    """A notebook whose cells left these."""
    outputs = [{"output_type": "display_data", "metadata": {}, "data": {MIME: bundle}} for bundle in bundles]
    code = {"cell_type": "code", "execution_count": None, "metadata": {}, "source": ""}
    cells = [{**code, "id": f"cell-{place}", "outputs": [output]} for place, output in enumerate(outputs)]
    path.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))


def pictures_with_boxes() -> Gallery:
    pixels = np.full((120, 160, 3), 90, dtype=np.uint8)
    pixels[30:90, 40:120] = (200, 190, 150)
    inside = np.zeros((120, 160), dtype=bool)
    inside[60:110, 20:100] = True
    found = Box(x1=0.3, y1=0.3, x2=0.8, y2=0.8, label="cat", score=0.93)
    true = Box(x1=0.25, y1=0.25, x2=0.75, y2=0.75, label="cat", true=True)
    shown = replace(exhibit(pixels, "1 cat", "1 cat", index=3), boxes=(true, found), masks=(mask(inside),))
    note = "Orange: what was predicted. Light blue, dashed: what is true."
    return Gallery(name="worst", title="Worst pictures", items=(shown,), note=note)


def band() -> Lines:
    x = np.linspace(0.01, 1, 30)
    line = Line(name="loss", x=x.tolist(), y=(1 + x).tolist(), low=x.tolist(), high=(2 + x).tolist())
    marks = (Mark(x=0.1, label="best"),)
    return Lines(name="band", title="Loss over rates", lines=(line,), x="rate", y="loss", marks=marks)


def test_evaluations_are_drawn_without_a_kernel(page: Page, lab: Lab) -> None:
    run = lepton_nb.train("SmallCNN", digits(limit=200), epochs=2, name="digits-cnn")
    bundle = lepton_nb.evaluate(run)._repr_mimebundle_()[MIME]
    unknown = {"kind": "sankey", "name": "flow", "title": "Flows", "note": "From here to there."}
    drawn = [lab_chart(pictures_with_boxes()), lab_chart(band()), unknown]
    others = {**bundle, "name": "a detector", "charts": drawn}
    write_notebook(lab.folder / "saved.ipynb", bundle, others, json.loads(OF_VERSION_1.read_text()))
    notebook = Notebook(page, lab, "saved.ipynb", busy=True)

    confirm(page, "No Kernel")

    now = notebook.cell(0).locator(".lp-Output")
    expect(now.locator("figcaption")).to_have_text(
        [
            "Confusion matrix",
            "Precision and recall",
            "ROC",
            bundle["charts"][3]["title"],
            "Loss",
            "Accuracy",
        ]
    )
    expect(now.locator(".lp-Matrix td")).to_have_count(100)
    expect(now.locator(".main-svg >> nth=0")).to_be_visible()
    expect(now.locator(".lp-Gallery img")).to_have_count(len(bundle["charts"][5]["items"]))

    boxes = notebook.cell(1).locator(".lp-Output")
    expect(boxes.locator(".lp-Box b")).to_have_text("cat 93%")
    picture = boxes.locator(".lp-Picture").bounding_box()
    box = boxes.locator(".lp-Box:not([data-true='true'])").bounding_box()
    assert picture
    assert box
    assert (box["x"] - picture["x"]) / picture["width"] == pytest.approx(0.3, abs=0.01)
    assert box["height"] / picture["height"] == pytest.approx(0.5, abs=0.01)
    expect(boxes).to_contain_text("A newer lepton-nb is needed to draw this (sankey).")

    old = notebook.cell(2).locator(".lp-Output")
    expect(old.locator("figcaption")).to_have_text(
        ["Confusion matrix", "Precision and recall", "ROC", "Calibration"]
    )
    expect(old.locator(".lp-Gallery img").first).to_be_visible()
    for index, name in enumerate(("evaluation-output", "evaluation-boxes", "evaluation-version-1")):
        notebook.cell(index).scroll_into_view_if_needed()
        look(page, name, f".jp-Cell[data-windowed-list-index='{index}'] .lp-Output")
