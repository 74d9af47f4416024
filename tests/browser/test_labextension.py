"""The extension as its user sees it: a real lab with the built wheel, a real kernel, a real service."""

from __future__ import annotations

import json
import os
import re
import signal
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

import lepton_nb
from lepton_nb.data import digits as load_digits
from lepton_nb.runs import queue
from lepton_nb.runs.bundle import MIME, run_bundle
from lepton_nb.runs.queue import enqueue
from tests.browser.lab import TOKEN, Lab, Notebook, open_page, start_lab
from tests.browser.panel import (
    IN_A_LAB,
    SHOTS,
    Panel,
    check_accessible,
    confirm,
    expect_focus,
    look,
    open_lab,
    open_panel,
)
from tests.demo import NOTEBOOK
from tests.runs_helpers import make_run
from tests.test_training_background import wait_for

pytestmark = IN_A_LAB
SECONDS = 1000
# Notebook 7.6 says these at its start, with and without the extension.
OF_NOTEBOOK = ("reading 'schema'", "'filebrowser:open-path' not registered")


def write_notebook(lab: Lab, name: str, *lines: str) -> None:
    """The quickstart's data and model, then cells of these lines."""
    content = json.loads(NOTEBOOK.read_text())
    code = [cell for cell in content["cells"] if cell["cell_type"] == "code"]
    setup = [
        cell
        for cell in code
        if re.match(r"%load_ext|%lepton data|%%lepton model|digits =", "".join(cell["source"]))
    ]
    cells = [{**code[0], "source": line, "id": f"line-{index}"} for index, line in enumerate(lines)]
    content["cells"] = [*setup, *cells]
    (lab.folder / name).write_text(json.dumps(content))


