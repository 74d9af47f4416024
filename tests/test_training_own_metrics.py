"""Metrics of the user's own: measured, recorded, shown, and what the best epoch is picked by."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torchmetrics
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import lepton_nb
from lepton_nb.errors import ArgumentError, TrainingError
from tests.training_helpers import TinyNet, blobs


def best_epoch(run: Any) -> int:
    return next(checkpoint.epoch for checkpoint in run.checkpoints() if checkpoint.best)


def top2(outputs: Tensor, target: Tensor) -> Tensor:
    return (outputs.topk(2).indices == target[:, None]).any(1).float().mean()


def spread(outputs: Tensor, target: Tensor) -> dict[str, float]:
    return {"low": outputs.min().item(), "high": outputs.max().item()}


class F1(lepton_nb.Callback):
    """Puts a metric of its own beside the loop's."""

    def on_validation_end(self, state: Any) -> None:
        state.metrics["val_f1"] = [0.3, 0.9, 0.5, 0.4][state.epoch]


class Norms(lepton_nb.Callback):
    def on_step_end(self, state: Any) -> None:
        state.metrics["weight_norm"] = next(state.model.parameters()).norm()


def test_functions_and_objects_of_torchmetrics_are_in_the_history() -> None:
    f1 = torchmetrics.F1Score(task="multiclass", num_classes=3, average="macro")
    both = torchmetrics.MetricCollection({"recall": torchmetrics.Recall(task="multiclass", num_classes=3)})
    metrics = {"top2": top2, "f1": f1, "both": both, "spread": spread}
    run = lepton_nb.train(TinyNet(), blobs(), metrics=metrics, epochs=2)
    history = run.history()
    assert {"val_top2", "val_f1", "val_recall", "val_low", "val_high", "val_accuracy"} <= set(history)
    assert f1._update_count == 0, "the user's own object stays as it is"
    net = run.live["model"]
    val = blobs().val
    assert val is not None
    (x, y), *_ = list(val.loader(batch_size=1000).batches(0))
    with torch.no_grad():
        assert f1(net(x), y).item() == pytest.approx(history["val_f1"][1][best_epoch(run)])


@pytest.mark.parametrize(
    ("asked", "name", "mode"), [("top2", "val_top2", "max"), ("val_top2:min", "val_top2", "min")]
)
def test_a_metric_of_ones_own_picks_the_best_epoch(asked: str, name: str, mode: str) -> None:
    run = lepton_nb.train(TinyNet(), blobs(), metrics=[top2], monitor=asked, epochs=2)
    assert (run.monitor, run.mode) == (name, mode)
    assert run.best_value == {"min": min, "max": max}[mode](run.history()[name][1])


def test_beside_a_loss_of_ones_own_the_metric_is_what_counts() -> None:
    error = torchmetrics.MeanSquaredError()
    batches: Any = DataLoader(TensorDataset(torch.randn(32, 6), torch.randn(32, 1)), batch_size=8)
    options: dict[str, Any] = {"train": batches, "val": batches, "loss": nn.L1Loss(), "epochs": 1}
    run = lepton_nb.train(nn.Linear(6, 1), metrics={"quality": error}, **options)
    assert (run.monitor, run.mode) == ("val_quality", "min"), "as torchmetrics says of it"
    assert lepton_nb.train(nn.Linear(6, 1), **options).monitor == "val_loss"


@pytest.mark.parametrize("asked", ["val_f1", "f1", "val_f1:max"])
def test_what_a_callback_measures_is_recorded_and_picks_the_best_epoch(asked: str) -> None:
    run = lepton_nb.train(TinyNet(), blobs(), callbacks=[F1], monitor=asked, epochs=4, patience=2)
    assert run.history()["val_f1"][1] == [0.3, 0.9, 0.5, 0.4]
    assert (run.monitor, run.best_value, best_epoch(run)) == ("val_f1", 0.9, 1)
    run = lepton_nb.train(TinyNet(), blobs(), callbacks=[F1], monitor="val_f1:min", epochs=3)
    assert best_epoch(run) == 0


def test_what_it_puts_there_at_each_step_is_recorded_too() -> None:
    run = lepton_nb.train(TinyNet(), blobs(), callbacks=[Norms], epochs=1)
    assert len(run.history()["weight_norm"][1]) == len(run.history()["loss"][1])


def test_a_search_goes_by_it() -> None:
    pytest.importorskip("optuna")
    options: dict[str, Any] = {"search": "lr=1e-3|1e-2", "trials": 1, "epochs": 2}
    study = lepton_nb.tune(TinyNet(), blobs(), callbacks=[F1], monitor="val_f1", **options)
    assert (study.monitor, study.ranked[0].value) == ("val_f1", 0.9)
    study = lepton_nb.tune(TinyNet(), blobs(), metrics=[top2], monitor="top2", name="other", **options)
    assert study.ranked[0].value is not None


def test_a_resumed_run_measures_on() -> None:
    stop = lambda state: state.control.stop() if state.epoch == 0 else None  # noqa: E731
    run = lepton_nb.train(TinyNet(), blobs(), metrics=[top2], callbacks=[stop], epochs=2)
    lepton_nb.resume(run)
    assert len(run.history()["val_top2"][1]) == 2


@pytest.mark.parametrize(
    ("metrics", "said"),
    [
        ([torchmetrics.Accuracy(task="binary")], "The metric 'BinaryAccuracy' cannot compare the output"),
        ([torchmetrics.Recall(task="multiclass", num_classes=3, average=None)], "not one number"),
        ([lambda out, y: out], "'<lambda>' gives"),
        ([lambda out: 1], "'<lambda>' fails"),
        ([3], "is a int; expected a metric of torchmetrics"),
        ([top2, top2], "Two metrics have one name"),
    ],
)
def test_what_is_no_metric_is_said_before_there_is_a_run(
    metrics: list[Any], said: str, lepton_home: Any
) -> None:
    with pytest.raises(ArgumentError, match=said):
        lepton_nb.train(TinyNet(), blobs(), metrics=metrics, epochs=1)
    assert not lepton_nb.list_runs()


def test_a_monitor_that_nobody_measures_is_named_after_the_first_epoch() -> None:
    with pytest.raises(TrainingError, match="Nothing has measured 'dice'"):
        lepton_nb.train(TinyNet(), blobs(), callbacks=[Norms], monitor="dice", epochs=2)
    with pytest.raises(ArgumentError, match="There is no metric 'dice'"):
        lepton_nb.train(TinyNet(), blobs(), monitor="dice", epochs=2)


def test_what_is_no_number_is_refused_in_the_metrics() -> None:
    def put(state: Any) -> None:
        state.metrics["text"] = "high"

    with pytest.raises(TrainingError, match=r"A callback put a str into state.metrics\['text'\]"):
        lepton_nb.train(TinyNet(), blobs(), callbacks=[put], epochs=1)
