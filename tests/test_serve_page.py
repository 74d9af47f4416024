"""The try-it page and the documentation in a real browser."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from lepton_nb.packaging import Package
from tests.detection_support import detector_package
from tests.graphs_support import SINGER, SOME_IDS, SPELLER, SPELLING, TONE, tasks_installed
from tests.graphs_support import package_of as graphs_package
from tests.serving_support import TOKEN, Front, front, make_package, with_routes
from tests.test_serve_tasks import package_of

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ASK = ".panel:not([hidden]) .primary"
LOADED = "#curl:not(:empty)"


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
    page.wait_for_selector(LOADED)
    assert TOKEN not in page.url
    page.set_input_files("#file", str(tmp_path / "grey.png"))
    page.wait_for_selector(".answer")
    assert page.locator(".bar").count() == 3
    assert page.inner_text(".answer").split()[0] in ("cat", "dog", "fox")
    assert "--data-binary @'grey.png'" in page.inner_text("#curl")
    red = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/[0-9]+/)[0]")
    assert (int(red) < 128) == (scheme == "dark")


def test_the_page_asks_for_a_token_it_was_not_given(page: Any, server: Front, tmp_path: Path) -> None:
    Image.new("L", (8, 8)).save(tmp_path / "black.png")
    page.goto(server.url)
    page.wait_for_selector(LOADED)
    page.wait_for_selector("#token", state="visible")
    page.fill("#token", "wrong")
    page.set_input_files("#file", str(tmp_path / "black.png"))
    page.wait_for_selector(".error")
    assert "token" in page.inner_text(".error")
    page.fill("#token", TOKEN)
    page.click(ASK)
    page.wait_for_selector(".answer")
    assert page.is_hidden("#token")


def test_a_row_is_typed_into_fields(browser: Any, tmp_path: Path) -> None:
    package = package_of(tmp_path / "package", "tabular-regression", "MLP")
    with front(tmp_path / "state", package) as server:
        page = browser.new_page()
        page.goto(f"{server.url}/#token={TOKEN}")
        page.wait_for_selector(LOADED)
        page.get_by_label("length").fill("ten")
        page.click(ASK)
        assert "length must be a number" in page.inner_text(".error")
        page.get_by_label("length").fill("10")
        page.click(ASK)
        page.wait_for_selector(".answer")
        assert page.inner_text(".answer").startswith("price:")
        (tmp_path / "rows.csv").write_text("length,colour\n1,red\n2,blue\n")
        page.set_input_files("#file", str(tmp_path / "rows.csv"))
        page.wait_for_selector("tbody tr")
        assert page.locator("tbody tr").count() == 2
        assert "--data-binary @'rows.csv'" in page.inner_text("#curl")
        page.close()


def test_boxes_are_drawn_over_the_picture(browser: Any, tmp_path: Path) -> None:
    package = detector_package(tmp_path / "package")
    Image.new("RGB", (128, 64), "grey").save(tmp_path / "wide.png")
    with front(tmp_path / "state", package) as server:
        page = browser.new_page()
        page.goto(f"{server.url}/#token={TOKEN}")
        page.wait_for_selector(LOADED)
        page.set_input_files("#file", str(tmp_path / "wide.png"))
        page.wait_for_selector(".boxes rect")
        box = page.locator(".boxes rect").first
        shown = [float(box.get_attribute(name)) for name in ("x", "y", "width", "height")]
        assert shown == pytest.approx([16, 8, 32, 24], abs=0.2)  # twice as wide as the model sees it
        assert page.locator(".boxes svg").get_attribute("viewBox") == "0 0 128 64"
        assert page.inner_text(".answer") == "1 brick"
        assert page.text_content(".boxes text").startswith("brick 9")
        page.close()


@pytest.mark.parametrize("language", ["curl", "python", "javascript"])
def test_the_lines_of_code_do_the_same(page: Any, server: Front, tmp_path: Path, language: str) -> None:
    Image.new("L", (40, 40), 200).save(tmp_path / "it's grey.png")
    page.goto(f"{server.url}/#token={TOKEN}")
    page.wait_for_selector(LOADED)
    page.set_input_files("#file", str(tmp_path / "it's grey.png"))
    page.wait_for_selector(".answer")
    label = page.evaluate("document.querySelector('.answer').firstChild.textContent")
    page.click(f"#tab-{language}")
    code = page.inner_text(f"#{language}")
    if language == "javascript":
        body = code.replace("console.log(", "return (")
        file = "document.getElementById('file').files[0]"
        answer = page.evaluate(f"async () => {{ const TOKEN = '{TOKEN}'; const file = {file}; {body} }}")
        assert answer["predictions"][0]["label"] == label
        return
    if language == "curl" and shutil.which("curl") is None:
        pytest.skip("no curl here")
    program = ["sh", "-c", code] if language == "curl" else [sys.executable, "-c", code]
    environment = {**os.environ, "TOKEN": TOKEN}
    done = subprocess.run(program, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert label in done.stdout


def test_the_theme_can_be_chosen(page: Any, server: Front) -> None:
    page.emulate_media(color_scheme="light")
    page.goto(f"{server.url}/#theme=dark&embedded=yes")
    page.wait_for_selector(LOADED)
    colour = "getComputedStyle(document.querySelector('.panel')).backgroundColor"
    dark = page.evaluate(colour)
    assert page.is_hidden("header")
    page.goto(f"{server.url}/")
    page.reload()
    page.wait_for_selector(LOADED)
    assert page.evaluate(colour) != dark
    page.click("#theme")
    assert page.evaluate(colour) == dark


def test_pieces_and_files_are_drawn_as_the_form_says(browser: Any, tmp_path: Path) -> None:
    with tasks_installed(tmp_path):
        speller = graphs_package(tmp_path / "speller", SPELLER, SPELLING, SOME_IDS)
        singer = graphs_package(tmp_path / "singer", SINGER, TONE, SOME_IDS)
        with front(tmp_path / "state", speller) as server:
            page = browser.new_page()
            page.goto(f"{server.url}/#token={TOKEN}")
            page.wait_for_selector(LOADED)
            page.fill("#text", "abc")
            page.click(ASK)
            page.wait_for_selector(".answer")
            said = server.client.post("/predict", json={"text": "abc"}).json()["predictions"][0]["text"]
            assert page.inner_text(".answer") == said
            assert server.activate(singer, 2).status_code == 200
            page.reload()
            page.wait_for_selector(LOADED)
            page.click(ASK)
            page.wait_for_selector("audio")
            assert page.evaluate("document.querySelector('audio').src").startswith("blob:")
            page.close()


ROUTES = """
from collections.abc import Iterator
from typing import Literal

from PIL import Image


def turn(picture: Image.Image, times: int = 1, *, mirror: bool = False) -> Image.Image:
    '''Turn a picture.'''
    return picture.rotate(90 * times, expand=True)


def describe(text: str, style: Literal["short", "long"] = "short", marks: list[int] | None = None) -> dict:
    return {"text": text, "style": style, "marks": marks}


def count(n: int) -> Iterator[str]:
    for index in range(n):
        yield f"{index} "


def fail(n: int) -> float:
    return 1 / n
"""


def test_every_route_of_the_users_own_has_a_form(browser: Any, package: Package, tmp_path: Path) -> None:
    own = with_routes(package, ROUTES, "turn", "describe", "count", "fail")
    with front(tmp_path / "state", own) as service:  # of this user's store, so it needs no trust
        try_the_forms(browser, service, tmp_path)


def try_the_forms(browser: Any, service: Front, tmp_path: Path) -> None:
    Image.new("RGB", (20, 10)).save(tmp_path / "wide.png")
    page = browser.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda line: problems.append(line.text) if "Security Policy" in line.text else None)
    try:
        page.goto(f"{service.url}/#token={TOKEN}")
        page.wait_for_selector(LOADED)
        tabs = page.locator("#tabs [role=tab]").all_inner_texts()
        assert tabs == ["/turn", "/describe", "/count", "/fail", "the model itself"]
        assert "Turn a picture." in page.inner_text("#panel-turn")
        page.click(ASK)
        assert page.inner_text("#panel-turn .error") == "picture is missing."
        page.set_input_files("#turn-picture", str(tmp_path / "wide.png"))
        page.click(ASK)
        page.wait_for_selector("#panel-turn img.result")
        size = "(image) => image.decode().then(() => [image.naturalWidth, image.naturalHeight])"
        assert page.locator("img.result").evaluate(size) == [10, 20]
        assert "-F 'picture=@wide.png'" in page.inner_text("#curl")

        page.locator("#tab-turn").press("ArrowRight")
        page.fill("#describe-text", "a 'quoted' word")
        page.select_option("#describe-style", label="long")
        page.fill("#describe-marks", "[1, 2]")
        page.click(ASK)
        page.wait_for_selector("#panel-describe .timing")
        answer = json.loads(page.inner_text("#panel-describe pre"))
        assert answer == {"text": "a 'quoted' word", "style": "long", "marks": [1, 2]}

        page.click("#tab-count")
        page.fill("#count-n", "3")
        page.click(ASK)
        page.wait_for_selector("#panel-count .timing")
        assert page.inner_text(".stream").strip() == "0 1 2"

        page.click("#tab-fail")
        page.fill("#fail-n", "0")
        page.click(ASK)
        page.wait_for_selector("#panel-fail .error")
        assert "ZeroDivisionError" in page.inner_text("#panel-fail .error")
        page.goto(f"{service.url}/docs")
        page.wait_for_selector(".route")
        assert "POST /turn" in page.inner_text("main")
        assert not problems
    finally:
        page.close()


def test_the_documentation_shows_every_route(page: Any, server: Front) -> None:
    page.goto(f"{server.url}/docs")
    page.wait_for_selector(".route")
    text = page.inner_text("main")
    for part in ("POST /predict", "GET /healthz", "GET /metrics", "curl ", "image/png"):
        assert part in text
