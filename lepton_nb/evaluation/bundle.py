"""An evaluation as one JSON object that a notebook keeps: the lab draws it without a kernel."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from lepton_nb.plots.curves import Curve, precision_recall_curves, receiver_operating_curves
from lepton_nb.plots.gallery import as_picture, describe_item

if TYPE_CHECKING:
    from lepton_nb.evaluation.result import EvaluationResult, Mistake

MIME = "application/vnd.lepton.evaluation+json"
VERSION = 1

_MOST_CLASSES = 50  # of a confusion matrix
_MOST_CURVES = 10  # the worst of them
_CURVE_POINTS = 120
_MOST_VALUES = 1000  # points of predicted and true values
_THUMBNAIL = 96  # pixels
_LONGEST_TEXT = 300
_DIGITS = 5


def evaluation_bundle(result: EvaluationResult) -> dict[str, Any]:
    """What the renderer of `MIME` draws: JSON without NaN.

    Large things are cut down to what can be looked at: the curves of the ten worst classes, a sample of a
    thousand predicted and true values, pictures of 96 pixels.
    """
    from lepton_nb.evaluation.report import label_of

    arrays, names = result.measures.arrays, list(result.signature.class_names)
    metrics = {name: _number(value) for name, value in result.metrics.items()}
    columns = [*metrics, *result.measures.per_class]
    return {
        "version": VERSION,
        "name": result.name,
        "task": result.task.name,
        "data": result.data_name,
        "split": result.split,
        "items": result.items,
        "checkpoint": None if result.checkpoint is None else {"epoch": result.checkpoint.epoch},
        "metrics": metrics,
        "labels": {name: label_of(name) for name in dict.fromkeys(columns)},
        "class_names": names,
        "per_class": {
            name: [_number(value) for value in values] for name, values in result.measures.per_class.items()
        },
        "confusion": arrays["confusion"].tolist() if _fits(arrays, names) else None,
        "curves": _curves(arrays, names),
        "calibration": _calibration(arrays),
        "residuals": _residuals(arrays),
        "mistakes": [_mistake(mistake) for mistake in result.worst()],
        "notes": result.notes,
        "seconds": result.seconds,
        "created_at": result.created_at,
    }


def _fits(arrays: Mapping[str, np.ndarray], names: list[str]) -> bool:
    return "confusion" in arrays and len(names) <= _MOST_CLASSES


def _curves(arrays: Mapping[str, np.ndarray], names: list[str]) -> dict[str, Any] | None:
    if "probabilities" not in arrays:
        return None
    kinds = {"pr": precision_recall_curves, "roc": receiver_operating_curves}
    found = {}
    for kind, make in kinds.items():
        curves = make(arrays["probabilities"], arrays["target"], names)
        found[kind] = [_curve(curve) for curve in sorted(curves, key=lambda c: c.area)[:_MOST_CURVES]]
    return found


def _curve(curve: Curve) -> dict[str, Any]:
    count = len(curve.x)
    kept = np.unique(np.linspace(0, count - 1, min(count, _CURVE_POINTS)).round().astype(int))
    x, y = ([_number(value) for value in axis[kept].tolist()] for axis in (curve.x, curve.y))
    return {"name": curve.name, "x": x, "y": y, "area": _number(curve.area)}


def _calibration(arrays: Mapping[str, np.ndarray]) -> dict[str, Any] | None:
    if "reliability" not in arrays:
        return None
    columns = ("confidence", "accuracy", "count")
    values = arrays["reliability"].T.tolist()
    return {name: [_number(v) for v in column] for name, column in zip(columns, values, strict=True)}


def _residuals(arrays: Mapping[str, np.ndarray]) -> dict[str, Any] | None:
    """Predicted and true values, a fixed sample where there are many."""
    if "preds" not in arrays:
        return None
    preds, target = arrays["preds"].ravel(), arrays["target"].ravel()
    if len(preds) > _MOST_VALUES:
        kept = np.sort(np.random.default_rng(0).choice(len(preds), _MOST_VALUES, replace=False))
        preds, target = preds[kept], target[kept]
    return {
        "predicted": [_number(value) for value in preds.tolist()],
        "true": [_number(value) for value in target.tolist()],
    }


def _mistake(mistake: Mistake) -> dict[str, Any]:
    picture = None if mistake.input is None else as_picture(mistake.input)
    shown = "" if mistake.input is None or picture is not None else describe_item(mistake.input)
    return {
        "index": mistake.index,
        "prediction": mistake.prediction,
        "truth": mistake.truth,
        "error": _number(mistake.error),
        "text": shown[:_LONGEST_TEXT] or None,
        "image": None if picture is None else _thumbnail(picture),
    }


def _thumbnail(pixels: np.ndarray) -> str:
    """A small PNG as a data URL."""
    image = Image.fromarray(pixels)
    image.thumbnail((_THUMBNAIL, _THUMBNAIL))
    stream = io.BytesIO()
    image.save(stream, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()


def _number(value: float | None) -> float | None:
    if value is None or not math.isfinite(value):
        return None
    return float(f"{value:.{_DIGITS}g}")
