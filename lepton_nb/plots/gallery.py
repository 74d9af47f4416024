"""Real inputs with captions: pictures as a grid, sentences and table rows as a list."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from lepton_nb.plots import theme
from lepton_nb.plots.theme import Backend

if TYPE_CHECKING:
    from plotly.graph_objects import Figure as PlotlyFigure

_COLUMNS = 6
_TEXT_WIDTH, _TEXT_LINES = 112, 3
_FIELDS = 8


def gallery(
    items: Sequence[Any],
    preds: Sequence[str],
    truths: Sequence[str],
    *,
    title: str = "Worst mistakes",
    backend: Backend = "matplotlib",
) -> Figure | PlotlyFigure:
    """Inputs as people see them, each with what was predicted and what is true.

    Args:
        items: PIL pictures, sentences, rows as dicts, or arrays; all of one kind.
        preds: A caption of each prediction.
        truths: A caption of each truth; empty for none.
        title: What the items are.
        backend: ``matplotlib`` or ``plotly``.
    """
    theme.check_backend(backend)
    pictures = [as_picture(item) for item in items]
    if pictures and all(picture is not None for picture in pictures):
        figure = _pictures([picture for picture in pictures if picture is not None], preds, truths, title)
    else:
        figure = _list([describe_item(item) for item in items], preds, truths, title)
    return _as_plotly(figure) if backend == "plotly" else figure


def describe_item(item: Any) -> str:
    """A sentence as it is, a row as ``column value``, an array by its shape and first values."""
    if isinstance(item, str):
        return item
    if isinstance(item, Mapping):
        fields = [f"{name} {_value(value)}" for name, value in list(item.items())[:_FIELDS]]
        return "  ·  ".join(fields) + ("  ·  …" if len(item) > _FIELDS else "")
    if isinstance(item, np.ndarray):
        first = ", ".join(_value(value) for value in item.ravel()[:6])
        return f"{'×'.join(map(str, item.shape))}: {first}{', …' if item.size > 6 else ''}"
    return repr(item)


def _value(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float | np.floating) else str(value)


def as_picture(item: Any) -> np.ndarray | None:
    """Pixels ``(H, W)`` or ``(H, W, C)`` to show, or None where the item is no picture."""
    if isinstance(item, Image.Image) and item.mode[0] in "IF":  # 16 bits or floats
        return stretched(np.asarray(item), item.info.get("range"))
    if isinstance(item, Image.Image):
        return np.asarray(item if item.mode in ("L", "RGB", "RGBA") else item.convert("RGB"))
    if not isinstance(item, np.ndarray) or item.ndim not in (2, 3):
        return None
    pixels = item
    if pixels.ndim == 3 and pixels.shape[0] in (1, 3):
        pixels = pixels.transpose(1, 2, 0)
    if pixels.ndim == 3 and pixels.shape[2] not in (1, 3):
        return None
    if pixels.dtype != np.uint8:  # normalised by transforms that are not known
        pixels = stretched(pixels, None)
    return pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels


def stretched(pixels: np.ndarray, value_range: tuple[float, float] | None) -> np.ndarray:
    """Values as uint8: of this range, or of what is there."""
    low, high = map(float, value_range or (np.nanmin(pixels), np.nanmax(pixels)))
    share = np.nan_to_num((pixels.astype(np.float64) - low) / ((high - low) or 1.0))
    return (255 * share.clip(0, 1)).astype(np.uint8)


def _pictures(pictures: list[np.ndarray], preds: Sequence[str], truths: Sequence[str], title: str) -> Figure:
    columns = min(_COLUMNS, len(pictures))
    rows = -(-len(pictures) // columns)
    figure = theme.new_figure(max(1.55 * columns, 3.2), 2.0 * rows + 0.4)
    figure.suptitle(title, x=0.01, ha="left", fontsize=11, fontweight="bold", color=theme.INK)
    grid: list[Axes] = list(np.atleast_1d(figure.subplots(rows, columns)).ravel())
    for axes in grid:
        axes.axis("off")
    for axes, picture, guess, truth in zip(grid, pictures, preds, truths, strict=False):
        smooth = "nearest" if max(picture.shape[:2]) < 64 else "antialiased"
        axes.imshow(picture, cmap="gray", vmin=0, vmax=255, interpolation=smooth)
        options: Any = {"transform": axes.transAxes, "ha": "center", "va": "top", "fontsize": 8}
        axes.text(0.5, -0.04, theme.shorten(guess, 20), color=theme.ORANGE, fontweight="bold", **options)
        if truth:
            axes.text(0.5, -0.19, theme.shorten(f"true: {truth}", 20), color=theme.SOFT, **options)
    return theme.finish(figure)


def _list(texts: list[str], preds: Sequence[str], truths: Sequence[str], title: str) -> Figure:
    wrapped = [_wrap(text) for text in texts]
    heights = [0.20 + 0.18 * len(lines) for lines in wrapped]
    total = 0.50 + sum(heights)
    figure = theme.new_figure(9.2, total)
    figure.set_layout_engine("none")
    figure.text(0.015, 1 - 0.2 / total, title, va="center", fontsize=11, fontweight="bold", color=theme.INK)
    top = 0.5
    for lines, height, guess, truth in zip(wrapped, heights, preds, truths, strict=True):
        line = 1 - top / total
        figure.add_artist(_rule(line))
        y = 1 - (top + 0.17) / total
        figure.text(
            0.015,
            y,
            theme.shorten(guess, 20),
            va="center",
            fontsize=9,
            fontweight="bold",
            color=theme.ORANGE,
        )
        y_truth = 1 - (top + 0.36) / total
        figure.text(
            0.015, y_truth, theme.shorten(f"true: {truth}", 20), va="center", fontsize=8.5, color=theme.SOFT
        )
        figure.text(
            0.20,
            1 - (top + 0.09) / total,
            "\n".join(lines),
            va="top",
            fontsize=9,
            color=theme.INK,
            linespacing=1.35,
        )
        top += height
    return theme.finish(figure)


def _wrap(text: str) -> list[str]:
    """`text` on two to `_TEXT_LINES` lines: two, because the captions beside it take two."""
    lines = textwrap.wrap(text, _TEXT_WIDTH) or ["(empty)"]
    if len(lines) > _TEXT_LINES:
        lines = [*lines[: _TEXT_LINES - 1], lines[_TEXT_LINES - 1] + " …"]
    return lines + [""] * (2 - len(lines))


def _rule(y: float) -> Any:
    from matplotlib.lines import Line2D

    return Line2D([0.015, 0.985], [y, y], color=theme.LINE, linewidth=0.8)


def _as_plotly(figure: Figure) -> PlotlyFigure:
    """The picture of `figure` in a plotly frame: there is nothing in a gallery to hover over but the look."""
    width, height = theme.shown_size(figure)
    plot = theme.plotly_figure(width / 96, height / 96)
    picture = Image.open(io.BytesIO(theme.png(figure)))
    plot.add_layout_image(
        source=picture, xref="paper", yref="paper", x=0, y=1, sizex=1, sizey=1, sizing="contain"
    )
    plot.update_layout(margin={"l": 0, "r": 0, "t": 0, "b": 0})
    plot.update_xaxes(visible=False)
    plot.update_yaxes(visible=False)
    return plot
