"""Precision-recall and ROC curves, one class against the rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lepton_nb.plots import theme
from lepton_nb.plots.theme import Backend

if TYPE_CHECKING:
    from plotly.graph_objects import Figure as PlotlyFigure

ALL_CURVES_UP_TO = 8
"""With more classes than this, only the worst are coloured and named, the others lie behind in grey."""
_WORST = 5
_MAX_POINTS = 400


@dataclass(eq=False)
class Curve:
    """One class's curve, and the area under it."""

    name: str
    x: np.ndarray
    y: np.ndarray
    area: float


def pr_curves(
    probabilities: np.ndarray,
    target: np.ndarray,
    class_names: Sequence[str],
    *,
    backend: Backend = "matplotlib",
) -> Figure | PlotlyFigure:
    """Precision over recall of each class that occurs; the number beside a name is its average precision.

    Args:
        probabilities: ``(N, C)``.
        target: Class indices ``(N,)``; or, of labels, 0 and 1 ``(N, C)``.
        class_names: The C names.
        backend: ``matplotlib`` or ``plotly``.
    """
    return draw_precision_recall(precision_recall_curves(probabilities, target, class_names), backend)


def draw_precision_recall(curves: list[Curve], backend: Backend = "matplotlib") -> Figure | PlotlyFigure:
    """Curves of precision over recall, however they were found."""
    return _draw(curves, "Precision and recall", "recall", "precision", "average precision", backend)


def roc_curves(
    probabilities: np.ndarray,
    target: np.ndarray,
    class_names: Sequence[str],
    *,
    backend: Backend = "matplotlib",
) -> Figure | PlotlyFigure:
    """True positive rate over false positive rate of each class that occurs; arguments as `pr_curves`."""
    curves = receiver_operating_curves(probabilities, target, class_names)
    x, y = "false positive rate", "true positive rate"
    return _draw(curves, "ROC", x, y, "area under the curve", backend)


def precision_recall_curves(
    probabilities: np.ndarray, target: np.ndarray, class_names: Sequence[str]
) -> list[Curve]:
    """Precision over recall of each class that has both items and others; arguments as `pr_curves`."""
    return _each_class(precision_recall, probabilities, target, class_names)


def receiver_operating_curves(
    probabilities: np.ndarray, target: np.ndarray, class_names: Sequence[str]
) -> list[Curve]:
    """True over false positive rate of each class that has both items and others."""
    return _each_class(receiver_operating, probabilities, target, class_names)


