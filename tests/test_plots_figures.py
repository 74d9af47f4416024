"""Every chart as matplotlib and plotly draw it, and as the lab gets it, at any number of classes."""

from __future__ import annotations

import io
import json
import math
import subprocess
import sys
import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from PIL import Image
from sklearn import metrics as sk

from lepton_nb.errors import ArgumentError
from lepton_nb.plots import theme
from lepton_nb.plots.charts import Bars, Box, Chart, Gallery, Line, Lines, Matrix, Table
from lepton_nb.plots.confusion import confusion_matrix, top_mistakes
from lepton_nb.plots.curves import pr_curves, precision_recall, receiver_operating, roc_curves
from lepton_nb.plots.drawn import draw
from lepton_nb.plots.drawn.lab import lab_chart
from lepton_nb.plots.gallery import describe_item, exhibit, mask, opened
from lepton_nb.plots.learning_curves import compare_curves, learning_curves
from lepton_nb.plots.reliability import reliability_diagram
from lepton_nb.plots.residuals import predicted_vs_true, residual_histogram

BOX = Box(x1=0.25, y1=0.5, x2=0.75, y2=0.75, label="cat", score=0.93)
EPOCHS = [1, 2, 3]
SERIES = {
    "train_loss": (EPOCHS, [1.0, 0.5, 0.25]),
    "val_loss": (EPOCHS, [1.1, 0.7, 0.6]),
    "val_accuracy": (EPOCHS, [0.5, 0.7, 0.8]),
}


