"""The ways to Lepton: launcher, palette, shortcuts, status bar, and what the settings change."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.lab import Lab
from tests.browser.panel import IN_A_LAB, SHOTS, Panel, look, open_lab

pytestmark = IN_A_LAB


def test_a_card_of_the_launcher_makes_a_notebook(page: Page, lab: Lab) -> None:
    open_lab(page, lab)
    section = page.locator(".jp-Launcher-section", has=page.get_by_role("heading", name="Lepton"))
    expect(section.locator(".jp-LauncherCard")).not_to_have_count(0)
    heading = section.locator(".jp-Launcher-sectionHeader svg")
    expect(heading).to_have_attribute("data-icon", "lepton-nb:lepton")
    for title, icon in (("Train on pictures", "image"), ("Train on a table", "spreadsheet")):
        card = section.locator(".jp-LauncherCard", has_text=title)
        expect(card.locator("svg")).to_have_attribute("data-icon", f"ui-components:{icon}")
    look(page, "launcher", ".jp-LauncherCard[data-category='Lepton']")
    section.locator(".jp-LauncherCard", has_text="Train on pictures").click()
    expect(page.locator(".jp-Notebook")).to_contain_text("%lepton data pictures", timeout=30_000)
    assert (lab.folder / "train_pictures.ipynb").is_file()


def test_shortcuts_and_the_palette_reach_everything(page: Page, lab: Lab) -> None:
    open_lab(page, lab)
    panel = Panel(page)
    page.keyboard.press("Control+Alt+l")
    expect(panel.node).to_be_visible()
    expect(panel.node.locator(":focus")).to_have_count(1)
    page.keyboard.press("Escape")
    page.keyboard.press("Control+Alt+f")
    expect(panel.node.get_by_role("searchbox")).to_be_focused()
    page.keyboard.press("Control+Shift+c")
    palette = page.locator(".lm-CommandPalette")
    palette.locator("input").fill("Lepton")
    entries = palette.get_by_role("menuitem")
    for name in (
        "Show Lepton",
        "New Lepton Notebook",
        "Refresh Lepton",
        "Search Runs",
        "Insert Cell That Trains",
    ):
        expect(entries.filter(has_text=name)).to_be_visible()
    entries.filter(has_text="New Lepton Notebook").click()
    expect(page.locator(".jp-Notebook")).to_contain_text("%lepton data digits", timeout=30_000)


def test_the_settings_hide_the_status_bar_item(page: Page, lab: Lab) -> None:
    open_lab(page, lab)
    status = page.locator(".lp-StatusItem")
    expect(status).to_be_visible()
    status.get_by_role("button").click()
    expect(Panel(page).node).to_be_visible()
    page.evaluate("() => window.jupyterapp.commands.execute('settingeditor:open', {query: 'Lepton'})")
    page.get_by_label("Status bar").uncheck()
    expect(status).to_be_hidden()
    page.screenshot(path=SHOTS / "settings.png")
