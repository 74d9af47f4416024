"""Curves of bounded length, the words of numbers, and the summary of an ended run."""

from __future__ import annotations

import math
from typing import Any

import pytest

from lepton_nb.widgets.answers import AnswerView
from lepton_nb.widgets.curves import Curves, Patch
from lepton_nb.widgets.service_view import last_figures


def apply(view: dict[str, dict[str, list[float]]], patch: Patch) -> None:
    """What the panel's JavaScript does with a patch."""
    for name, new in patch.items():
        old = view.setdefault(name, {"x": [], "y": []})
        view[name] = {axis: old[axis][: new["from"]] + new[axis] for axis in ("x", "y")}


@pytest.mark.parametrize("every", [1, 7, 5000])
def test_patches_build_up_the_same_curve_as_the_whole(every: int) -> None:
    curves, view = Curves(), {}
    for step in range(5000):
        curves.add([(step, 0, {"loss": math.sin(step / 100)})])
        if step % every == 0:
            apply(view, curves.patch())
    apply(view, curves.patch())
    assert view == curves.to_dict()
    assert curves.patch() == {}


def test_a_long_curve_keeps_its_shape_in_few_points() -> None:
    curves = Curves()
    curves.add((step, 0, {"loss": step / 100_000}) for step in range(100_000))
    points = curves.to_dict()["loss"]
    assert 400 <= len(points["x"]) <= 800
    assert points["x"] == sorted(points["x"])
    assert points["x"][-1] > 99_000
    for x, y in zip(points["x"], points["y"], strict=True):
        assert y == pytest.approx(x / 100_000)


def test_a_patch_is_small_whatever_the_length() -> None:
    curves = Curves()
    curves.add((step, 0, {"loss": 1.0}) for step in range(500))
    curves.patch()
    curves.add([(500, 0, {"loss": 2.0})])
    assert curves.patch() == {"loss": {"from": 500, "x": [500], "y": [2.0]}}


def test_only_what_is_drawn_is_kept_and_only_finite_values() -> None:
    curves = Curves()
    curves.add([(1, 0, {"loss": 1.0, "lr": 0.1, "val_loss": math.nan, "val_f1": 0.5, "epoch_seconds": 3.0})])
    assert set(curves.to_dict()) == {"loss", "val_f1"}


@pytest.mark.parametrize(
    ("answers", "text"),
    [
        ([{"label": "cat", "score": 0.9, "scores": {"dog": 0.1, "cat": 0.9}}], "cat 90.0 % · dog 10.0 %"),
        ([{"price": 12.5}], "price: 12.50"),
        ([{"value": i} for i in range(22)], "… and 2 more"),
    ],
)
def test_answers_read_well(answers: list[dict[str, Any]], text: str) -> None:
    assert text in repr(AnswerView(answers))


def test_answers_escape_what_comes_from_a_model() -> None:
    assert "<script>" not in AnswerView([{"label": "<script>", "scores": {"<script>": 1.0}}])._repr_html_()


@pytest.mark.parametrize(
    ("seen", "text"),
    [
        ({}, "It answered no requests."),
        (
            {"requests": 1, "errors": 0, "latency_ms": {"p50": 1.76}},
            "It answered 1 request, in 1.8 ms at the median.",
        ),
        (
            {"requests": 1200, "errors": 3, "latency_ms": {"p50": None}},
            "It answered 1,200 requests, 3 with an error.",
        ),
    ],
)
def test_the_last_figures_of_a_service(seen: dict[str, Any], text: str) -> None:
    assert last_figures(seen) == text
