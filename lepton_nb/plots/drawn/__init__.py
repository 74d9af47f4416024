"""Charts drawn: one renderer for matplotlib, one for plotly, and the data from which the lab draws its own.

They know every kind of chart, and nothing of tasks or models.
"""

from __future__ import annotations

from typing import Any

from lepton_nb.plots import theme
from lepton_nb.plots.charts import Chart
from lepton_nb.plots.theme import Backend


def draw(chart: Chart, backend: Backend = "matplotlib") -> Any:
    """The chart as a figure: matplotlib's ``Figure``, or plotly's.

    Args:
        chart: Of any kind; of one that is not known, only what it says.
        backend: ``matplotlib`` or ``plotly``.

    Raises:
        ArgumentError: If there is no such backend, or plotly is asked for and not installed.
    """
    theme.check_backend(backend)
    if backend == "plotly":
        from lepton_nb.plots.drawn.plotly import drawn as by_plotly

        return by_plotly(chart)
    from lepton_nb.plots.drawn.matplotlib import drawn

    return drawn(chart)
