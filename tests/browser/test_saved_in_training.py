"""An output saved while its run trains, or while its service runs: what it shows once its panel is gone."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import Locator, Page, expect

import lepton_nb
from tests.browser.lab import Lab, Notebook, open_page
from tests.browser.panel import IN_A_LAB, SHOTS, check_accessible, confirm
from tests.test_training_background import wait_for

pytestmark = IN_A_LAB
SECONDS = 1000
START = "%load_ext lepton_nb\n%lepton data digits --limit 300"
LOST = re.compile("Loading widget|model not found|Error displaying")
KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
SHUT_DOWN = "() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()"


def open_notebook(page: Page, lab: Lab, name: str, *cells: str) -> Notebook:
    content = new_notebook(cells=[new_code_cell(text) for text in (START, *cells)], metadata=KERNEL)
    nbformat.write(content, lab.folder / name)
    notebook = Notebook(page, lab, name)
    notebook.run(0)
    notebook.wait_for(0)
    return notebook


def save(notebook: Notebook) -> None:
    notebook.page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")


def reopen(notebook: Notebook, lab: Lab, name: str) -> Notebook:
    """The page is loaded anew, the kernel left alone."""
    save(notebook)
    return Notebook(notebook.page, lab, name, busy=True)


def pictures(notebook: Notebook, index: int, name: str) -> None:
    for theme in ("Light", "Dark"):
        notebook.set_theme(f"JupyterLab {theme}")
        notebook.page.wait_for_timeout(500)
        notebook.screenshot(index, SHOTS / f"{name}-{theme.lower()}.png")
    notebook.set_theme("JupyterLab Light")


def expect_drawn(cell: Locator, status: str) -> None:
    """The run as the store tells of it."""
    expect(cell.locator(f".lp-State[data-state='{status}']")).to_be_visible(timeout=60 * SECONDS)
    expect(cell.locator(".lp-Output .main-svg").first).to_be_visible(timeout=60 * SECONDS)
    expect(cell.locator(".lepton-panel")).to_be_hidden()
    expect(cell).not_to_contain_text(LOST)


def expect_moving(cell: Locator) -> None:
    expect_drawn(cell, "running")
    expect(cell).to_contain_text(re.compile(r"Epoch ([2-9]|\d\d+) of 5000"), timeout=60 * SECONDS)
    here = str(cell.locator(".lp-Hint", has_text="Epoch").first.text_content())
    expect(cell.locator(".lp-Hint", has_text="Epoch").first).not_to_have_text(here, timeout=20 * SECONDS)


@pytest.fixture
def patient(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    """A page on which a kernel may die that was asked for something: Jupyter itself then raises."""
    monkeypatch.setenv("LEPTON_HOME", str(lab.home))
    with open_page(("Canceled future for kernel_info_request",)) as page:
        yield page


def test_a_run_is_the_same_live_view_before_a_reload_after_it_and_on_a_second_page(
    patient: Page, lab: Lab
) -> None:
    line = "%lepton train SmallCNN --data digits --epochs 5000 --name here"
    notebook = open_notebook(patient, lab, "here.ipynb", line)
    notebook.run(1)
    expect_moving(notebook.cell(1))

    notebook = reopen(notebook, lab, "here.ipynb")
    cell = notebook.cell(1)
    expect_moving(cell)
    pictures(notebook, 1, "reloaded")

    with patient.context.browser.new_page() as other:  # type: ignore[union-attr]
        second = Notebook(other, lab, "here.ipynb", busy=True)
        second.cell(1).get_by_role("button", name="Pause").click()
        expect_drawn(cell, "paused")
        second.cell(1).get_by_role("button", name="Resume").click()
        expect_moving(second.cell(1))
    cell.get_by_role("button", name="Learning Rate").click()
    rate = patient.locator(".jp-Dialog input")
    rate.fill("a lot")
    expect(patient.locator(".jp-Dialog").get_by_role("button", name="Ok")).to_be_disabled()
    rate.fill("2e-4")
    patient.keyboard.press("Enter")
    wait_for(lambda: "changed to 0.0002" in (lepton_nb.get_run("here").read_text("log.txt") or ""))

    pid = lepton_nb.get_run("here").pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    expect_drawn(cell, "interrupted")
    expect(cell.get_by_role("button", name="Resume")).to_be_visible()
    expect(cell.get_by_role("button", name="Pause")).to_be_hidden()
    pictures(notebook, 1, "kernel-killed")


def test_a_run_in_the_background_goes_on_in_its_output_without_a_kernel(page: Page, lab: Lab) -> None:
    line = "%lepton train SmallCNN --data digits --epochs 5000 --name apart --background"
    notebook = open_notebook(page, lab, "apart.ipynb", line)
    notebook.run(1)
    expect_moving(notebook.cell(1))
    page.evaluate(SHUT_DOWN)
    cell = notebook.cell(1)
    expect_moving(cell)
    pictures(notebook, 1, "kernel-shut-down")
    cell.get_by_role("button", name="Pause").click()
    wait_for(lambda: lepton_nb.get_run("apart").status == "paused")

    notebook = reopen(notebook, lab, "apart.ipynb")
    cell = notebook.cell(1)
    expect_drawn(cell, "paused")
    cell.get_by_role("button", name="Stop").click()
    confirm(page, "Stop")
    expect_drawn(cell, "stopped")
    expect(cell.get_by_role("button", name="Evaluate")).to_be_visible()
    pictures(notebook, 1, "settled-without-kernel")


def test_a_run_of_another_store_shows_what_was_saved_of_it(page: Page, lab: Lab) -> None:
    line = "%lepton train SmallCNN --data digits --epochs 5000 --name gone"
    notebook = open_notebook(page, lab, "gone.ipynb", line)
    notebook.run(1)
    expect_drawn(notebook.cell(1), "running")
    save(notebook)
    page.evaluate(SHUT_DOWN)
    run = lepton_nb.get_run("gone")
    wait_for(lambda: run.refresh().status in ("stopped", "interrupted"))
    run.store.delete_run(run)
    notebook = Notebook(page, lab, "gone.ipynb", busy=True)
    cell = notebook.cell(1)
    expect(cell).to_contain_text("gone@1 is not in this run store", timeout=30 * SECONDS)
    expect(cell).to_contain_text("%lepton attach gone@1")
    expect(cell).not_to_contain_text(LOST)


def test_a_search_and_a_list_go_on_without_a_kernel(patient: Page, lab: Lab) -> None:
    page = patient
    search = "%lepton tune SmallCNN --data digits --epochs 400 --trials 9 --search lr=1e-4..1e-2 --name hunt"
    train = "%lepton train SmallCNN --data digits --epochs 5000 --name listed --background"
    notebook = open_notebook(page, lab, "search.ipynb", train, "%lepton runs listed", search)
    for index in (1, 2):
        notebook.run(index)
        notebook.wait_for(index)
    expect(notebook.cell(2).locator(".lepton-runs")).to_contain_text("listed@1", timeout=30 * SECONDS)
    notebook.run(3)
    cell = notebook.cell(3)
    expect(cell).to_contain_text("0 of 9 trials", timeout=60 * SECONDS)
    trial = cell.locator("tr[data-ref='hunt@1'] .lp-State")
    expect(trial).to_have_attribute("data-state", "running", timeout=60 * SECONDS)
    save(notebook)
    pid = lepton_nb.get_run("hunt").pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    expect(trial).to_have_attribute("data-state", "interrupted", timeout=60 * SECONDS)

    notebook = Notebook(page, lab, "search.ipynb", busy=True)
    cell = notebook.cell(2)
    expect(cell.locator(".lp-State[data-state='running']")).to_be_visible(timeout=60 * SECONDS)
    expect(notebook.cell(3).locator("tr[data-ref='hunt@1']")).to_be_visible()
    check_accessible(page, ".lp-Output")
    pictures(notebook, 3, "search")
    lepton_nb.get_run("listed").request("stop")
    expect(cell.locator(".lp-State[data-state='stopped']")).to_be_visible(timeout=60 * SECONDS)
    cell.get_by_role("button", name="listed@1").click()
    expect(page.locator(".lp-View h2", has_text="listed@1")).to_be_visible()


def test_a_services_panel_without_a_kernel(page: Page, lab: Lab) -> None:
    notebook = open_notebook(
        page,
        lab,
        "service.ipynb",
        "%lepton train SmallCNN --data digits --epochs 1 --name served",
        "%lepton deploy served",
    )
    for index in (1, 2):
        notebook.run(index)
        notebook.wait_for(index)
    cell = notebook.cell(2)
    expect(cell.locator(".lepton-service")).to_contain_text("Requests", timeout=30 * SECONDS)
    notebook = reopen(notebook, lab, "service.ipynb")
    cell = notebook.cell(2)
    expect(cell.locator(".lepton-service")).to_contain_text("Requests", timeout=30 * SECONDS)
    page.evaluate(SHUT_DOWN)
    expect(cell.locator(".lepton-service")).to_be_hidden(timeout=30 * SECONDS)
    expect(cell.locator(".lp-State[data-state='ready']")).to_be_visible(timeout=30 * SECONDS)
    expect(cell.get_by_role("button", name="Open", exact=True)).to_be_visible()
    expect(cell).not_to_contain_text(LOST)
    pictures(notebook, 2, "service-without-kernel")
