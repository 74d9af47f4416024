"""An evaluation as people read it: plain text for a terminal, tables and pictures for a notebook."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from lepton_nb.plots import theme
from lepton_nb.plots.gallery import describe_item

if TYPE_CHECKING:
    from lepton_nb.evaluation.result import EvaluationResult

_LABELS = {
    "auroc_macro": "AUROC (macro)",
    "mae": "mean absolute error",
    "rmse": "root mean squared error",
    "r2": "R²",
    "mape": "mean absolute percentage error",
    "f1": "F1",
    "auroc": "AUROC",
    "f1_macro": "F1 (macro)",
    "f1_micro": "F1 (micro)",
    "average_precision_macro": "average precision (macro)",
    "f1_weighted": "F1 (weighted)",
    "top5_accuracy": "top-5 accuracy",
}
_MAX_CLASSES = 20
_RULE = "border-bottom:1px solid rgba(128,128,128,.3)"
_CELL = f"padding:3px 14px 3px 0;text-align:left;vertical-align:top;{_RULE}"
_NUMBER = f"padding:3px 14px 3px 0;text-align:right;font-variant-numeric:tabular-nums;{_RULE}"
_QUIET = "opacity:.7"
_FLOW = "display:flex;flex-wrap:wrap;align-items:flex-start"


def label_of(name: str) -> str:
    """A metric's name for people: ``precision_macro`` is "precision (macro)"."""
    if name in _LABELS:
        return _LABELS[name]
    stem, _, average = name.rpartition("_")
    return f"{stem} ({average})" if average in ("macro", "micro", "weighted") else name.replace("_", " ")


def headline(result: EvaluationResult) -> str:
    """What was measured, on one line."""
    point = result.checkpoint
    weights = "" if point is None else f" · weights of epoch {point.epoch + 1}"
    return f"{result.name} · {result.data_name}, {result.split} split · {result.items:,} items{weights}"


def as_text(result: EvaluationResult) -> str:
    """The headline, the metrics and the notes."""
    width = max((len(label_of(name)) for name in result.metrics), default=0)
    lines = [f"  {label_of(name):<{width}}  {number(value)}" for name, value in result.metrics.items()]
    return "\n".join([headline(result), *lines, *(f"  {note}" for note in result.notes)])


def as_html(result: EvaluationResult) -> str:
    """Tables and figures in one page fragment that needs no kernel, no style sheet and no network."""
    parts = [
        f'<p style="margin:4px 0 10px"><b>{escape(result.name)}</b>'
        f'<span style="{_QUIET}">{escape(headline(result)[len(result.name) :])}</span></p>',
        f'<div style="{_FLOW};gap:12px 40px">{_tables(result)}</div>',
        *(f'<p style="{_QUIET};margin:6px 0">{escape(note)}</p>' for note in result.notes),
        _figures(result),
    ]
    return f'<div style="max-width:100%">{"".join(parts)}</div>'


def table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """An HTML table in the notebook's own colours; numbers stand at the right."""
    body = ["<tr>" + "".join(_cell(value) for value in row) + "</tr>" for row in rows]
    head = "".join(f'<th style="{_CELL};{_QUIET};font-weight:normal">{escape(name)}</th>' for name in header)
    return (
        f'<table style="border-collapse:collapse;font-size:13px;margin:4px 0">'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>"
    )


def number(value: float | None) -> str:
    """Four significant digits; a dash where there is no value."""
    if value is None or not math.isfinite(value):
        return "–"
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}" if abs(value) >= 1 else f"{value:.4f}"


def picture_html(figure: Any, alt: str) -> str:
    """A matplotlib figure as an ``<img>`` that holds its own PNG."""
    data = base64.b64encode(theme.png(figure)).decode()
    width, _ = theme.shown_size(figure)
    return (
        f'<img alt="{escape(alt)}" width="{width}" style="max-width:100%;height:auto;border-radius:6px" '
        f'src="data:image/png;base64,{data}">'
    )


def plotly_html(figures: dict[str, Any]) -> str:
    """Interactive figures that work without a network: plotly's own script comes with the first."""
    pages = (
        figure.to_html(full_html=False, include_plotlyjs=position == 0)
        for position, figure in enumerate(figures.values())
    )
    return "".join(f'<div style="margin:10px 0">{page}</div>' for page in pages)


def _tables(result: EvaluationResult) -> str:
    tables = [table(["metric", ""], [(label_of(name), value) for name, value in result.metrics.items()])]
    classes = result.per_class()
    if len(classes):
        heading = ""
        if len(classes) > _MAX_CLASSES:
            heading = (
                f'<div style="{_QUIET}">The {_MAX_CLASSES} of {len(classes)} classes with the lowest F1</div>'
            )
            classes = classes.sort_values("f1").head(_MAX_CLASSES)
        rows = [
            (str(name), *values)
            for name, values in zip(classes.index, classes.to_numpy().tolist(), strict=True)
        ]
        tables.append(heading + table(["class", *map(label_of, classes.columns)], rows))
    return "".join(f"<div>{part}</div>" for part in tables)


def _figures(result: EvaluationResult) -> str:
    mistakes = "worst" in result.figure_names and not _has_pictures(result)
    names = [name for name in result.figure_names if not (name == "worst" and mistakes)]
    if result.backend == "plotly":
        figures = plotly_html({name: result.figure(name) for name in names})
    else:
        images = "".join(picture_html(result.figure(name), name.replace("_", " ")) for name in names)
        figures = f'<div style="{_FLOW};gap:12px;margin-top:10px">{images}</div>'
    return figures + (_mistakes(result) if mistakes else "")


def _has_pictures(result: EvaluationResult) -> bool:
    example = result.worst(1)[0].input
    return isinstance(example, Image.Image) or (isinstance(example, np.ndarray) and example.ndim in (2, 3))


def _mistakes(result: EvaluationResult) -> str:
    """Sentences and rows as text that can be selected and read by the browser's own fonts."""
    rows = [
        (theme.shorten(describe_item(mistake.input), 300), mistake.prediction, mistake.truth, mistake.error)
        for mistake in result.worst()
    ]
    title = "Worst mistakes" if result.signature.class_names else "Largest errors"
    body = table(["input", "prediction", "truth", "error"], rows)
    return f'<p style="margin:12px 0 2px"><b>{title}</b></p>{body}'


def _cell(value: Any) -> str:
    if isinstance(value, float):
        shown = f"{value:,.0f}" if value.is_integer() and abs(value) > 1 else number(value)
        return f'<td style="{_NUMBER}">{shown}</td>'
    return f'<td style="{_CELL}">{escape(str(value))}</td>'
