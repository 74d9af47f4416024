"""The table of runs and the form as people use them: by mouse, by keyboard, without a kernel."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import expect

from lepton_nb.runs import RunStore
from tests.browser.lab import CHROMIUM, EXTENSION, Lab, Notebook, open_page, start_lab
from tests.browser.panel import check_accessible
from tests.runs_helpers import make_run

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
]
SHOTS = Path(__file__).parents[2] / "artifacts" / "screenshots"
CELLS = ["%load_ext lepton_nb\n%lepton data digits;", "%lepton runs", "%lepton form SmallCNN"]


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with start_lab(tmp_path / "lab") as server:
        store = RunStore(server.home)
        for name, values in (("slow", [0.2, 0.5]), ("good", [0.6, 0.9]), ("other", [0.1, 0.3])):
            run = make_run(name, store=store)
            run.log_many([(step, step, {"val_accuracy": value}) for step, value in enumerate(values)])
            run.save_checkpoint({"x": 1}, step=1, epoch=1, value=values[-1], best=True, keep=1)
            run.set_status("finished" if name != "other" else "stopped")
        yield server


def test_the_table_and_the_form_by_mouse_keyboard_and_without_a_kernel(lab: Lab) -> None:
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    cells = [new_code_cell(text) for text in CELLS]
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": kernel}), lab.folder / "forms.ipynb")
    with open_page() as page:
        notebook = Notebook(page, lab, "forms.ipynb")
        notebook.run_all()
        notebook.wait_for(2)
        table, form = notebook.cell(1).locator(".lepton-runs"), notebook.cell(2).locator(".lepton-form")

        rows = table.locator("tbody th")
        expect(rows).to_have_text(["other@1", "good@1", "slow@1"])
        best = table.get_by_role("button", name="Best")
        best.focus()
        page.keyboard.press("Enter")
        expect(rows).to_have_text(["good@1", "slow@1", "other@1"])
        expect(table.locator("th[aria-sort='descending']")).to_have_text(re.compile("Best"))
        expect(best).to_be_focused()
        page.keyboard.press("Enter")
        expect(rows).to_have_text(["other@1", "slow@1", "good@1"])
        table.get_by_role("searchbox").fill("good")
        expect(rows).to_have_text(["good@1"])
        table.get_by_role("searchbox").fill("")
        table.get_by_label("Status").select_option("finished")
        expect(rows).to_have_text(["slow@1", "good@1"])
        expect(table.get_by_role("img", name="val_accuracy from 0.6000 to 0.9000")).to_be_visible()
        table.get_by_label("Compare slow@1").check()
        table.get_by_label("Compare good@1").check()
        expect(table.locator("code")).to_have_text("%lepton compare good@1 slow@1")

        line = form.locator(".lepton-result code")
        expect(line).to_have_text("%lepton train SmallCNN --data digits")
        form.get_by_label("Epochs", exact=True).fill("5")
        form.get_by_label("Learning rate, usual range").press("ArrowRight")
        expect(line).to_have_text(
            re.compile(r"^%lepton train SmallCNN --data digits --epochs 5 --lr 0\.00\d+$")
        )
        form.get_by_label("Epochs", exact=True).fill("0")
        expect(form.get_by_role("alert")).to_contain_text("epochs is 0; expected 1 or more")
        form.get_by_label("Epochs", exact=True).fill("2")
        expect(form.get_by_role("alert")).to_be_hidden()
        if EXTENSION.is_dir():
            form.get_by_role("button", name="Insert below").click()
            written = notebook.cell(3).locator(".cm-content")
            expect(written).to_have_text(re.compile(r"^%lepton train SmallCNN .*--epochs 2"))
        for theme in ("Light", "Dark"):
            notebook.set_theme(f"JupyterLab {theme}")
            notebook.screenshot(1, SHOTS / f"runs-{theme.lower()}.png")
            notebook.screenshot(2, SHOTS / f"form-{theme.lower()}.png")
            check_accessible(page, ".lepton-runs", ".lepton-form")

        notebook.command("docmanager:save")
        page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
        page.reload()
        page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=90_000)
        expect(notebook.cell(1)).to_contain_text(re.compile("val_accuracy 0.9|0.9 val accuracy"))
        expect(notebook.cell(2)).to_contain_text("%lepton train SmallCNN --data digits")
        expect(page.locator(".lepton-panel")).to_have_count(0)
        expect(page.locator(".jp-Notebook")).not_to_contain_text("model not found")
