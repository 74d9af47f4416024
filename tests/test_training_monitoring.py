"""--monitor: any metric that an evaluation gives can say which epoch was best."""

from __future__ import annotations

import pytest
import torch

import lepton_nb
from lepton_nb import data
from lepton_nb.data import DataBundle
from lepton_nb.errors import ArgumentError
from tests.training_helpers import TinyNet, blobs


@pytest.mark.parametrize(
    ("asked", "name", "mode"),
    [
        ("auroc", "val_auroc_macro", "max"),
        ("f1_weighted", "val_f1_weighted", "max"),
        ("val_loss", "val_loss", "min"),
        ("log_loss", "val_log_loss", "min"),
        ("balanced_accuracy:min", "val_balanced_accuracy", "min"),
        ("accuracy", "val_accuracy", "max"),
    ],
)
def test_the_metric_asked_for_picks_the_best_epoch(asked: str, name: str, mode: str) -> None:
    run = lepton_nb.train(TinyNet(), blobs(), epochs=3, lr=0.03, monitor=asked)
    assert (run.monitor, run.mode) == (name, mode)
    values = run.history().epochs()[name]
    assert run.best_value == (values.min() if mode == "min" else values.max())


def test_it_is_what_evaluate_says_of_the_best_epoch() -> None:
    run = lepton_nb.train(TinyNet(), blobs(), epochs=2, lr=0.03, monitor="f1")
    assert lepton_nb.evaluate(run, split="val").metrics["f1_macro"] == pytest.approx(run.best_value)


def values() -> DataBundle:
    x = torch.randn(80, 4)
    return data.arrays(x, x.sum(1), name="values")


def test_an_error_of_values_is_better_when_it_is_less() -> None:
    run = lepton_nb.train("MLP", values(), epochs=2, monitor="mae")
    assert (run.monitor, run.mode) == ("val_mae", "min")


def test_a_search_goes_by_it() -> None:
    study = lepton_nb.tune(TinyNet(), blobs(), search={"lr": [1e-3]}, trials=1, epochs=1, monitor="auroc")
    assert (study.monitor, study.mode) == ("val_auroc_macro", "max")


@pytest.mark.parametrize(
    ("asked", "said", "hint"),
    [
        ("f1_makro", "There is no metric 'f1_makro' to monitor for tabular classification", "f1_macro"),
        ("rmse", "There is no metric 'rmse'", None),
        ("accuracy:best", "after the colon comes min or max", "--monitor accuracy:max"),
    ],
)
def test_an_unknown_one_is_named_before_anything_trains(asked: str, said: str, hint: str | None) -> None:
    with pytest.raises(ArgumentError, match=said) as caught:
        lepton_nb.train(TinyNet(), blobs(), epochs=1, monitor=asked)
    assert hint is None or hint in str(caught.value.hint)
    assert not lepton_nb.list_runs()
