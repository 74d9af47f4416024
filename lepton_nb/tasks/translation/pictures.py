"""What of the source a model looks at while it writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from lepton_nb.plots import theme
from lepton_nb.signature import Signature
from lepton_nb.tasks.base import Backend
from lepton_nb.tasks.translation.tokens import pieces_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from plotly.graph_objects import Figure as PlotlyFigure

_TITLE = "Attention while writing"


def attention_picture(
    arrays: Mapping[str, np.ndarray], signature: Signature, backend: Backend
) -> Figure | PlotlyFigure:
    """Rows are the tokens written, columns those read; each row adds up to 1."""
    tokenizer = signature.preprocessing["tokenizer"]
    source, answer = (pieces_of(arrays[f"attention_{side}"], tokenizer) for side in ("source", "answer"))
    weights = arrays["attention"]
    theme.check_backend(backend)
    width, height = max(4.0, 2.2 + 0.34 * len(source)), 1.6 + 0.3 * len(answer)
    if backend == "plotly":
        return _plotly(weights, source, answer, (width, height))
    figure = theme.new_figure(width, height)
    axes = figure.add_subplot()
    theme.style(axes, title=_TITLE, x="read", y="written", grid=False)
    axes.imshow(weights, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axes.set_xticks(range(len(source)), source, rotation=60, ha="right")
    axes.set_yticks(range(len(answer)), answer)
    return theme.finish(figure)


def _plotly(
    weights: np.ndarray, source: Sequence[str], answer: Sequence[str], size: tuple[float, float]
) -> PlotlyFigure:
    from plotly import graph_objects as go

    figure = theme.plotly_figure(*size, title=_TITLE, x="read", y="written")
    figure.add_trace(go.Heatmap(z=weights, colorscale="Blues", zmin=0, zmax=1, showscale=False))
    figure.update_xaxes(tickvals=list(range(len(source))), ticktext=list(source))
    figure.update_yaxes(tickvals=list(range(len(answer))), ticktext=list(answer), autorange="reversed")
    return figure