def fake(classes: int, items: int = 300) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Probabilities, targets and the confusion matrix of a middling classifier."""
    rng = np.random.default_rng(classes)
    target = rng.integers(0, classes, items)
    logits = rng.normal(size=(items, classes)) + 2 * np.eye(classes)[target]
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    matrix = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(matrix, (target, probabilities.argmax(axis=1)), 1)
    return probabilities, target, matrix


def names(classes: int) -> list[str]:
    return [f"class {i}" for i in range(classes)]


def texts(figure: Figure) -> list[str]:
    from matplotlib.text import Text

    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def bins() -> np.ndarray:
    return np.array([[0.0, 0.0, 0.0], [0.5, 0.4, 30.0], [0.9, 0.95, 70.0]])


def pictures(**over: Any) -> Gallery:
    shown = exhibit(Image.new("RGB", (8, 8), "red"), "a 90%", "b", index=3, error=1.5)
    return Gallery(name="worst", title="Worst mistakes", items=(replace(shown, **over), shown))


def sentences(*texts: str) -> Gallery:
    return Gallery(name="worst", title="Worst", items=tuple(exhibit(text, "a", "b") for text in texts))


class Sankey(Chart):
    """Of a kind that nothing draws."""

    kind = "sankey"


def every_chart() -> dict[str, Chart]:
    found: dict[str, Chart] = {}
    for classes in (2, 10, 100):
        probabilities, target, matrix = fake(classes)
        labels = names(classes)
        found |= {
            f"confusion {classes}": confusion_matrix(matrix, labels),
            f"pr {classes}": pr_curves(probabilities, target, labels),
            f"roc {classes}": roc_curves(probabilities, target, labels),
        }
    values = np.random.default_rng(0).normal(size=(50, 1))
    inside = np.eye(8, dtype=bool)
    boxes = (BOX, replace(BOX, score=None, true=True))
    text = {"name": "a", "title": "A"}
    line = Line(name="loss", x=[0.1, 1.0, 10.0], y=[3, None, 1], low=[2, 1, 0], high=[4, 3, 2])
    return found | {
        "no curves": roc_curves(probabilities, np.zeros(300, dtype=int), names(3)),
        "reliability": reliability_diagram(bins()),
        "learning": learning_curves(SERIES, best_epoch=2),
        "no learning": learning_curves({}),
        "compare": compare_curves({"a@1": SERIES, "b@1": SERIES}),
        "predicted": predicted_vs_true(values + 1, values, "price"),
        "residuals": residual_histogram(values + 1, values, "price"),
        "pictures": pictures(),
        "boxes": pictures(boxes=boxes, masks=(mask(inside), mask(inside, true=True))),
        "sentences": sentences("x " * 300, "", "y"),
        "shares": Matrix(rows=("a",), columns=("b", "c"), values=[[0.2, 1.0]], counts=False, **text),
        "bars": Bars(at=("cat", "dog"), heights=[0.5, None], **text),
        "table": Table(columns=("class", "F1"), rows=[("cat", 0.5), ("dog", None)] * 30, **text),
        "no rows": Table(columns=("class", "F1"), rows=[], **text),
        "lines": Lines(lines=(line,), x_log=True, y_log=True, note="Read this. " * 30, **text),
        "unknown": Sankey(**text, note="What it says."),
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", every_chart())
def test_every_figure_draws_without_a_warning(name: str) -> None:
    figure = draw(every_chart()[name])
    assert isinstance(figure, Figure)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = theme.png(figure)
    picture = Image.open(io.BytesIO(data)).convert("RGB")
    assert picture.getpixel((2, 2)) == (251, 251, 250)  # the card is opaque: dark notebooks show the same
    assert picture.width <= 2200


@pytest.mark.parametrize("name", every_chart())
def test_every_figure_has_an_interactive_twin(name: str) -> None:
    from plotly.graph_objects import Figure as PlotlyFigure

    figure = draw(every_chart()[name], "plotly")
    assert isinstance(figure, PlotlyFigure)
    assert figure.to_json()
    assert figure.layout.paper_bgcolor == theme.CARD


@pytest.mark.parametrize("name", every_chart())
def test_the_lab_gets_every_chart_as_small_json_of_its_kind(name: str) -> None:
    chart = every_chart()[name]
    data = json.dumps(lab_chart(chart), allow_nan=False)
    kept = json.loads(data)
    assert (kept["kind"], kept["name"], kept["title"]) == (chart.kind, chart.name, chart.title)
    assert len(data) < 25_000


def test_the_lab_gets_the_classes_with_the_most_mistakes_and_their_whole_rows() -> None:
    matrix = np.diag(np.full(100, 50))
    matrix[77, 90] = 20
    kept = lab_chart(confusion_matrix(matrix, names(100)))
    assert len(kept["rows"]) == len(kept["values"]) == len(kept["values"][0]) == 50
    place = kept["rows"].index("class 77")
    assert kept["values"][place][kept["columns"].index("class 90")] == 20
    assert kept["totals"][place] == 70
    assert kept["note"].startswith("The worst 50 of 100 rows")
    assert "20 × class 77 → class 90" in kept["note"]


def test_counts_reach_the_lab_exactly_and_what_is_no_number_as_nothing() -> None:
    assert lab_chart(confusion_matrix(np.array([[1234567]]), ["a"]))["values"] == [[1234567]]
    line = Line(name="a", x=[1, 2], y=[math.nan, 1 / 3])
    (kept,) = lab_chart(Lines(name="a", title="A", lines=(line,)))["lines"]
    assert kept["y"] == [None, 0.33333]


def test_boxes_and_masks_are_drawn_over_the_picture() -> None:
    inside = np.zeros((8, 8), dtype=bool)
    inside[:4] = True
    axes = draw(pictures(boxes=(BOX, replace(BOX, true=True)), masks=(mask(inside),))).axes[0]
    found, true = axes.patches[::-1]
    assert [*found.get_xy(), found.get_width(), found.get_height()] == pytest.approx([2, 4, 4, 2])
    assert to_hex(found.get_edgecolor()) == theme.ORANGE
    assert to_hex(true.get_edgecolor()) == theme.TRUE
    assert "cat 93%" in [text.get_text() for text in axes.texts]
    over = axes.images[1].get_array()
    assert over[0, 0, 3] > 0
    assert over[7, 0, 3] == 0


def test_a_photograph_is_kept_small() -> None:
    photograph = np.random.default_rng(0).integers(0, 255, (600, 800, 3), dtype=np.uint8)
    kept = exhibit(photograph, "a").picture
    assert max(opened(kept).size) == 224
    assert len(kept) < 60_000


def test_a_small_confusion_matrix_shows_its_counts() -> None:
    figure = draw(confusion_matrix(np.array([[1234, 5], [0, 66]]), ["cat", "dog"]))
    shown = texts(figure)
    assert {"1,234", "5", "66", "cat", "dog", "predicted", "true"} <= set(shown)
    assert "0" not in shown


def test_a_large_confusion_matrix_lists_its_commonest_mistakes() -> None:
    matrix = np.diag(np.full(100, 50))
    matrix[3, 7] = 20
    figure = draw(confusion_matrix(matrix, names(100)))
    shown = texts(figure)
    assert "50" not in shown
    assert any("20 × class 3 → class 7" in text for text in shown)
    assert len(figure.axes[0].get_xticks()) <= 25


def test_mistakes_are_ranked_and_the_diagonal_is_none() -> None:
    assert top_mistakes(np.array([[9, 2, 0], [5, 9, 0], [0, 0, 9]]), 8) == [(1, 0, 5), (0, 1, 2)]


def test_curves_agree_with_scikit_learn_even_with_equal_scores() -> None:
    rng = np.random.default_rng(0)
    positive = rng.random(200) < 0.3
    scores = np.round(rng.random(200) + 0.4 * positive, 1)
    assert precision_recall(scores, positive)[2] == pytest.approx(
        sk.average_precision_score(positive, scores)
    )
    x, y, area = receiver_operating(scores, positive)
    assert area == pytest.approx(sk.roc_auc_score(positive, scores))
    expected_x, expected_y, _ = sk.roc_curve(positive, scores, drop_intermediate=False)
    np.testing.assert_allclose(x, expected_x)
    np.testing.assert_allclose(y, expected_y)


def test_many_classes_name_only_the_worst() -> None:
    probabilities, target, _ = fake(100)
    figure = draw(roc_curves(probabilities, target, names(100)))
    legend = figure.axes[0].get_legend()
    assert len(legend.get_texts()) == 5
    assert "Worst 5 of" in legend.get_title().get_text()


def test_a_class_whose_name_starts_with_an_underscore_is_in_the_legend() -> None:
    probabilities, target, _ = fake(2)
    figure = draw(pr_curves(probabilities, target, ["_noise_", "$5"]))
    entries = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert len(entries) == 2
    assert "_noise_" in entries[0]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert theme.png(figure)


def test_classes_without_items_have_no_curve() -> None:
    probabilities, _, _ = fake(3)
    figure = draw(roc_curves(probabilities, np.zeros(300, dtype=int), names(3)))
    assert "No class has both items and others." in texts(figure)


def test_learning_curves_share_a_panel_by_metric() -> None:
    figure = draw(learning_curves(SERIES, best_epoch=2))
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["Loss", "Accuracy"]
    lines = {line.get_label(): list(line.get_ydata()) for line in figure.axes[0].lines}
    assert lines["training"] == [1.0, 0.5, 0.25]
    assert lines["validation"] == [1.1, 0.7, 0.6]
    assert "best" in lines


def test_compared_runs_have_a_colour_each() -> None:
    figure = draw(compare_curves({"a@1": SERIES, "b@1": {"val_loss": (EPOCHS, [2.0, 1.0, 0.5])}}))
    colours = {line.get_color() for line in figure.axes[0].lines}
    assert colours == {theme.PALETTE[0], theme.PALETTE[1]}
    assert len(figure.axes[0].lines) == 3


def test_dollars_are_no_formula() -> None:
    figure = draw(sentences("it costs $5, not $6 or $\\frac$"))
    assert theme.png(figure)


def test_items_that_are_no_pictures_are_described() -> None:
    assert describe_item({"age": 41.23456, "city": "Oslo"}) == "age 41.23  ·  city Oslo"
    assert describe_item(np.arange(8.0).reshape(2, 4)) == "2×4: 0, 1, 2, 3, 4, 5, …"


def test_normalised_pictures_are_shown_in_their_full_range() -> None:
    picture = np.linspace(-2.0, 2.0, 3 * 8 * 8).reshape(3, 8, 8)
    shown = np.asarray(opened(exhibit(picture, "a").picture))
    assert shown.shape == (8, 8, 3)
    assert (shown.min(), shown.max()) == (0, 255)


def test_an_unknown_backend_is_refused() -> None:
    with pytest.raises(ArgumentError, match="backend is 'bokeh'"):
        draw(reliability_diagram(bins()), "bokeh")  # type: ignore[arg-type]


def test_without_plotly_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("plotly", "plotly.graph_objects"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ArgumentError) as caught:
        draw(reliability_diagram(bins()), "plotly")
    assert caught.value.hint == "pip install 'lepton-nb[plotly]'"


def test_a_figure_shows_itself_without_pyplot() -> None:
    code = (
        "import sys, numpy as np\n"
        "from lepton_nb.plots.confusion import confusion_matrix\n"
        "from lepton_nb.plots.drawn import draw\n"
        "chart = confusion_matrix(np.eye(2, dtype=int), ['a', 'b'])\n"
        "data, size = draw(chart)._repr_png_()\n"
        "assert data[:4] == b'\\x89PNG' and size['width'] > 200\n"
        "print([m for m in ('matplotlib.pyplot', 'plotly', 'torch', 'pandas') if m in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr
