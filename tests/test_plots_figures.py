"""Every figure, in both backends: what it shows, at any number of classes."""

from __future__ import annotations

import io
import subprocess
import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image
from sklearn import metrics as sk

from lepton_nb.errors import ArgumentError
from lepton_nb.plots import theme
from lepton_nb.plots.confusion import confusion_matrix, top_mistakes
from lepton_nb.plots.curves import pr_curves, precision_recall, receiver_operating, roc_curves
from lepton_nb.plots.gallery import describe_item, gallery
from lepton_nb.plots.learning_curves import compare_curves, learning_curves
from lepton_nb.plots.reliability import reliability_diagram
from lepton_nb.plots.residuals import predicted_vs_true, residual_histogram

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


def every_figure(backend: Any) -> dict[str, Callable[[], Any]]:
    found: dict[str, Callable[[], Any]] = {}
    for classes in (2, 10, 100):
        probabilities, target, matrix = fake(classes)
        labels = names(classes)
        found |= {
            f"confusion {classes}": lambda m=matrix, n=labels: confusion_matrix(m, n, backend=backend),
            f"pr {classes}": lambda p=probabilities, t=target, n=labels: pr_curves(p, t, n, backend=backend),
            f"roc {classes}": lambda p=probabilities, t=target, n=labels: roc_curves(
                p, t, n, backend=backend
            ),
        }
    values = np.random.default_rng(0).normal(size=(50, 1))
    pictures = [Image.new("RGB", (8, 8), "red")] * 3
    captions = ["a"] * 3
    return found | {
        "reliability": lambda: reliability_diagram(bins(), backend=backend),
        "learning": lambda: learning_curves(SERIES, best_epoch=2, backend=backend),
        "no learning": lambda: learning_curves({}, backend=backend),
        "compare": lambda: compare_curves({"a@1": SERIES, "b@1": SERIES}, backend=backend),
        "predicted": lambda: predicted_vs_true(values + 1, values, "price", backend=backend),
        "residuals": lambda: residual_histogram(values + 1, values, "price", backend=backend),
        "pictures": lambda: gallery(pictures, captions, captions, backend=backend),
        "sentences": lambda: gallery(["x " * 300, "", "y"], captions, captions, backend=backend),
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", every_figure("matplotlib"))
def test_every_figure_draws_without_a_warning(name: str) -> None:
    figure = every_figure("matplotlib")[name]()
    assert isinstance(figure, Figure)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = theme.png(figure)
    picture = Image.open(io.BytesIO(data)).convert("RGB")
    assert picture.getpixel((2, 2)) == (251, 251, 250)  # the card is opaque: dark notebooks show the same
    assert picture.width <= 2200


@pytest.mark.parametrize("name", every_figure("plotly"))
def test_every_figure_has_an_interactive_twin(name: str) -> None:
    from plotly.graph_objects import Figure as PlotlyFigure

    figure = every_figure("plotly")[name]()
    assert isinstance(figure, PlotlyFigure)
    assert figure.to_json()
    assert figure.layout.paper_bgcolor == theme.CARD


def test_a_small_confusion_matrix_shows_its_counts() -> None:
    figure = confusion_matrix(np.array([[1234, 5], [0, 66]]), ["cat", "dog"])
    shown = texts(figure)
    assert {"1,234", "5", "66", "cat", "dog", "predicted", "true"} <= set(shown)
    assert "0" not in shown


def test_a_large_confusion_matrix_lists_its_commonest_mistakes() -> None:
    matrix = np.diag(np.full(100, 50))
    matrix[3, 7] = 20
    figure = confusion_matrix(matrix, names(100))
    shown = texts(figure)
    assert "50" not in shown
    assert any("class 3 → class 7  20" in text for text in shown)
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
    figure = roc_curves(probabilities, target, names(100))
    legend = figure.axes[0].get_legend()
    assert len(legend.get_texts()) == 5
    assert "Worst 5 of" in legend.get_title().get_text()


def test_a_class_whose_name_starts_with_an_underscore_is_in_the_legend() -> None:
    probabilities, target, _ = fake(2)
    figure = pr_curves(probabilities, target, ["_noise_", "$5"])
    entries = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert len(entries) == 2
    assert "_noise_" in entries[0]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert theme.png(figure)


def test_classes_without_items_have_no_curve() -> None:
    probabilities, _, _ = fake(3)
    figure = roc_curves(probabilities, np.zeros(300, dtype=int), names(3))
    assert "no class has both items and others" in texts(figure)


def test_learning_curves_share_a_panel_by_metric() -> None:
    figure = learning_curves(SERIES, best_epoch=2)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["Loss", "Accuracy"]
    lines = {line.get_label(): list(line.get_ydata()) for line in figure.axes[0].lines}
    assert lines["training"] == [1.0, 0.5, 0.25]
    assert lines["validation"] == [1.1, 0.7, 0.6]
    assert "best" in lines


def test_compared_runs_have_a_colour_each() -> None:
    figure = compare_curves({"a@1": SERIES, "b@1": {"val_loss": (EPOCHS, [2.0, 1.0, 0.5])}})
    colours = {line.get_color() for line in figure.axes[0].lines}
    assert colours == {theme.PALETTE[0], theme.PALETTE[1]}
    assert len(figure.axes[0].lines) == 3


def test_dollars_are_no_formula() -> None:
    figure = gallery(["it costs $5, not $6 or $\\frac$"], ["good 90%"], ["bad"])
    assert theme.png(figure)


def test_items_that_are_no_pictures_are_described() -> None:
    assert describe_item({"age": 41.23456, "city": "Oslo"}) == "age 41.23  ·  city Oslo"
    assert describe_item(np.arange(8.0).reshape(2, 4)) == "2×4: 0, 1, 2, 3, 4, 5, …"


def test_normalised_pictures_are_shown_in_their_full_range() -> None:
    picture = np.linspace(-2.0, 2.0, 3 * 8 * 8).reshape(3, 8, 8)
    figure = gallery([picture], ["a"], ["b"])
    shown = figure.axes[0].images[0].get_array()
    assert shown.shape == (8, 8, 3)
    assert (shown.min(), shown.max()) == (0, 255)


def test_an_unknown_backend_is_refused() -> None:
    with pytest.raises(ArgumentError, match="backend is 'bokeh'"):
        reliability_diagram(bins(), backend="bokeh")  # type: ignore[arg-type]


def test_without_plotly_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("plotly", "plotly.graph_objects"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ArgumentError) as caught:
        reliability_diagram(bins(), backend="plotly")
    assert caught.value.hint == "pip install 'lepton-nb[plotly]'"


def test_a_figure_shows_itself_without_pyplot() -> None:
    code = (
        "import sys, numpy as np\n"
        "from lepton_nb.plots.confusion import confusion_matrix\n"
        "data, size = confusion_matrix(np.eye(2, dtype=int), ['a', 'b'])._repr_png_()\n"
        "assert data[:4] == b'\\x89PNG' and size['width'] > 200\n"
        "print([m for m in ('matplotlib.pyplot', 'plotly', 'torch', 'pandas') if m in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr
