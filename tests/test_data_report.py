"""The data report: its numbers, its words, its picture, and its HTML in a notebook."""

from __future__ import annotations

import base64
import io
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from lepton_nb.data import DataBundle, DataReport, Finding, arrays, digits, frame, text
from lepton_nb.show.words import plural


@pytest.fixture(scope="module")
def bundle() -> DataBundle:
    return digits(augment="standard")


class Tags(HTMLParser):
    """Collects tags, and refuses those that are left open."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in ("br", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def tags(html: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = Tags()
    parser.feed(html)
    assert not parser.open
    return parser.seen


def picture(bundle: DataBundle) -> Image.Image:
    (image,) = [attrs for tag, attrs in tags(bundle.report._repr_html_()) if tag == "img"]
    kind, _, data = (image["src"] or "").partition(",")
    assert kind == "data:image/png;base64"
    return Image.open(io.BytesIO(base64.b64decode(data)))


def test_the_text_has_counts_signature_and_findings(bundle: DataBundle) -> None:
    lines = str(bundle.report).splitlines()
    assert lines[0] == "digits · image-classification · scikit-learn's handwritten digits"
    assert re.search(r"^  class +train +val +test$", lines[2])
    assert re.search(r"^  2 +122 +18 +37$", "\n".join(lines), re.MULTILINE)
    assert re.search(r"^  all +1,291 +155 +351$", "\n".join(lines), re.MULTILINE)
    assert "  model takes: image: float32[N, 1, 8, 8]" in lines
    assert "  model gives: logits: float32[N, 10]" in lines
    assert any(line.startswith("  - Training pictures are augmented") for line in lines)


def test_a_notebook_gets_text_and_html_without_styles_of_its_own(bundle: DataBundle) -> None:
    shown = bundle._repr_mimebundle_()
    assert shown["text/plain"] == str(bundle.report)
    names = {tag for tag, _ in tags(shown["text/html"])}
    assert not names & {"script", "style", "svg", "link", "iframe"}
    assert "color:" not in re.sub("border-color:|color:inherit", "", shown["text/html"])
    assert "1,291" in shown["text/html"]


def test_the_grid_has_a_line_for_each_class_on_a_clear_ground(bundle: DataBundle) -> None:
    grid = picture(bundle).convert("RGBA")
    assert grid.height == 10 * 60 - 4
    assert grid.getpixel((0, 0)) == (255, 255, 255, 0)  # the page shows through
    alt = next(attrs["alt"] for tag, attrs in tags(bundle.report._repr_html_()) if tag == "img")
    assert alt == "Sample pictures of 0, 1, 2, 3, 4, 5, 6, 7, 8, 9"
    cells = np.asarray(grid)[:, -596:]
    assert (cells[28::60, 28::60, 3] == 255).all()  # a picture in the middle of every cell
    figure = bundle.report.figure()
    assert figure is not None
    assert [label.get_text() for label in figure.texts] == list("0123456789")


def test_pictures_keep_their_shape_in_the_grid() -> None:
    wide = np.full((40, 20, 60, 3), 200, dtype=np.uint8)
    wide += np.arange(40, dtype=np.uint8)[:, None, None, None]
    grid = np.asarray(picture(arrays(wide, np.arange(40) % 2)).convert("RGBA"))
    cell = grid[:56, -56:]
    assert (cell[28, :, 3] == 255).all()
    assert (cell[:15, :, 3] == 0).all()


def test_many_classes_are_shortened_to_the_largest_and_the_smallest() -> None:
    count = 40
    labels = np.repeat(np.arange(count), np.arange(10, 10 + count))
    pixels = np.random.default_rng(0).integers(0, 256, (len(labels), 3, 4, 4), dtype=np.uint8)
    report = arrays(pixels, labels, class_names=[f"class-{i}" for i in range(count)]).report
    plain = str(report)
    assert "class-39" in plain
    assert "class-0 " in plain
    assert "class-20" not in plain
    assert "… 24 more" in plain
    assert "10 of 40 classes" in report._repr_html_()


def test_names_and_cells_are_escaped() -> None:
    table = pd.DataFrame({"<b>bold</b>": [1.5, 2.5] * 30, "y": ["<script>", "&"] * 30})
    html = frame(table, name="<i>x</i>").report._repr_html_()
    assert "<script>" not in html
    assert "<b>bold" not in html
    assert "<i>x" not in html
    assert "&lt;script&gt;" in html


def test_sentences_and_rows_are_shown_with_their_labels() -> None:
    sentences = [f"sentence number {i} {'long ' * 100}" for i in range(40)]
    report = text(pd.DataFrame({"text": sentences, "label": ["good", "bad"] * 20})).report
    shown = [line for line in str(report).splitlines() if "sentence number" in line]
    assert len(shown) == 4
    assert all(len(line) < 180 and line.endswith("…") for line in shown)
    assert shown[0].strip().startswith("bad")
    table = pd.DataFrame(
        {f"c{i}": np.arange(40) * 0.5 + i for i in range(20)} | {"price": np.arange(40) * 1.5}
    )
    rows = str(frame(table).report)
    assert "c11" in rows
    assert "… 8 more" in rows
    assert "price (target)" in rows
    assert frame(table).report.figure() is None


def test_warnings_come_first() -> None:
    report = DataReport("x", "y", digits().report.counts, digits().signature)
    report.findings += [Finding("a note"), Finding("a warning", ("one", "two"), warning=True)]
    assert report.warnings == ["a warning"]
    plain = str(report)
    assert plain.index("! a warning") < plain.index("- a note")
    assert "      one\n      two" in plain
    html = report._repr_html_()
    assert html.index("⚠ a warning") < html.index("a note")


def test_counts_are_words() -> None:
    assert [plural(1, "label"), plural(1200, "label"), plural(2, "class")] == [
        "1 label",
        "1,200 labels",
        "2 classes",
    ]


def test_quantities_have_one_line_of_counts() -> None:
    table = pd.DataFrame({"a": np.arange(50) * 0.5, "y": np.arange(50) * 2.5})
    plain = str(frame(table).report)
    assert re.search(r"^ +train +val +test$", plain, re.MULTILINE)
    assert re.search(r"^ +items +37 +3 +10$", plain, re.MULTILINE)
    assert "target: y, mean" in plain
