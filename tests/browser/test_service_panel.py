"""The panel of a service in a real JupyterLab: the service's own page, passed on by Jupyter."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

import lepton_nb
from lepton_nb.packaging import build_package
from tests.browser.lab import CHROMIUM, Lab, Notebook, start_lab
from tests.serving_support import make_run

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
]
SHOTS = Path(__file__).parents[2] / "artifacts" / "screenshots"
CELL = """%%lepton service desk --model net
from PIL import Image

def turn(picture: Image.Image, times: int = 1) -> Image.Image:
    '''Turn a picture.'''
    return picture.rotate(90 * times, expand=True)

def read(picture: Image.Image, model) -> dict:
    '''Read a picture.'''
    return model(picture)
"""


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    with start_lab(tmp_path / "lab") as server:
        monkeypatch.setenv("LEPTON_HOME", str(server.home))
        build_package(make_run())
        yield server


def test_the_panel_has_the_services_page_through_jupyter(page: Page, lab: Lab, tmp_path: Path) -> None:
    Image.new("RGB", (20, 10)).save(tmp_path / "wide.png")
    cells = [nbformat.v4.new_code_cell(text) for text in ("%load_ext lepton_nb", CELL)]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), lab.folder / "desk.ipynb")
    notebook = Notebook(page, lab, "desk.ipynb")
    notebook.run_all()
    notebook.wait_for(1)
    frame = notebook.cell(1).frame_locator("iframe.lepton-page")
    expect(frame.get_by_role("tab", name="/turn")).to_be_visible(timeout=20_000)
    expect(frame.locator("#token-row")).to_be_hidden()
    frame.locator("#turn-picture").set_input_files(str(tmp_path / "wide.png"))
    frame.get_by_role("button", name="Send").click()
    expect(frame.locator("img.result")).to_be_visible(timeout=10_000)
    expect(frame.locator("#curl")).to_contain_text(f"{lepton_nb.get_deployment('desk').url}/turn")
    frame.get_by_role("tab", name="/read").click()
    frame.locator("#read-picture").set_input_files(str(tmp_path / "wide.png"))
    frame.get_by_role("button", name="Send").click()
    expect(frame.locator("#panel-read .bar")).to_have_count(3, timeout=10_000)
    notebook.command("application:toggle-left-area")
    for theme in ("Light", "Dark"):
        notebook.set_theme(f"JupyterLab {theme}")
        notebook.screenshot(1, SHOTS / f"service-{theme.lower()}.png")
    colour = frame.locator(".panel:visible").evaluate("(panel) => getComputedStyle(panel).backgroundColor")
    assert int(colour.partition("(")[2].partition(",")[0]) < 128
