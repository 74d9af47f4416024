"""The items that went worst, as a gallery."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lepton_nb.batch import picked
from lepton_nb.plots.charts import Exhibit, Gallery
from lepton_nb.plots.gallery import exhibit

if TYPE_CHECKING:
    from lepton_nb.evaluation.result import EvaluationResult, Mistake

_OVER_A_PICTURE = "Orange: what was predicted. Light blue, dashed: what is true."


def worst_items(result: EvaluationResult) -> Gallery:
    """Each of the worst as a person sees it, with what the task draws over a picture."""
    items = tuple(_shown(result, mistake) for mistake in result.worst())
    gallery = Gallery(name="worst", title=result.task.worst_title, items=items)
    return replace(gallery, note=_OVER_A_PICTURE) if gallery.annotated else gallery


def _shown(result: EvaluationResult, mistake: Mistake) -> Exhibit:
    place = mistake.index
    plain = exhibit(mistake.input, mistake.prediction, _truth(mistake), index=place, error=mistake.error)
    pred, target = picked(result.preds, place), picked(result.target, place)
    return result.task.illustrate(plain, mistake.input, pred, target, result.signature)


def _truth(mistake: Mistake) -> str:
    """What is true, and where it stands: there a wrong label is put right."""
    if mistake.file is not None:
        return f"{mistake.truth} · {Path(mistake.file).name}"
    return mistake.truth if mistake.row is None else f"{mistake.truth} · row {mistake.row:,}"
