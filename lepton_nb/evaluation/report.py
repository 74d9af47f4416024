"""An evaluation as people read it: plain text for a terminal, tables and pictures for a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lepton_nb.plots.charts import Chart, Gallery, Table
from lepton_nb.plots.html import picture_html, plotly_html
from lepton_nb.show.html import Markup, bold, element, joined, quiet, table
from lepton_nb.show.numbers import number
from lepton_nb.show.words import shorten

if TYPE_CHECKING:
    from lepton_nb.evaluation.result import EvaluationResult

_MAX_CLASSES = 20
_FLOW = "display:flex;flex-wrap:wrap;align-items:flex-start"


def headline(result: EvaluationResult) -> str:
    """What was measured, on one line."""
    point = result.checkpoint
    weights = "" if point is None else f" · weights of epoch {point.epoch + 1}"
    return f"{result.name} · {result.data_name}, {result.split} split · {result.items:,} items{weights}"


def as_text(result: EvaluationResult) -> str:
    """The headline, the metrics and the notes."""
    labels = result.labels
    width = max((len(labels[name]) for name in result.metrics), default=0)
    lines = [f"  {labels[name]:<{width}}  {number(value)}" for name, value in result.metrics.items()]
    return "\n".join([headline(result), *lines, *(f"  {note}" for note in result.notes)])


def as_html(result: EvaluationResult) -> str:
    """Tables and figures in one page fragment that needs no kernel, no style sheet and no network."""
    rest = quiet(headline(result)[len(result.name) :])
    parts = [
        element("p", joined([bold(result.name), rest]), "margin:4px 0 10px"),
        element("div", Markup(_tables(result)), f"{_FLOW};gap:12px 40px"),
        *(quiet(note, "p") for note in result.notes),
        _figures(result),
    ]
    return f'<div style="max-width:100%">{"".join(parts)}</div>'


def _tables(result: EvaluationResult) -> str:
    metrics = [(result.labels[name], value) for name, value in result.metrics.items()]
    tables = [table(["metric", ""], metrics)]
    classes = class_table(result, _MAX_CLASSES)
    if classes is not None:
        note = quiet(classes.note, "div") if classes.note else ""
        tables.append(joined([note, table(classes.columns, classes.rows)]))
    return "".join(f"<div>{part}</div>" for part in tables)


def class_table(result: EvaluationResult, most: int) -> Table | None:
    """The metrics of each class; of more than `most` those where the one that counts is lowest."""
    classes, rank = result.per_class(), result.measures.ranked_by
    if classes.empty:
        return None
    note = ""
    if len(classes) > most:
        which = f"with the lowest {result.labels[rank]}" if rank else "that come first"
        note = f"The {most} of {len(classes)} classes {which}"
        classes = (classes.sort_values(rank, kind="stable") if rank else classes).head(most)
    rows = [
        (str(name), *values) for name, values in zip(classes.index, classes.to_numpy().tolist(), strict=True)
    ]
    columns = ("class", *(result.labels[name] for name in classes.columns))
    return Table(name="per_class", title="Every class", note=note, columns=columns, rows=rows)


def _figures(result: EvaluationResult) -> str:
    drawn = [chart for chart in result.charts if not _is_text(chart)]
    if result.backend == "plotly":
        figures = plotly_html({chart.name: result.figure(chart.name) for chart in drawn})
    else:
        images = "".join(picture_html(result.figure(chart.name), chart.title) for chart in drawn)
        figures = f'<div style="{_FLOW};gap:12px;margin-top:10px">{images}</div>'
    return figures + "".join(_text_html(chart) for chart in result.charts if _is_text(chart))


def _is_text(chart: Chart) -> bool:
    """Sentences, rows and tables: text that can be selected and read by the browser's own fonts."""
    return isinstance(chart, Table) or (isinstance(chart, Gallery) and not chart.pictured)


def _text_html(chart: Chart) -> str:
    body = ""
    if isinstance(chart, Table):
        body = table(chart.columns, chart.rows)
    elif isinstance(chart, Gallery):
        rows = [(shorten(item.text, 300), item.caption, item.truth, item.error) for item in chart.items]
        body = table(["input", "prediction", "truth", "error"], rows)
    note = quiet(chart.note, "p") if chart.note else ""
    return element("p", bold(chart.title), "margin:12px 0 2px") + body + note
