"""The side panel of the extension, and how to look at what the lab shows."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.lab import CHROMIUM, EXTENSION, ROOT, TOKEN, Lab

IN_A_LAB = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
    pytest.mark.skipif(not EXTENSION.is_dir(), reason="the extension is not built: make install"),
]

SHOTS = ROOT / "artifacts" / "screenshots" / "lab"
AXE = ROOT / "labextension" / "node_modules" / "axe-core" / "axe.min.js"
THEMES = ("JupyterLab Light", "JupyterLab Dark", "JupyterLab Dark High Contrast")


class Panel:
    """The side panel."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.node = page.locator("#lepton-panel")

    def run(self, ref: str) -> Locator:
        return self.node.locator(f".lp-Run[data-ref='{ref}']")

    def tab(self, name: str) -> None:
        self.node.get_by_role("tab", name=re.compile(f"^{name}")).click()

    def press(self, ref: str, name: str) -> None:
        """A button in the row of a run, as the keyboard or the pointer makes it appear."""
        self.run(ref).hover()
        self.run(ref).get_by_role("button", name=name).click()

    def choose(self, ref: str, item: str) -> None:
        """An entry of the menu of a run."""
        self.run(ref).click(button="right")
        self.page.locator(".lm-Menu-itemLabel", has_text=re.compile(f"^{item}")).click()


def confirm(page: Page, button: str) -> None:
    page.locator(".jp-Dialog").get_by_role("button", name=button).click()


def expect_focus(row: Locator) -> None:
    try:
        expect(row).to_be_focused()
    except AssertionError as error:
        focused = row.page.evaluate("() => document.activeElement.outerHTML.slice(0, 500)")
        error.add_note(f"The focus is on {focused}")
        raise


def check_accessible(page: Page, *selectors: str) -> None:
    """Fail on what axe-core finds wrong, with the elements it found."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE.read_text())
    found: list[dict[str, Any]] = page.evaluate(
        "async selectors => (await axe.run({include: selectors.map(item => [item])})).violations",
        list(selectors),
    )
    told = [
        f"{item['id']}: {node['target']} {node['failureSummary']}" for item in found for node in item["nodes"]
    ]
    assert not told, "\n".join(told)


def look(page: Page, name: str, *selectors: str) -> None:
    """A picture in every theme, and axe's opinion of each."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    for theme in THEMES:
        page.evaluate("theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", theme)
        expect(page.locator("body")).to_have_attribute("data-jp-theme-name", theme)
        page.wait_for_function(
            "() => !document.getAnimations().some("
            "item => item.playState === 'running' && item.effect.getTiming().iterations === 1)"
        )
        page.wait_for_timeout(300)  # the theme's style sheet
        page.screenshot(path=SHOTS / f"{name}-{theme.split(' ', 1)[1].lower().replace(' ', '-')}.png")
        check_accessible(page, *selectors)


def open_lab(page: Page, lab: Lab, path: str = "/lab?reset") -> None:
    page.goto(f"{lab.url}{path}{'&' if '?' in path else '?'}token={TOKEN}")
    page.wait_for_function(
        "() => window.jupyterapp?.commands.hasCommand('lepton:open-panel')", timeout=90_000
    )
    page.evaluate("() => window.jupyterapp.restored.then(() => undefined)")
    if path.startswith("/lab"):
        expect(page.locator(".jp-Launcher")).to_be_focused()  # which it takes long after the start


def open_panel(page: Page, lab: Lab, path: str = "/lab?reset") -> Panel:
    open_lab(page, lab, path)
    page.evaluate("() => window.jupyterapp.commands.execute('lepton:open-panel')")
    return Panel(page)