@pytest.fixture(scope="module")
def trained(lab: Lab) -> None:
    """Three runs of one model, two of the same settings; the first is evaluated."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEPTON_HOME", str(lab.home))
        digits = load_digits()
        for name, rate in (("first", 1e-3), ("second", 1e-2), ("again", 1e-3)):
            lepton_nb.train("SmallCNN", digits, epochs=2, lr=rate, name=name)
        lepton_nb.evaluate("first", digits)


def test_a_run_moves_in_the_panel_while_its_cell_runs_and_obeys_it(page: Page, lab: Lab) -> None:
    write_notebook(lab, "long.ipynb", "run = %lepton train DigitNet --data digits --epochs 5000 --name long")
    notebook = Notebook(page, lab, "long.ipynb")
    notebook.command("lepton:open-panel")
    panel = Panel(page)
    expect(panel.node).to_contain_text("No runs yet")
    assert panel.node.locator("pre").evaluate("code => code.scrollWidth <= code.clientWidth")
    look(page, "empty", "#lepton-panel")
    for index in range(3):
        notebook.run(index)
        notebook.wait_for(index)
    notebook.run(3)
    row = panel.run("long@1")
    expect(row).to_have_attribute("data-status", "running", timeout=60 * SECONDS)
    expect(row).to_contain_text(re.compile(r"Epoch ([2-9]|\d\d+) of 5000"), timeout=60 * SECONDS)
    expect(row.get_by_role("progressbar")).to_be_visible()
    expect(row.locator(".lp-Sparkline polyline")).to_be_visible()
    expect(page.locator(".lp-Status")).to_contain_text("1 training")

    panel.press("long@1", "Pause long@1")
    expect(row).to_have_attribute("data-status", "paused")
    assert lepton_nb.get_run("long").status == "paused"
    panel.press("long@1", "Resume long@1")
    expect(row).to_have_attribute("data-status", "running")
    row.dblclick()
    expect(page.locator(".lp-View .main-svg").first).to_be_visible(timeout=20 * SECONDS)
    told = str(row.locator(".lp-Row-facts").last.text_content())
    assert re.match(r".+ left · Epoch", told), told  # the end of a long line is cut off
    look(page, "training", "#lepton-panel", ".lp-View")

    panel.press("long@1", "Stop long@1")
    confirm(page, "Stop")
    expect(row).to_have_attribute("data-status", "stopped", timeout=20 * SECONDS)
    assert lepton_nb.get_run("long").status == "stopped"

    page.evaluate(
        "() => window.jupyterapp.shell.activateById([...window.jupyterapp.shell.widgets('main')][0].id)"
    )
    notebook.wait_for(3)
    notebook.run(3)
    row = panel.run("long@2")
    expect(row).to_have_attribute("data-status", "running", timeout=30 * SECONDS)
    expect(row).to_contain_text(re.compile(r"Epoch ([2-9]|\d\d+) of 5000"), timeout=30 * SECONDS)
    pid = lepton_nb.get_run("long").pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    expect(row).to_have_attribute("data-status", "interrupted", timeout=10 * SECONDS)
    expect(page.locator(".Toastify")).to_contain_text("can be resumed")


def test_a_run_is_deployed_asked_compared_and_found_again(page: Page, lab: Lab, trained: None) -> None:
    panel = open_panel(page, lab)
    panel.choose("first@1", "Deploy")
    panel.tab("Services")
    service = panel.node.locator(".lp-Service[data-name='first']")
    expect(service).to_have_attribute("data-state", "ready", timeout=90 * SECONDS)
    expect(page.locator(".lp-Status")).to_contain_text("1 serving")
    expect(page.locator(".Toastify")).to_contain_text("first is being served", timeout=30 * SECONDS)

    service.locator(".lp-Figures").dblclick()
    expect(page.locator(".lp-View .lp-Facts")).to_contain_text("Requests")
    service.hover()
    service.get_by_role("button", name="Try It first").click()
    tried = page.frame_locator(".lp-Frame")
    picture = lab.folder / "digit.png"
    Image.new("L", (8, 8), 200).save(picture)
    tried.locator("input[type=file]").set_input_files(picture)
    expect(tried.locator("#panels")).to_contain_text(re.compile(r"\d ?%"), timeout=20 * SECONDS)
    look(page, "try", "#lepton-panel", ".lp-View .lp-View-head")

    page.get_by_role("tab", name="Overview").click()
    view = page.locator(".lp-View", has=page.get_by_role("heading", name="first"))
    expect(view.locator(".lp-Facts")).to_contain_text(re.compile(r"Requests[1-9]"), timeout=15 * SECONDS)
    expect(view.locator(".main-svg").first).to_be_visible(timeout=20 * SECONDS)
    look(page, "service", "#lepton-panel", ".lp-View")

    panel.tab("Runs")
    panel.run("first@1").click()
    panel.run("second@1").click(modifiers=["Control"])
    panel.node.get_by_role("button", name="Compare").click()
    compared = page.locator(".lp-View", has=page.get_by_role("heading", name="2 runs"))
    expect(compared.locator(".lp-Legend")).to_contain_text("second@1")
    expect(compared.locator(".main-svg").first).to_be_visible(timeout=20 * SECONDS)
    look(page, "compare", "#lepton-panel", ".lp-View:not(.lm-mod-hidden)")
    compared.get_by_role("tab", name="Differences").click()
    differing = compared.locator(".lp-mod-differs")
    expect(differing.filter(has_text=re.compile("^lr"))).to_contain_text("0.001")
    expect(differing.filter(has_text=re.compile("^lr"))).to_contain_text("0.01")
    page.wait_for_function("() => window.jupyterapp.shell.currentWidget?.id.startsWith('lepton-run')")
    compared.get_by_role("tab", name="Evaluation").click()
    expect(compared.locator(".lp-Matrix")).to_be_visible()
    missing = compared.locator(".lp-Note", has_text="second@1 is not evaluated yet")
    expect(missing.get_by_role("button", name="Evaluate")).to_be_visible()
    look(page, "evaluation", ".lp-View:not(.lm-mod-hidden)")

    page.wait_for_timeout(1500)  # the lab saves its layout once a second
    page.goto(f"{lab.url}/lab?token={TOKEN}")
    expect(page.locator(".lp-View h2", has_text="2 runs")).to_be_visible(timeout=60 * SECONDS)
    expect(panel.run("second@1")).to_be_visible()
    panel.tab("Services")
    expect(service).to_have_attribute("data-state", "ready")


def test_cells_are_written_where_the_cursor_is_and_help_is_under_the_pointer(
    page: Page, lab: Lab, trained: None
) -> None:
    write_notebook(lab, "cells.ipynb", "%lepton train DigitNet --data digits --epochs 3", "")
    notebook = Notebook(page, lab, "cells.ipynb")
    notebook.command("lepton:open-panel")
    panel = Panel(page)
    option = notebook.cell(3).locator(".lp-Code-option", has_text="--epochs")
    option.hover()
    expect(page.locator(".lp-Hover")).to_contain_text("--epochs")
    page.screenshot(path=SHOTS / "hover.png")

    notebook.cell(4).locator(".cm-content").click()
    panel.run("first@1").click(button="right")
    page.locator(".lm-Menu-itemLabel", has_text="Insert Cell").click()
    page.locator(".lm-Menu-itemLabel", has_text="Evaluates").click()
    expect(notebook.cell(4)).to_contain_text("%lepton evaluate first")
    page.get_by_title("Lepton: write the next cell").click()
    page.locator(".lm-Menu-itemLabel", has_text="Trains").click()
    expect(notebook.cell(5)).to_contain_text("%lepton train DigitNet --data digits")


def test_a_thousand_runs_scroll_by_pointer_and_keyboard(page: Page, lab: Lab) -> None:
    for number in range(1000):
        run = make_run(f"sweep-{number % 10}")
        if number >= 990:
            run.log_many([(step, 0, {"loss": 1 / (1 + step + number)}) for step in range(20)])
            run.flush()
        run.set_status("finished")
    panel = open_panel(page, lab)
    grid = panel.node.get_by_role("treegrid")
    all_pages = re.compile(r"^1\d{3}$")
    expect(grid).to_have_attribute("aria-rowcount", all_pages, timeout=30 * SECONDS)
    expect(panel.run("sweep-9@100")).to_be_visible()
    assert panel.node.locator(".lp-Run").count() < 40
    panel.run("sweep-9@100").click()
    page.keyboard.press("ArrowDown")
    expect_focus(panel.run("sweep-8@100"))
    page.keyboard.press("Space")
    expect(panel.node.locator(".lp-SelectionBar")).to_contain_text("2 selected")
    make_run("newest").set_status("finished")
    expect(panel.run("newest@1")).to_be_visible()
    page.keyboard.press("ArrowDown")
    expect_focus(panel.run("sweep-7@100"))
    page.keyboard.press("End")
    expect_focus(grid.locator(f"[aria-rowindex='{grid.get_attribute('aria-rowcount')}']"))
    page.mouse.wheel(0, -100_000)
    expect(panel.run("newest@1")).to_be_in_viewport()
    page.keyboard.press("ArrowUp")  # the list goes on from where the keyboard was
    expect(panel.run("newest@1")).not_to_be_in_viewport()
    page.keyboard.press("Home")
    expect_focus(panel.run("newest@1"))
    panel.node.get_by_role("searchbox").fill("sweep-3 status:finished")
    expect(grid).to_have_attribute("aria-rowcount", "100")
    panel.run("sweep-3@99").click()
    panel.node.get_by_role("searchbox").fill("sweep")
    expect(grid).to_have_attribute("aria-rowcount", "1000")
    expect(grid.locator("[role='row'][tabindex='0']")).to_have_attribute("aria-rowindex", "1")
    panel.node.get_by_role("searchbox").fill("sweep-3 status:finished")
    expect(grid).to_have_attribute("aria-rowcount", "100")
    panel.node.get_by_label("Group").select_option("name")
    expect(panel.node.locator(".lp-Group")).to_contain_text("sweep-3")
    look(page, "many", "#lepton-panel")
    panel.node.get_by_role("searchbox").fill("")


def test_a_queued_run_says_so(page: Page, lab: Lab) -> None:
    first, second = make_run("ahead"), make_run("behind")
    enqueue(first, "cpu")
    enqueue(second, "cpu")
    first.begin(total_steps=10)
    panel = open_panel(page, lab)
    row = panel.run("behind@1")
    expect(row).to_contain_text("Waits for cpu, behind ahead@1", timeout=30 * SECONDS)
    expect(row.locator(".lp-State")).to_have_attribute("data-kind", "queued")
    expect(row.get_by_role("button", name="Stop behind@1")).to_be_attached()
    expect(row.get_by_role("button", name="Pause behind@1")).not_to_be_attached()
    expect(panel.node.locator(".lp-Chip", has_text="Queued")).to_contain_text("1")
    expect(page.locator(".lp-Status")).to_contain_text(re.compile(r"1 training.* · 1 queued"))
    expect(panel.node.get_by_role("tab", name=re.compile("^Runs"))).to_contain_text("2")
    look(page, "queued", "#lepton-panel")
    queue.leave(second)
    for run in (first, second):
        run.set_status("stopped")


def test_charts_are_as_wide_as_their_cards(page: Page, lab: Lab, trained: None) -> None:
    open_panel(page, lab)
    chart = page.locator(".lp-View .lp-Chart").first
    widths = set()
    for _ in range(3):
        # Without the side bar the lab puts its launcher in front: the view changes its size unseen.
        page.evaluate("() => window.jupyterapp.commands.execute('lepton:open-run', {ref: 'first@1'})")
        expect(chart.locator(".main-svg").first).to_be_visible(timeout=20 * SECONDS)
        page.wait_for_timeout(700)
        widths.add(chart.evaluate("card => card.clientWidth"))
        gap = chart.evaluate("card => card.clientWidth - card.querySelector('.main-svg').clientWidth")
        assert 0 < gap < 40
        page.evaluate("() => window.jupyterapp.commands.execute('application:toggle-left-area')")
        page.wait_for_timeout(300)
    assert len(widths) > 1


def test_a_view_on_a_narrow_page_and_its_tools(page: Page, lab: Lab, trained: None) -> None:
    open_lab(page, lab)
    page.evaluate("() => window.jupyterapp.commands.execute('application:toggle-left-area')")
    page.evaluate("() => window.jupyterapp.commands.execute('lepton:open-run', {ref: 'first@1'})")
    view = page.locator(".lp-View:not(.lm-mod-hidden)")
    chart = view.locator(".lp-Chart").first
    expect(chart.locator(".main-svg").first).to_be_visible(timeout=60 * SECONDS)
    chart.locator(".main-svg").first.hover()
    tools, plot = chart.locator(".modebar").bounding_box(), chart.locator(".main-svg").first.bounding_box()
    assert tools is not None
    assert plot is not None
    assert tools["y"] + tools["height"] <= plot["y"] + 2
    page.screenshot(path=SHOTS / "tools.png")
    expect(view.get_by_label("Along")).to_have_value("epoch")
    view.get_by_label("Along").select_option("clock")
    view.get_by_label("All").check()
    expect(view.locator(".lp-Chart")).not_to_have_count(2)
    view.get_by_role("tab", name="Checkpoints").click()
    expect(view.locator("tbody tr").first.locator("td").first).to_have_text("2")
    view.get_by_role("tab", name="Settings").click()
    rate = view.locator("tr", has=page.get_by_role("rowheader", name="lr", exact=True))
    expect(rate).to_contain_text("0.001")
    view.get_by_role("tab", name="Curves").click()
    for label, text in (("Note", "the one to beat"), ("Tags", "baseline, stage=candidate")):
        field = view.get_by_role("textbox", name=label)
        field.fill(f"{text} not this")
        page.keyboard.press("Escape")
        field.fill(text)
        page.keyboard.press("Enter")
    wait_for(lambda: lepton_nb.get_run("first").tags == {"baseline": "", "stage": "candidate"})
    assert lepton_nb.get_run("first").notes == "the one to beat"
    expect(view.get_by_role("textbox", name="Tags")).to_have_value("baseline, stage=candidate")
    view.get_by_role("textbox", name="Tags").fill("stage=final")
    page.keyboard.press("Tab")
    wait_for(lambda: lepton_nb.get_run("first").tags == {"stage": "final"})

    page.set_viewport_size({"width": 320, "height": 900})
    page.wait_for_timeout(1000)
    assert view.locator(".lp-View-body").evaluate("body => body.scrollWidth <= body.clientWidth")
    inside = chart.evaluate("card => card.getBoundingClientRect().right <= innerWidth")
    assert inside, page.screenshot(path=SHOTS / "narrow.png")
    page.screenshot(path=SHOTS / "narrow.png")
    check_accessible(page, ".lp-View:not(.lm-mod-hidden)")

    page.evaluate(
        "() => window.jupyterapp.commands.execute('lepton:compare-runs',"
        " {refs: ['first@1', 'again@1'], tab: 'settings'})"
    )
    equal = page.locator(".lp-View:not(.lm-mod-hidden)")
    expect(equal).to_contain_text(re.compile(r"These runs have the same \d+ settings"))
    equal.get_by_role("button", name="Show them").click()
    expect(equal.locator("tbody tr")).not_to_have_count(0)


def test_notebook_7_has_the_panel_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with start_lab(tmp_path / "nb7", "notebook") as lab, open_page(OF_NOTEBOOK) as page:
        monkeypatch.setenv("LEPTON_HOME", str(lab.home))
        run = make_run("cnn")
        run.log_many([(step, 0, {"loss": 1 / (1 + step)}) for step in range(20)])
        write_notebook(lab, "seven.ipynb", "1 + 1")
        content = json.loads((lab.folder / "seven.ipynb").read_text())
        data = {MIME: json.loads(json.dumps(run_bundle(run))), "text/plain": "In training"}
        saved = {"output_type": "display_data", "data": data, "metadata": {}}
        content["cells"] = [{**content["cells"][-1], "outputs": [saved]}]
        (lab.folder / "seven.ipynb").write_text(json.dumps(content))
        run.set_status("finished")
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        panel = open_panel(page, lab, "/notebooks/seven.ipynb")
        expect(panel.run("cnn@1")).to_be_visible(timeout=30 * SECONDS)
        output = page.locator(".lp-Output")
        expect(output.locator(".lp-State[data-state='finished']")).to_be_visible(timeout=30 * SECONDS)
        expect(output.locator(".main-svg").first).to_be_visible(timeout=20 * SECONDS)
        panel.run("cnn@1").dblclick()
        expect(page.locator(".lp-View .main-svg").first).to_be_visible(timeout=20 * SECONDS)
        look(page, "notebook-7", "#lepton-panel", ".lp-View")
        assert not [text for text in said if "lepton" in text]
