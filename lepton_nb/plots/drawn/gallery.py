"""A gallery by matplotlib: pictures with boxes and masks as a grid, sentences and rows as a list."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from lepton_nb.plots import theme
from lepton_nb.plots.charts import Box, Exhibit, Gallery, Mask
from lepton_nb.plots.gallery import opened
from lepton_nb.show.words import shorten

_COLUMNS, _TILE = 6, 1.55  # inches
_ANNOTATED_COLUMNS, _ANNOTATED_TILE = 4, 2.3
_TEXT_WIDTH, _TEXT_LINES = 128, 3  # letters of a whole line
_LETTERS, _MOST_LETTERS = 20, 52  # of captions beside texts: answers that are sentences need more
_LETTER = 0.0105  # share of the width that a bold one may take


def draw_gallery(chart: Gallery) -> Figure:
    """A grid where every item is a picture, else a list."""
    return _grid(chart) if chart.items and chart.pictured else _list(chart)


def _grid(chart: Gallery) -> Figure:
    most, tile = (_ANNOTATED_COLUMNS, _ANNOTATED_TILE) if chart.annotated else (_COLUMNS, _TILE)
    columns = min(most, len(chart.items))
    rows = -(-len(chart.items) // columns)
    figure = theme.new_figure(max(tile * columns, 3.2), (tile * _tallest(chart) + 0.45) * rows + 0.4)
    figure.suptitle(chart.title, x=0.01, ha="left", fontsize=11, fontweight="bold", color=theme.INK)
    grid: list[Axes] = list(np.atleast_1d(figure.subplots(rows, columns)).ravel())
    for axes in grid:
        axes.axis("off")
    for axes, item in zip(grid, chart.items, strict=False):
        _picture_on(axes, item)
        _captions_on(axes, item, tile)
    return figure


def _tallest(chart: Gallery) -> float:
    """Height over width of the tallest picture, 1 at most: wide ones leave no room between rows."""
    sizes = (opened(item.picture).size for item in chart.items)
    return max(min(1.0, height / width) for width, height in sizes)


def _picture_on(axes: Axes, item: Exhibit) -> None:
    pixels = np.asarray(opened(item.picture))
    height, width = pixels.shape[:2]
    smooth = "nearest" if max(height, width) < 64 else "antialiased"
    extent = (0, width, height, 0)
    axes.imshow(pixels, cmap="gray", vmin=0, vmax=255, interpolation=smooth, extent=extent)
    for mask in item.masks:
        axes.imshow(_tinted(mask), interpolation="nearest", extent=extent)
    for box in sorted(item.boxes, key=lambda box: not box.true):  # what was found on top
        _box_on(axes, box, width, height)


def _tinted(mask: Mask) -> np.ndarray:
    """RGBA ``(H, W, 4)``: its colour where the mask is."""
    opacity = np.asarray(opened(mask.shape).getchannel("A")) / 255
    return np.dstack([*(np.full_like(opacity, part) for part in to_rgb(_colour(mask))), 0.45 * opacity])


def _box_on(axes: Axes, box: Box, width: int, height: int) -> None:
    left, top = box.x1 * width, box.y1 * height
    style: Any = {"edgecolor": _colour(box), "linewidth": 1.6, "linestyle": (0, (3, 2)) if box.true else "-"}
    size = (box.x2 - box.x1) * width, (box.y2 - box.y1) * height
    axes.add_patch(Rectangle((left, top), *size, fill=False, **style))
    told = " ".join([shorten(box.label, 14), "" if box.score is None else f"{box.score:.0%}"]).strip()
    if told and not box.true:
        tag: Any = {"facecolor": theme.ORANGE, "edgecolor": "none", "pad": 0.8}
        axes.text(left, top, told, va="bottom", fontsize=6, color="white", bbox=tag, clip_on=True)


def _colour(drawn: Box | Mask) -> str:
    return theme.TRUE if drawn.true else theme.ORANGE


def _captions_on(axes: Axes, item: Exhibit, tile: float) -> None:
    options: Any = {"transform": axes.transAxes, "ha": "center", "va": "top", "fontsize": 8}
    letters, line = int(13 * tile), 0.23 / tile
    caption = shorten(item.caption, letters)
    axes.text(0.5, -0.04, caption, color=theme.ORANGE, fontweight="bold", **options)
    if item.truth:
        truth = shorten(f"true: {item.truth}", letters)
        axes.text(0.5, -0.04 - line * bool(caption), truth, color=theme.SOFT, **options)


def _list(chart: Gallery) -> Figure:
    told = [(item.caption, f"true: {item.truth}" if item.truth else "") for item in chart.items]
    letters = min(_MOST_LETTERS, max([_LETTERS, *(len(text) for pair in told for text in pair)]))
    beside = 0.015 + _LETTER * letters
    wrapped = [_wrap(item.text, int(_TEXT_WIDTH * (0.985 - beside))) for item in chart.items]
    heights = [0.20 + 0.18 * len(lines) for lines in wrapped]
    total = 0.50 + sum(heights)
    figure = theme.new_figure(9.2, total)
    figure.set_layout_engine("none")
    bold: Any = {"va": "center", "fontweight": "bold"}
    figure.text(0.015, 1 - 0.2 / total, chart.title, fontsize=11, color=theme.INK, **bold)
    top = 0.5
    for (caption, truth), lines, height in zip(told, wrapped, heights, strict=True):
        y = [1 - (top + inches) / total for inches in (0, 0.09, 0.17, 0.36)]
        figure.add_artist(Line2D([0.015, 0.985], [y[0], y[0]], color=theme.LINE, linewidth=0.8))
        figure.text(beside, y[1], "\n".join(lines), va="top", fontsize=9, color=theme.INK, linespacing=1.35)
        figure.text(0.015, y[2], shorten(caption, letters), fontsize=9, color=theme.ORANGE, **bold)
        short = shorten(truth, letters)
        figure.text(0.015, y[3], short, va="center", fontsize=8.5, color=theme.SOFT)
        top += height
    return figure


def _wrap(text: str, width: int) -> list[str]:
    """`text` on two to `_TEXT_LINES` lines: two, because the captions beside it take two."""
    lines = textwrap.wrap(text, width) or ["(empty)"]
    if len(lines) > _TEXT_LINES:
        lines = [*lines[: _TEXT_LINES - 1], lines[_TEXT_LINES - 1] + " …"]
    return lines + [""] * (2 - len(lines))