def precision_recall(scores: np.ndarray, positive: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Recall, precision, and average precision: the sum of precision × the step in recall."""
    true, false = _counts(scores, positive)
    recall, precision = true / true[-1], true / (true + false)
    area = float((np.diff(recall, prepend=0.0) * precision).sum())
    return np.concatenate([[0.0], recall]), np.concatenate([precision[:1], precision]), area


def receiver_operating(scores: np.ndarray, positive: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """False and true positive rate, and the area under them by trapezoids."""
    true, false = (np.concatenate([[0.0], counts]) for counts in _counts(scores, positive))
    x, y = false / false[-1], true / true[-1]
    return x, y, float((np.diff(x) * (y[1:] + y[:-1]) / 2).sum())


def _counts(scores: np.ndarray, positive: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """True and false positives at every threshold, from the highest score down; equal scores are one."""
    order = np.argsort(-scores, kind="stable")
    ranked, hits = scores[order], positive[order]
    last_of_equal = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
    true = np.cumsum(hits)[last_of_equal].astype(float)
    return true, last_of_equal + 1 - true


Shape = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray, float]]


def _each_class(
    shape: Shape, probabilities: np.ndarray, target: np.ndarray, class_names: Sequence[str]
) -> list[Curve]:
    """The curves of the classes that have both items and others."""
    curves = []
    for index, name in enumerate(class_names):
        positive = target == index if target.ndim == 1 else target[:, index] == 1
        if positive.any() and not positive.all():
            x, y, area = shape(probabilities[:, index], positive)
            keep = _thin(len(x))
            curves.append(Curve(theme.shorten(name, 22), x[keep], y[keep], area))
    return curves


def _thin(count: int) -> np.ndarray:
    """Indices of at most `_MAX_POINTS` of `count` points, the ends among them."""
    return np.unique(np.linspace(0, count - 1, min(count, _MAX_POINTS)).round().astype(int))


def _split(curves: list[Curve]) -> tuple[list[Curve], list[Curve]]:
    """The curves to name and those to leave in grey."""
    if len(curves) <= ALL_CURVES_UP_TO:
        return curves, []
    ranked = sorted(curves, key=lambda curve: curve.area)
    return ranked[:_WORST], ranked[_WORST:]


def _draw(
    curves: list[Curve], title: str, x: str, y: str, area: str, backend: Backend
) -> Figure | PlotlyFigure:
    theme.check_backend(backend)
    named, rest = _split(curves)
    heading = f"Worst {len(named)} of {len(curves)} classes,\n{area}" if rest else area.capitalize()
    if backend == "plotly":
        return _plotly(named, rest, title, x, y, heading)
    figure = theme.new_figure(5.0, 3.6)
    axes = figure.add_subplot()
    theme.style(axes, title=title, x=x, y=y)
    if title == "ROC":
        axes.plot([0, 1], [0, 1], color=theme.SOFT, linewidth=1, linestyle=(0, (2, 3)))
    for curve in rest:
        axes.plot(curve.x, curve.y, color=theme.LINE, linewidth=0.8, zorder=1)
    for number, curve in enumerate(named):
        label = theme.label(f"{curve.name}  {curve.area:.3f}")
        axes.plot(curve.x, curve.y, color=theme.PALETTE[number], linewidth=1.8, label=label)
    axes.set_aspect("equal", anchor="W")
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.02))
    _legend(axes, heading, bool(named))
    return theme.finish(figure)


def _legend(axes: Axes, heading: str, any_curve: bool) -> None:
    if not any_curve:
        axes.text(0.5, 0.5, "no class has both items and others", ha="center", color=theme.SOFT)
        return
    theme.legend(axes, loc="upper left", bbox_to_anchor=(1.02, 1.0), title=heading, alignment="left")
    box = axes.get_legend()
    if box is not None:
        box.get_title().set(fontsize=8.5, color=theme.SOFT)


def _plotly(named: list[Curve], rest: list[Curve], title: str, x: str, y: str, heading: str) -> PlotlyFigure:
    from plotly import graph_objects as go

    figure = theme.plotly_figure(7.5, 4.8, title=title, x=x, y=y)
    if title == "ROC":
        dotted = {"color": theme.SOFT, "dash": "dot", "width": 1}
        figure.add_trace(
            go.Scatter(x=[0, 1], y=[0, 1], mode="lines", line=dotted, showlegend=False, hoverinfo="skip")
        )
    for curve in (*rest, *named):
        hover = f"{curve.name} {curve.area:.3f}<br>{x} %{{x:.3f}}<br>{y} %{{y:.3f}}<extra></extra>"
        grey = {"color": "#c6cbd1", "width": 1}
        figure.add_trace(
            go.Scatter(
                x=curve.x,
                y=curve.y,
                mode="lines",
                name=f"{curve.name} {curve.area:.3f}",
                line={"width": 2} if curve in named else grey,
                showlegend=curve in named,
                hovertemplate=hover,
            )
        )
    for number, trace in enumerate(figure.data[len(figure.data) - len(named) :]):
        trace.line.color = theme.PALETTE[number]
    figure.update_layout(legend={"title": {"text": heading.replace("\n", "<br>")}})
    figure.update_xaxes(range=[-0.01, 1.01])
    figure.update_yaxes(range=[-0.01, 1.02])
    return figure
