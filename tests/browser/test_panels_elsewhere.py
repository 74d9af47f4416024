"""The panels outside JupyterLab: their script and style in pages as VS Code, Colab and marimo give them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from lepton_nb.callbacks import Control
from lepton_nb.widgets.curves import Curves
from lepton_nb.widgets.train_panel import TrainPanel
from tests.browser.lab import CHROMIUM, open_page
from tests.browser.panel import SHOTS, check_accessible

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
]
DARK, LIGHT = "rgb(86, 180, 233)", "rgb(0, 114, 178)"
PAGES = {
    "plain": ("<html><body>", LIGHT),
    "vscode": ('<html style="--vscode-editor-foreground: #ddd"><body class="vscode-dark">', DARK),
    "colab": ('<html theme="dark" style="--colab-primary-text-color: #e3e3e3"><body>', DARK),
    "marimo": ('<html><body class="dark">', DARK),
}
INFO = {
    "name": "cnn",
    "model": "SmallCNN",
    "data": "digits",
    "device": "cpu",
    "device_reason": "as asked",
    "monitor": "val_accuracy",
    "mode": "max",
    "epochs": 4,
    "steps_per_epoch": 2,
}
NOW = {
    "phase": "training",
    "stopping": False,
    "epoch": 2,
    "step": 5,
    "total_steps": 8,
    "items_per_second": 1200.0,
    "eta": 3.0,
    "elapsed": 9.0,
    "lr": 1e-3,
    "memory": 10**9,
    "best_value": 0.5,
    "best_epoch": 1,
}
# The interface that a host gives an anywidget, and the element it draws into; marimo's is a shadow root.
HOST = """async ([script, style, state, shadow]) => {
    const sheet = document.createElement('style');
    sheet.textContent = style;
    const element = document.createElement('div');
    const box = document.body.appendChild(document.createElement('main'));
    const root = shadow ? box.attachShadow({ mode: 'open' }) : box;
    root.append(sheet, element);
    window.sent = [];
    const heard = {};
    const model = {
        get: name => state[name],
        set: (name, value) => {
            state[name] = value;
            (heard[`change:${name}`] || []).forEach(call => call());
        },
        on: (name, call) => { (heard[name] ||= []).push(call); },
        off: (name, call) => { heard[name] = (heard[name] || []).filter(item => item !== call); },
        send: message => window.sent.push(message),
        save_changes: () => {},
    };
    window.hear = message => heard['msg:custom'].forEach(call => call(message));
    const url = URL.createObjectURL(new Blob([script], { type: 'text/javascript' }));
    const { default: widget } = await import(url);
    await widget.initialize?.({ model });
    await widget.render({ model, el: element });
}"""


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with open_page() as page:
        yield page


def show(page: Page, host: str) -> None:
    points = Curves()
    points.add([(step, step // 2, {"loss": 2 / step, "val_accuracy": step / 10}) for step in range(1, 6)])
    panel = TrainPanel(Control(), INFO, NOW, points)
    state: dict[str, Any] = {"info": INFO, "progress": NOW, "curves": points.to_dict(), "host": panel.host}
    background = "#fff" if PAGES[host][1] == LIGHT else "#1e1e1e"
    title = f"<head><title>{host}</title><style>body {{ background: {background} }}</style></head>"
    page.set_content(PAGES[host][0].replace("<html", '<html lang="en"').replace("<body", f"{title}<body"))
    arguments = [str(panel._esm), str(panel._css), json.loads(json.dumps(state)), host == "marimo"]
    page.evaluate(HOST, arguments)
    expect(page.locator(".lepton-training")).to_contain_text("Epoch 3 of 4")


@pytest.mark.parametrize("host", PAGES)
def test_a_panel_keeps_its_colours_and_its_emphasis(page: Page, host: str) -> None:
    page.set_viewport_size({"width": 900, "height": 600})
    show(page, host)
    colour = "(element, name) => getComputedStyle(element)[name]"
    line = page.locator(".lepton-chart polyline.lepton-val").first
    assert line.evaluate(colour, "stroke") == PAGES[host][1]
    name = page.locator(".lepton-name strong")
    assert name.evaluate(colour, "color") == page.locator(".lepton-panel").evaluate(colour, "color")
    assert name.evaluate(colour, "color") != page.locator(".lepton-name").evaluate(colour, "color")
    page.screenshot(path=SHOTS / f"panel-{host}.png")
    check_accessible(page, "main")


def test_a_panel_is_whole_on_a_narrow_page_and_hears_and_asks(page: Page) -> None:
    page.set_viewport_size({"width": 320, "height": 900})
    show(page, "plain")
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    page.screenshot(path=SHOTS / "panel-320.png")
    page.evaluate("() => window.hear({ patch: { val_accuracy: { from: 5, x: [6], y: [0.875] } } })")
    expect(page.locator(".lepton-legend").last).to_contain_text("0.8750")
    page.get_by_role("button", name="Learning rate").click()
    page.get_by_label("peak learning rate").fill("a lot")
    page.keyboard.press("Enter")
    expect(page.get_by_label("peak learning rate")).to_be_visible()
    page.get_by_label("peak learning rate").fill("2e-4")
    page.get_by_role("button", name="Set").click()
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Stop").click()
    expected = [{"ask": "lr", "value": 2e-4}, {"ask": "pause"}, {"ask": "stop"}]
    assert page.evaluate("() => window.sent") == expected
