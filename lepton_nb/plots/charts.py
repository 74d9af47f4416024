"""Charts as data: what a task says once, and matplotlib, plotly and the lab each draw.

Numbers are plain numbers, None where one is not known; nothing here loads torch, matplotlib or plotly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

Numbers: TypeAlias = Sequence[float | None]
Cell: TypeAlias = str | float | int | None


@dataclass(frozen=True, kw_only=True)
class Chart:
    """Something to look at.

    Attributes:
        name: How it is asked for, and the name of its file.
        title: What stands above it.
        note: What a reader must know, beneath; may be several lines.
    """

    kind: ClassVar[str]
    name: str
    title: str
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A vertical line at a place that matters."""

    x: float
    label: str = ""


@dataclass(frozen=True, kw_only=True)
class Line:
    """Points that belong together, in the order in which a line joins them.

    Attributes:
        value: A number told beside the name, such as the area under a curve.
        low: With `high` the band around the line, such as a confidence interval.
        colour: Which of the palette's colours; None goes through them in turn.
        faint: Grey, behind the others, and in no legend.
        listed: Whether the legend names it; not where another line of its colour does.
    """

    name: str
    x: Numbers
    y: Numbers
    value: float | None = None
    low: Numbers | None = None
    high: Numbers | None = None
    colour: int | None = None
    dashed: bool = False
    faint: bool = False
    listed: bool = True


@dataclass(frozen=True, kw_only=True)
class Lines(Chart):
    """Lines over one axis.

    Attributes:
        x: Title of the axis.
        y: Title of the axis.
        x_names: What stands at 0, 1, 2 … of the axis in place of numbers; numbers where empty.
        unit: Whether both axes go from 0 to 1, at one scale.
        diagonal: Whether the line of equal x and y is drawn, dotted.
        legend: What stands above the names.
    """

    kind: ClassVar[str] = "lines"
    lines: tuple[Line, ...]
    x: str = ""
    y: str = ""
    x_names: tuple[str, ...] = ()
    x_log: bool = False
    y_log: bool = False
    unit: bool = False
    diagonal: bool = False
    legend: str = ""
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Panels(Chart):
    """Several line charts side by side, with one legend."""

    kind: ClassVar[str] = "panels"
    panels: tuple[Lines, ...]


@dataclass(frozen=True, kw_only=True)
class Matrix(Chart):
    """Numbers by row and column; where rows and columns have the same names, what is right is the diagonal.

    Attributes:
        values: Rows of numbers: counts, which are shaded by their share of the row, or shares from 0 to 1.
        counts: Which of the two.
        totals: Of whole rows, where columns are left out; their sums where empty.
        x: Title of the columns.
        y: Title of the rows.
    """

    kind: ClassVar[str] = "matrix"
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: Sequence[Sequence[float]]
    counts: bool = True
    totals: Sequence[float] = ()
    x: str = ""
    y: str = ""


@dataclass(frozen=True, kw_only=True)
class Bars(Chart):
    """One bar a place.

    Attributes:
        at: Names, or places on the axis.
        heights: How high each bar is; None for no bar.
        label: What the bars are, where a legend is needed to tell.
        width: Of a bar on an axis of numbers; None as wide as there is room.
        levels: Where each bar was to reach, a tick across it; none where empty.
        level_label: What the ticks are.
        behind: How much stands behind each bar, drawn small beneath; nothing where empty.
        behind_label: What that is.
        unit: Whether both axes go from 0 to 1.
        diagonal: Whether the line of equal x and y is drawn, dotted.
    """

    kind: ClassVar[str] = "bars"
    at: Sequence[str] | Sequence[float]
    heights: Numbers
    label: str = ""
    width: float | None = None
    levels: Numbers = ()
    level_label: str = ""
    behind: Numbers = ()
    behind_label: str = ""
    x: str = ""
    y: str = ""
    unit: bool = False
    diagonal: bool = False
    marks: tuple[Mark, ...] = ()

    @property
    def named(self) -> bool:
        """Whether the bars have names, and no places on an axis of numbers."""
        return any(isinstance(place, str) for place in self.at)


@dataclass(frozen=True, kw_only=True)
class Scatter(Chart):
    """One point an item.

    Attributes:
        across: The x of each point.
        up: The y of each point.
        identity: Whether x and y are of one unit: one scale, and the line of equal x and y.
    """

    kind: ClassVar[str] = "scatter"
    across: Numbers
    up: Numbers
    x: str = ""
    y: str = ""
    identity: bool = False


@dataclass(frozen=True, kw_only=True)
class Table(Chart):
    """Rows of names and numbers."""

    kind: ClassVar[str] = "table"
    columns: tuple[str, ...]
    rows: Sequence[Sequence[Cell]]


@dataclass(frozen=True, kw_only=True)
class Box:
    """A box over a picture, in shares of its width and height from the top left."""

    x1: float
    y1: float
    x2: float
    y2: float
    label: str = ""
    score: float | None = None
    true: bool = False


@dataclass(frozen=True, kw_only=True)
class Mask:
    """A part of a picture.

    Attributes:
        shape: A PNG in a data URL, opaque where the mask is; as large as the picture or smaller.
    """

    shape: str
    label: str = ""
    true: bool = False


@dataclass(frozen=True, kw_only=True)
class Exhibit:
    """One real item with what was said of it.

    Attributes:
        caption: What was predicted.
        truth: What is true; empty for nothing to tell.
        picture: A small picture in a data URL; empty where the item is none.
        text: The item in words, where it is no picture.
        index: Its position among the items.
        error: How wrong the prediction is.
    """

    caption: str
    truth: str = ""
    picture: str = ""
    text: str = ""
    index: int | None = None
    error: float | None = None
    boxes: tuple[Box, ...] = ()
    masks: tuple[Mask, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Gallery(Chart):
    """Real items beside each other."""

    kind: ClassVar[str] = "gallery"
    items: tuple[Exhibit, ...]

    @property
    def pictured(self) -> bool:
        """Whether every item is a picture, so that they stand in a grid and not in a list."""
        return all(item.picture for item in self.items)

    @property
    def annotated(self) -> bool:
        """Whether anything is drawn over a picture, which then has to be larger."""
        return any(item.boxes or item.masks for item in self.items)
