"""Figures in HTML that needs nothing else: no file, no network."""

from __future__ import annotations

import base64
from html import escape
from typing import Any

from lepton_nb.plots import theme


def picture_html(figure: Any, alt: str) -> str:
    """A matplotlib figure as an ``<img>`` that holds its own PNG."""
    data = base64.b64encode(theme.png(figure)).decode()
    width, _ = theme.shown_size(figure)
    return (
        f'<img alt="{escape(alt)}" width="{width}" style="max-width:100%;height:auto;border-radius:6px" '
        f'src="data:image/png;base64,{data}">'
    )


def plotly_html(figures: dict[str, Any]) -> str:
    """Interactive figures; plotly's own script comes with the first."""
    pages = (
        figure.to_html(full_html=False, include_plotlyjs=position == 0)
        for position, figure in enumerate(figures.values())
    )
    return "".join(f'<div style="margin:10px 0">{page}</div>' for page in pages)
