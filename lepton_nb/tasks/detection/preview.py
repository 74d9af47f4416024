"""Boxes over pictures as people see them: a few of the training split, drawn when they are looked at."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from lepton_nb.plots.charts import Box
from lepton_nb.tasks.detection.boxes import counted
from lepton_nb.tasks.detection.split import Pool

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from lepton_nb.plots.charts import Exhibit

_SHOWN = 8


def boxes_over(
    picture: Image.Image,
    boxes: np.ndarray,
    labels: np.ndarray,
    class_names: Sequence[str],
    scores: np.ndarray | None = None,
) -> tuple[Box, ...]:
    """Boxes in shares of the picture.

    Args:
        boxes: ``(N, 4)`` in pixels of the picture.
        labels: Indices of classes, ``(N,)``.
        scores: Of boxes that a model found, ``(N,)``; None for those that are true.
    """
    shares = np.sort((boxes / ([picture.width, picture.height] * 2)).reshape(-1, 2, 2), axis=1)
    true = scores is None
    known = [None] * len(labels) if scores is None else scores.tolist()
    return tuple(
        Box(x1=left, y1=top, x2=right, y2=bottom, label=class_names[label], score=score, true=true)
        for (left, top, right, bottom), label, score in zip(
            shares.reshape(-1, 4).tolist(), labels, known, strict=True
        )
    )


@dataclass
class BoxPreview:
    """Pictures of the training split.

    Attributes:
        rows: Which of the pool's they are.
        pool: Where they come from.
        class_names: What the boxes are of.
    """

    rows: np.ndarray
    pool: Pool
    class_names: tuple[str, ...]

    def text(self) -> str:
        return ""

    def html(self) -> str:
        from lepton_nb.plots import theme

        data = base64.b64encode(theme.png(self.figure())).decode()
        alt = f"Sample pictures with boxes of {', '.join(self.class_names)}"
        return f'<img alt="{escape(alt)}" style="max-width:100%" src="data:image/png;base64,{data}">'

    def figure(self) -> Figure:
        from lepton_nb.plots.charts import Gallery
        from lepton_nb.plots.drawn import draw

        spread = np.linspace(0, len(self.rows) - 1, min(_SHOWN, len(self.rows))).round().astype(int)
        shown = [self._exhibit(int(i)) for i in self.rows[spread]]
        figure: Figure = draw(Gallery(name="boxes", title="Boxes as they were read", items=tuple(shown)))
        return figure

    def _exhibit(self, row: int) -> Exhibit:
        from lepton_nb.plots.gallery import exhibit

        boxes, labels = self.pool.objects(row)
        picture = self.pool.raw(row)
        plain = exhibit(picture, "", counted(labels, self.class_names))
        return replace(plain, boxes=boxes_over(picture, boxes, labels, self.class_names))
