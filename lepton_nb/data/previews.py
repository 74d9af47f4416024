"""A few items of the training split, to look at: a grid of pictures, sentences, rows."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from lepton_nb.show.html import table
from lepton_nb.show.words import columns

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROWS, COLUMNS = 10, 10  # classes and pictures of each
CELL, GAP = 56, 4  # pixels of a picture in the grid, and between two
DPI = 100
INK = "#808080"  # readable on a white and on a dark page
TEXT_LENGTH = 160  # characters of a sentence that are shown


def _held(labels: np.ndarray, label: int) -> np.ndarray:
    """Which items have a label; of a single one, which do not come first."""
    held: np.ndarray = labels[:, 0] == label if labels.shape[1] == 1 else labels[:, label] == 1
    return held


@dataclass
class PicturePreview:
    """Pictures of the training split, one line a class; drawn when it is looked at.

    Attributes:
        rows: For each shown class, which pictures.
        class_names: The shown classes.
        raw: Gives a picture.
        title: What is not shown.
    """

    rows: list[list[int]]
    class_names: list[str]
    raw: Callable[[int], Image.Image]
    title: str = ""

    @classmethod
    def draw(
        cls,
        rows: np.ndarray,
        labels: np.ndarray,
        class_names: Sequence[str],
        raw: Callable[[int], Image.Image],
    ) -> PicturePreview:
        """Choose `COLUMNS` pictures, spread over the split, of each of the first `ROWS` classes or labels.

        Args:
            labels: Class indices ``(N,)``, or of labels 0 and 1 ``(N, L)``.
        """
        shown: list[list[int]] = []
        names = []
        for label, name in enumerate(class_names):
            members = rows[labels[rows] == label] if labels.ndim == 1 else rows[_held(labels[rows], label)]
            if len(members) and len(shown) < ROWS:
                spread = np.linspace(0, len(members) - 1, min(COLUMNS, len(members))).round().astype(int)
                shown.append([int(i) for i in members[spread]])
                names.append(name)
        title = "" if len(class_names) <= ROWS else f"{ROWS} of {len(class_names)} classes"
        return cls(shown, names, raw, title)

    def text(self) -> str:
        return ""

    def html(self) -> str:
        png = base64.b64encode(self.png).decode()
        alt = f"Sample pictures of {', '.join(self.class_names)}"
        caption = f"<p>{escape(self.title)}</p>" if self.title else ""
        return f'{caption}<img alt="{escape(alt)}" src="data:image/png;base64,{png}">'

    @cached_property
    def png(self) -> bytes:
        stream = io.BytesIO()
        self.figure().savefig(stream, format="png", dpi=DPI, transparent=True)
        return stream.getvalue()

    def figure(self) -> Figure:
        from matplotlib.figure import Figure

        step = CELL + GAP
        columns = max(len(line) for line in self.rows)
        canvas = np.zeros((len(self.rows) * step - GAP, columns * step - GAP, 4), dtype=np.uint8)
        for y, line in enumerate(self.rows):
            for x, i in enumerate(line):
                _paste(canvas, _thumbnail(self.raw(i)), y * step, x * step)
        margin = 16 + 7 * max(len(_clip(name)) for name in self.class_names)
        height, width = canvas.shape[0], canvas.shape[1] + margin
        figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI)
        axes = figure.add_axes((margin / width, 0, canvas.shape[1] / width, 1))
        axes.imshow(canvas, interpolation="nearest", aspect="auto")
        axes.axis("off")
        for y, name in enumerate(self.class_names):
            middle = 1 - (y * step + CELL / 2) / height
            figure.text(
                (margin - 10) / width, middle, _clip(name), color=INK, size=9, ha="right", va="center"
            )
        return figure


@dataclass
class RowsPreview:
    """Table rows or sentences as lines of text.

    Attributes:
        columns: Their headings.
        rows: Their cells.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]

    def text(self) -> str:
        return "\n".join(f"  {line}" for line in columns([list(map(str, self.columns)), *self._cells()]))

    def html(self) -> str:
        return table(self.columns, self._cells())

    def _cells(self) -> list[list[str]]:
        return [[_cell(value) for value in row] for row in self.rows]

    def figure(self) -> None:
        return None


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return "–"
    text = f"{value:.6g}" if isinstance(value, float) else " ".join(str(value).split())
    return text if len(text) <= TEXT_LENGTH else text[: TEXT_LENGTH - 1] + "…"


def _clip(name: str) -> str:
    return name if len(name) <= 24 else name[:23] + "…"


def _thumbnail(picture: Image.Image) -> np.ndarray:
    """The picture in RGBA within `CELL` × `CELL` pixels, its shape kept; small ones show their pixels."""
    if picture.mode[0] in "IF":  # 16 bits or floats
        from lepton_nb.plots.gallery import stretched

        picture = Image.fromarray(stretched(np.asarray(picture), picture.info.get("range")))
    scale = min(CELL / picture.width, CELL / picture.height)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    how = Image.Resampling.NEAREST if scale >= 1 else Image.Resampling.BILINEAR
    return np.asarray(picture.convert("RGBA").resize(size, how))


def _paste(canvas: np.ndarray, thumbnail: np.ndarray, top: int, left: int) -> None:
    height, width = thumbnail.shape[:2]
    top += (CELL - height) // 2
    left += (CELL - width) // 2
    canvas[top : top + height, left : left + width] = thumbnail
