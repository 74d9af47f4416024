"""Runs in the background as their owner sees them: attached, queued, steered, settled."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import Page, expect

import lepton_nb
from tests.browser.lab import DRAWN, Lab, Notebook
from tests.browser.panel import IN_A_LAB, confirm

pytestmark = IN_A_LAB
SHOTS = Path(__file__).parents[2] / "artifacts" / "screenshots"

CELLS = (
    "%load_ext lepton_nb\n%lepton data digits;",
    """%%lepton model DigitNet --data digits
from torch import nn
class DigitNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
    def forward(self, x):
        return self.body(x)
""",
    "%lepton train DigitNet --data digits --epochs 5000 --name first --background",
    "%lepton train DigitNet --data digits --epochs 3 --name second --background",
    "%lepton runs",
)


def test_the_panels_of_a_running_and_a_queued_run(page: Page, lab: Lab) -> None:
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    path = lab.folder / "background.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell(text) for text in CELLS], metadata=kernel), path)
    notebook = Notebook(page, lab, path.name)
    for index in range(4):
        notebook.run(index)
        notebook.wait_for(index)
    first, second = notebook.cell(2).locator(".lp-Output"), notebook.cell(3).locator(".lp-Output")
    expect(first).to_contain_text(re.compile(r"Epoch ([2-9]|\d\d+) of 5000"), timeout=90_000)
    expect(second).to_contain_text("Waits for cpu, behind first@1", timeout=15_000)
    notebook.run(4)
    notebook.wait_for(4)
    notebook.command("application:toggle-left-area")
    for theme in ("Light", "Dark"):
        notebook.set_theme(f"JupyterLab {theme}")
        for name, index in (("attached", 2), ("queued", 3), ("runs", 4)):
            notebook.screenshot(index, SHOTS / f"{name}-{theme.lower()}.png")
    notebook.set_theme("JupyterLab Light")

    first.get_by_role("button", name="Pause").click()
    expect(first).to_contain_text("Paused", timeout=15_000)
    first.get_by_role("button", name="Resume").click()
    expect(first.get_by_role("button", name="Pause")).to_be_enabled(timeout=15_000)
    first.get_by_role("button", name="Stop").click()
    confirm(page, "Stop")
    expect(notebook.cell(2).locator(DRAWN).first).to_be_visible(timeout=20_000)
    expect(notebook.cell(2)).to_contain_text("Stopped")
    expect(notebook.cell(3)).to_contain_text("Finished", timeout=60_000)
    assert lepton_nb.get_run("second").status == "finished"
    notebook.screenshot(2, SHOTS / "attached-settled.png")
