"""The confusion matrix: which classes are taken for which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lepton_nb.plots import theme
from lepton_nb.plots.theme import Backend

if TYPE_CHECKING:
    from plotly.graph_objects import Figure as PlotlyFigure

NUMBERS_UP_TO = 20
"""With more classes than this, cells are too small for numbers, and the commonest mistakes are listed."""
_LABELS_UP_TO = 40
_MISTAKES = 8


def confusion_matrix(
    matrix: np.ndarray, class_names: Sequence[str], *, backend: Backend = "matplotlib"
) -> Figure | PlotlyFigure:
    """Rows are true classes, columns predictions; colour is the share of the row.

    What is right, on the diagonal, is blue; what is wrong is orange, on a scale that lets rare mistakes show.

    Args:
        matrix: Counts ``(C, C)``.
        class_names: The C names.
        backend: ``matplotlib`` or ``plotly``.
    """
    theme.check_backend(backend)
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    if backend == "plotly":
        return _plotly(matrix, shares, list(class_names))
    return _matplotlib(matrix, shares, [_short(name) for name in class_names])


def top_mistakes(matrix: np.ndarray, count: int) -> list[tuple[int, int, int]]:
    """The commonest mistakes as ``(true class, predicted class, items)``, largest first."""
    wrong = matrix.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:count]
    cells = (divmod(int(cell), len(matrix)) for cell in order)
    return [(true, guess, int(wrong[true, guess])) for true, guess in cells if wrong[true, guess] > 0]


def _matplotlib(matrix: np.ndarray, shares: np.ndarray, names: list[str]) -> Figure:
    count = len(names)
    many = count > NUMBERS_UP_TO
    side = 7.0 if many else max(3.4, 0.46 * count + 1.6)
    figure = theme.new_figure(side + (2.6 if many else 0.4), side)
    axes = figure.add_subplot()
    axes.imshow(_colours(shares))
    theme.style(axes, title="Confusion matrix", x="predicted", y="true", grid=False)
    _label_classes(axes, names)
    if many:
        _list_mistakes(axes, matrix, names)
    else:
        axes.set_xticks(np.arange(count + 1) - 0.5, minor=True)
        axes.set_yticks(np.arange(count + 1) - 0.5, minor=True)
        axes.grid(which="minor", color=theme.CARD, linewidth=1.5)
        axes.tick_params(which="minor", length=0)
        _write_counts(axes, matrix, shares)
    return theme.finish(figure)


def _short(name: str) -> str:
    return theme.shorten(name, 18)


def _colours(shares: np.ndarray) -> np.ndarray:
    """RGBA ``(C, C, 4)``: blue on the diagonal; orange elsewhere, by the square root of the share."""
    colours = theme.WRONG_MAP(np.sqrt(shares))
    diagonal = np.arange(len(shares))
    colours[diagonal, diagonal] = theme.RIGHT_MAP(shares[diagonal, diagonal])
    return np.asarray(colours)


def _label_classes(axes: Axes, names: list[str]) -> None:
    """Every name where there is room, else every n-th."""
    count = len(names)
    step = 1 if count <= _LABELS_UP_TO else int(np.ceil(count / 25))
    shown = np.arange(0, count, step)
    labels = [names[i] for i in shown]
    few = count <= NUMBERS_UP_TO
    upright = few and max(map(len, labels)) * count <= 30
    turn: dict[str, Any] = (
        {"rotation": 45, "ha": "right", "rotation_mode": "anchor"} if few else {"rotation": 90}
    )
    size = 9 if few else 6.5
    axes.set_xticks(shown, labels, fontsize=size, color=theme.INK, **({} if upright else turn))
    axes.set_yticks(shown, labels, fontsize=size, color=theme.INK)


def _write_counts(axes: Axes, matrix: np.ndarray, shares: np.ndarray) -> None:
    size = 8.5 if len(matrix) <= 12 else 7.0
    for true, guess in np.argwhere(matrix > 0):
        strong = shares[true, guess] if true == guess else np.sqrt(shares[true, guess])
        colour = "white" if strong > 0.6 else theme.INK
        count = int(matrix[true, guess])
        text = f"{count:,}" if count < 10_000 else f"{count / 1000:.0f}k"
        axes.text(guess, true, text, ha="center", va="center", fontsize=size, color=colour)


def _list_mistakes(axes: Axes, matrix: np.ndarray, names: list[str]) -> None:
    lines = [f"{names[t]} → {names[g]}  {n:,}" for t, g, n in top_mistakes(matrix, _MISTAKES)]
    text = "\n".join(["Most often taken for another:", "", *lines]) if lines else "No mistakes."
    axes.text(
        1.04, 1.0, text, transform=axes.transAxes, va="top", fontsize=8.5, color=theme.INK, linespacing=1.6
    )


def _plotly(matrix: np.ndarray, shares: np.ndarray, names: list[str]) -> PlotlyFigure:
    from plotly import graph_objects as go

    few = len(names) <= NUMBERS_UP_TO
    side = max(4.5, 0.5 * len(names) + 2.0) if few else 7.0
    figure = theme.plotly_figure(side + 0.6, side, title="Confusion matrix", x="predicted", y="true")
    numbers = [[f"{n:,}" if n else "" for n in row] for row in matrix.tolist()]
    right, wrong = np.full_like(shares, np.nan), np.sqrt(shares)
    np.fill_diagonal(wrong, np.nan)
    np.fill_diagonal(right, np.diag(shares))
    for values, colours in ((wrong, theme.WRONG_MAP), (right, theme.RIGHT_MAP)):
        options: dict[str, Any] = {"text": numbers, "texttemplate": "%{text}"} if few else {}
        figure.add_trace(
            go.Heatmap(
                z=values,
                x=names,
                y=names,
                zmin=0,
                zmax=1,
                colorscale=theme.colour_scale(colours),
                showscale=False,
                customdata=np.stack([matrix, shares], axis=-1),
                hovertemplate=(
                    "true %{y}<br>predicted %{x}<br>%{customdata[0]:,} items, "
                    "%{customdata[1]:.1%} of this class<extra></extra>"
                ),
                xgap=int(few),
                ygap=int(few),
                **options,
            )
        )
    ticks: dict[str, Any] = {"type": "category", "showgrid": False, "automargin": True, "title_standoff": 12}
    if few:
        ticks |= {"tickvals": names, "ticktext": [_short(name) for name in names]}
    figure.update_xaxes(**ticks)
    figure.update_yaxes(autorange="reversed", **ticks)
    return figure
