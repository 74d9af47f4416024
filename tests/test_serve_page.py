"""The try-it page and the documentation in a real browser."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from lepton_nb.packaging import Package
from tests.serving_support import TOKEN, Front, front, make_package
from tests.test_serve_tasks import package_of

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LOADED = "document.getElementById('curl').textContent !== ''"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api")
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no chromium here")
    with playwright.sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    return make_package(tmp_path_factory.mktemp("packages") / "net")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, package: Package) -> Iterator[Front]:
    with front(tmp_path_factory.mktemp("state"), package) as running:
        yield running


@pytest.fixture
def page(browser: Any, server: Front) -> Iterator[Any]:
    """A page that fails its test on any script error, and on any request to elsewhere."""
    context = browser.new_context()
    opened = context.new_page()
    problems: list[str] = []
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on("console", lambda line: problems.append(line.text) if "Security Policy" in line.text else None)
    local = (server.url, "data:", "blob:")
    opened.on("request", lambda sent: problems.append(sent.url) if not sent.url.startswith(local) else None)
    yield opened
    context.close()
    assert not problems


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_dropped_picture_is_answered_with_bars(
    page: Any, server: Front, tmp_path: Path, scheme: str
) -> None:
    Image.new("L", (40, 40), 200).save(tmp_path / "grey.png")
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{server.url}/#token={TOKEN}")
    page.wait_for_function(LOADED)
    assert TOKEN not in page.url
    page.set_input_files("#file", str(tmp_path / "grey.png"))
    page.wait_for_selector(".answer")
    assert page.locator(".bar").count() == 3
    assert page.inner_text(".answer") in ("cat", "dog", "fox")
    assert "--data-binary @'grey.png'" in page.inner_text("#curl")
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
    assert dark == (scheme == "dark")


def test_the_page_asks_for_a_token_it_was_not_given(page: Any, server: Front, tmp_path: Path) -> None:
    Image.new("L", (8, 8)).save(tmp_path / "black.png")
    page.goto(server.url)
    page.wait_for_function(LOADED)
    assert page.is_visible("#token")
    page.fill("#token", "wrong")
    page.set_input_files("#file", str(tmp_path / "black.png"))
    page.wait_for_selector(".error")
    assert "token" in page.inner_text(".error")
    page.fill("#token", TOKEN)
    page.click("#send")
    page.wait_for_selector(".answer")


def test_a_row_is_typed_into_fields(browser: Any, tmp_path: Path) -> None:
    package = package_of(tmp_path / "package", "tabular-regression", "MLP")
    with front(tmp_path / "state", package) as server:
        page = browser.new_page()
        page.goto(f"{server.url}/#token={TOKEN}")
        page.wait_for_function(LOADED)
        page.get_by_label("length").fill("ten")
        page.click("#send")
        assert "length must be a number" in page.inner_text(".error")
        page.get_by_label("length").fill("10")
        page.click("#send")
        page.wait_for_selector(".answer")
        assert page.inner_text(".answer").startswith("price: ")
        page.close()


def test_the_documentation_shows_every_route(page: Any, server: Front) -> None:
    page.goto(f"{server.url}/docs")
    page.wait_for_selector(".route")
    text = page.inner_text("main")
    for part in ("POST /predict", "GET /healthz", "GET /metrics", "curl ", "image/png"):
        assert part in text
