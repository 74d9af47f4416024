"""The quickstart as its reader sees it: a real JupyterLab in a real browser."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Page, expect

import lepton_nb
from tests.browser.lab import CHROMIUM, DRAWN, EXTENSION, Lab, Notebook
from tests.browser.panel import confirm
from tests.demo import NOTEBOOK

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(400),
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
]
SHOTS = Path(__file__).parents[2] / "artifacts" / "screenshots"


def index_of(path: Path, text: str) -> int:
    """Position of the cell that contains `text`."""
    cells = nbformat.read(path, as_version=4).cells
    return next(index for index, cell in enumerate(cells) if cell.cell_type == "code" and text in cell.source)


def test_run_all_trains_evaluates_deploys_and_answers(page: Page, lab: Lab) -> None:
    path = lab.folder / "quickstart.ipynb"
    shutil.copy(NOTEBOOK, path)
    notebook = Notebook(page, lab, path.name)
    train, deploy = index_of(path, "%lepton train"), index_of(path, "%lepton deploy")
    predict, stop = index_of(path, "service.predict"), index_of(path, "%lepton stop")
    notebook.run_all()
    notebook.wait_for(train)
    expect(notebook.cell(train).locator(DRAWN).first).to_be_visible(timeout=20_000)
    notebook.wait_for(stop)
    expect(notebook.cell(predict)).to_contain_text("'label'")
    assert lepton_nb.get_run("digits-cnn").status == "finished"
    notebook.command("application:toggle-left-area")
    for theme in ("Light", "Dark"):
        notebook.set_theme(f"JupyterLab {theme}")
        for name, index in (
            ("data", index_of(path, "%lepton data")),
            ("model", index_of(path, "%%lepton model")),
            ("train", train),
            ("evaluate", index_of(path, "%lepton evaluate")),
            ("deploy", deploy),
        ):
            notebook.screenshot(index, SHOTS / f"{name}-{theme.lower()}.png")
    notebook.set_theme("JupyterLab Light")


@pytest.mark.skipif(not EXTENSION.is_dir(), reason="the extension is not built: make install")
def test_the_stop_button_works_while_the_cell_runs_and_the_picture_survives_the_kernel(
    page: Page, lab: Lab
) -> None:
    path = lab.folder / "long.ipynb"
    content = json.loads(NOTEBOOK.read_text())
    train = index_of(NOTEBOOK, "%lepton train")
    source = "run = %lepton train DigitNet --data digits --epochs 5000 --name long"
    content["cells"][train]["source"] = source
    path.write_text(json.dumps(content))
    notebook = Notebook(page, lab, path.name)
    for text in ("%load_ext", "%lepton data", "%%lepton model"):
        notebook.run(index_of(path, text))
        notebook.wait_for(index_of(path, text))
    notebook.run(train)
    panel = notebook.cell(train).locator(".lp-Output")
    expect(panel).to_contain_text(re.compile(r"Epoch ([2-9]|\d\d+) of 5000"), timeout=90_000)

    panel.get_by_role("button", name="Pause").click()
    expect(panel).to_contain_text("Paused", timeout=10_000)
    step = lepton_nb.get_run("long").step
    notebook.screenshot(train, SHOTS / "train-paused.png")
    panel.get_by_role("button", name="Resume").click()
    expect(panel).to_contain_text("Training", timeout=10_000)
    page.wait_for_timeout(1000)
    notebook.screenshot(train, SHOTS / "train-live.png")

    panel.get_by_role("button", name="Stop").click()
    confirm(page, "Stop")
    notebook.wait_for(train, seconds=20)
    run = lepton_nb.get_run("long")
    assert run.status == "stopped"
    assert run.step > step
    assert run.checkpoints()

    expect(notebook.cell(train).locator(DRAWN).first).to_be_visible(timeout=20_000)
    expect(panel.get_by_role("button", name="Stop")).to_have_count(0)
    notebook.command("docmanager:save")
    page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    page.reload()
    page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=90_000)
    expect(notebook.cell(train).locator(DRAWN).first).to_be_visible(timeout=15_000)
    expect(page.locator(".jp-Notebook")).not_to_contain_text("model not found")
