"""One look for every figure: colours that the colour-blind can tell apart, on a card of its own.

The card is opaque and near-white, so that a figure reads the same in a light notebook, a dark one, and on
paper; nothing in it depends on what lies behind.
"""

from __future__ import annotations

import io
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.text import Text

from lepton_nb.errors import ArgumentError

if TYPE_CHECKING:
    from plotly.graph_objects import Figure as PlotlyFigure

Backend = Literal["matplotlib", "plotly"]

CARD = "#fbfbfa"
INK = "#24292f"
SOFT = "#626a73"
LINE = "#dcdfe3"
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#7f3c8d", "#5f6b76")
"""Okabe and Ito's colours, darkest first, without their yellow, which no one sees on white."""
BLUE, ORANGE = PALETTE[0], PALETTE[1]
TRUE = PALETTE[4]
"""What is true, over a picture: beside orange for what was predicted."""
NAME = 18  # letters of a class on an axis

RIGHT_MAP = LinearSegmentedColormap.from_list("right", [CARD, "#cfe3f1", "#7db3d8", BLUE, "#00436b"])
WRONG_MAP = LinearSegmentedColormap.from_list("wrong", [CARD, "#fbe3d2", "#f2ae80", ORANGE, "#8a3c00"])

_MARGIN = 0.14  # inches
_DPI = 144
_SHOWN_AT = 2 / 3  # 144 dots an inch in the file, 96 on the screen: sharp where the screen has more
_FALLBACK_FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Noto Sans SC",
    "Source Han Sans SC",
    "PingFang SC",
    "Hiragino Sans",
    "Microsoft YaHei",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "Droid Sans Fallback",
    "Arial Unicode MS",
)


class Picture(Figure):
    """A matplotlib figure that a notebook shows by itself, whether or not pyplot was ever imported."""

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        return png(self), dict(zip(("width", "height"), shown_size(self), strict=True))


def new_figure(width: float, height: float) -> Picture:
    """An empty card of that many inches."""
    margins = ConstrainedLayoutEngine(w_pad=_MARGIN, h_pad=_MARGIN, wspace=0.04, hspace=0.02)
    return Picture(figsize=(width, height), dpi=_DPI, layout=margins, facecolor=CARD)


def style(axes: Axes, *, title: str = "", x: str = "", y: str = "", grid: bool = True) -> None:
    """Title at the left, quiet labels, a grid behind the data, and no box around it."""
    axes.set_facecolor(CARD)
    axes.set_title(title, loc="left", fontsize=11, fontweight="bold", color=INK, pad=9)
    axes.set_xlabel(x, fontsize=9.5, color=SOFT)
    axes.set_ylabel(y, fontsize=9.5, color=SOFT)
    axes.tick_params(colors=SOFT, labelsize=8.5, length=0)
    for name, spine in axes.spines.items():
        spine.set_visible(name == "bottom" and grid)
        spine.set_color(LINE)
    axes.set_axisbelow(True)
    if grid:
        axes.grid(True, color=LINE, linewidth=0.7)


def legend(axes: Axes, **options: Any) -> None:
    """The legend of `axes` without a box."""
    axes.legend(frameon=False, fontsize=8.5, labelcolor=INK, **options)


def label(text: str) -> str:
    """`text` for a legend, from which matplotlib drops what starts with an underscore."""
    return f"\u200b{text}" if text.startswith("_") else text


def finish(figure: Figure) -> Figure:
    """Show every text as it is written: dollars are no formula, letters may come from a fallback font."""
    families = _font_families()
    for text in figure.findobj(Text):
        text.set_fontfamily(families)
        text.set_parse_math(False)
    return figure


def png(figure: Figure) -> bytes:
    """The figure as a PNG file."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=_DPI)
    return stream.getvalue()


def shown_size(figure: Figure) -> tuple[int, int]:
    """Width and height in CSS pixels that show the PNG of a figure at its natural size."""
    width, height = figure.get_size_inches() * _DPI * _SHOWN_AT
    return round(float(width)), round(float(height))


def plotly_figure(width: float, height: float, *, title: str = "", x: str = "", y: str = "") -> PlotlyFigure:
    """An empty interactive card of the same look.

    Raises:
        ArgumentError: If plotly is not installed.
    """
    import_plotly()
    from plotly import graph_objects as go

    figure = go.Figure()
    axis = {"gridcolor": LINE, "zerolinecolor": LINE, "linecolor": LINE, "tickfont": {"color": SOFT}}
    figure.update_layout(
        template="none",
        title={"text": title, "x": 0.02, "font": {"size": 15}},
        paper_bgcolor=CARD,
        plot_bgcolor=CARD,
        font={"color": INK, "size": 12},
        colorway=list(PALETTE),
        width=round(width * 96),
        height=round(height * 96),
        margin={"l": 70, "r": 30, "t": 56, "b": 56},
        xaxis={**axis, "title": x},
        yaxis={**axis, "title": y},
        hoverlabel={"bgcolor": "white", "font": {"color": INK}},
    )
    return figure


def import_plotly() -> None:
    """Check that plotly is there.

    Raises:
        ArgumentError: If it is not, with the line that installs it.
    """
    try:
        import plotly.graph_objects  # noqa: F401
    except ImportError as error:
        message = "Interactive figures need plotly, which is not installed."
        raise ArgumentError(message, "pip install 'lepton-nb[plotly]'") from error


def check_backend(backend: str) -> None:
    """Refuse a backend that is neither of the two.

    Raises:
        ArgumentError: If it is unknown, or plotly is asked for and not installed.
    """
    if backend not in ("matplotlib", "plotly"):
        raise ArgumentError(f"The backend is {backend!r}, expected 'matplotlib' or 'plotly'.")
    if backend == "plotly":
        import_plotly()


def colour(place: int) -> str:
    """One of the palette; after the last it begins again."""
    return PALETTE[place % len(PALETTE)]


def see_through(colour: str) -> str:
    """A colour as plotly fills a band with it."""
    red, green, blue = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    return f"rgba({red},{green},{blue},.18)"


def ends_of(across: np.ndarray, up: np.ndarray) -> tuple[float, float]:
    """Where axes of one unit begin and end, with a little room around the points."""
    both = np.concatenate([across, up])
    low, high = (float(np.nanmin(both)), float(np.nanmax(both))) if len(both) else (0.0, 1.0)
    margin = 0.04 * (high - low or 1.0)
    return low - margin, high + margin


@cache
def _font_families() -> list[str]:
    installed = set(font_manager.fontManager.get_font_names())
    return ["DejaVu Sans", *(name for name in _FALLBACK_FONTS if name in installed)]


def colour_scale(colours: LinearSegmentedColormap) -> list[tuple[float, str]]:
    """A matplotlib colour map as plotly writes one."""
    from matplotlib.colors import to_hex

    stops = [i / 8 for i in range(9)]
    return [(stop, to_hex(colours(stop))) for stop in stops]
