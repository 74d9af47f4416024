"""Metrics, losses and captions of the tasks, against scikit-learn and by hand."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
import torch
from sklearn import metrics as sk
from torch import Tensor

from lepton_nb.errors import ArgumentError
from lepton_nb.signature import Signature, TensorSpec
from lepton_nb.tasks import Measures, Task, get_task


def quick(task: Task, preds: Tensor, target: Tensor, signature: Signature) -> dict[str, float]:
    """The metrics of an epoch, from two meters that have seen a part each."""
    first, second = task.meter(signature), task.meter(signature)
    half = len(preds) // 2
    first.update(preds[:half], target[:half])
    second.update(preds[half:], target[half:])
    first.merge(second)
    return first.compute()


def classes_signature(count: int) -> Signature:
    return Signature(
        "tabular-classification",
        (TensorSpec("features", "float32", (4,)),),
        TensorSpec("logits", "float32", (count,)),
        tuple(f"c{i}" for i in range(count)),
    )


VALUES = Signature(
    "tabular-regression",
    (TensorSpec("features", "float32", (4,)),),
    TensorSpec("values", "float32", (1,)),
    target={"name": "price", "mean": 100.0, "std": 20.0},
)


def sample(count: int, items: int = 400) -> tuple[Tensor, Tensor]:
    rng = np.random.default_rng(count)
    target = rng.integers(0, count, items)
    logits = rng.normal(size=(items, count)) + 1.5 * np.eye(count)[target]
    return torch.from_numpy(logits).float(), torch.from_numpy(target)


def measure(preds: Tensor, target: Tensor, signature: Signature) -> Measures:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return get_task(signature.task).measure(preds, target, signature)


@pytest.mark.parametrize("count", [2, 3, 8])
def test_classification_metrics_agree_with_scikit_learn(count: int) -> None:
    preds, target = sample(count)
    found = measure(preds, target, classes_signature(count))
    truth, guess = target.numpy(), preds.argmax(1).numpy()
    probabilities = preds.double().softmax(1).numpy()
    expected = {
        "accuracy": sk.accuracy_score(truth, guess),
        "balanced_accuracy": sk.balanced_accuracy_score(truth, guess),
        "log_loss": sk.log_loss(truth, probabilities),
        "auroc_macro": sk.roc_auc_score(np.eye(count)[truth], probabilities, average="macro"),
    }
    for average in ("macro", "weighted"):
        values = sk.precision_recall_fscore_support(truth, guess, average=average)[:3]
        expected |= dict(zip((f"{m}_{average}" for m in ("precision", "recall", "f1")), values, strict=True))
    if count > 5:
        expected["top5_accuracy"] = sk.top_k_accuracy_score(truth, probabilities, k=5)
    assert found.scalars.keys() == {*expected, "calibration_error"}
    for name, value in expected.items():
        assert found.scalars[name] == pytest.approx(value, abs=1e-6), name
    np.testing.assert_array_equal(found.arrays["confusion"], sk.confusion_matrix(truth, guess))
    each = sk.precision_recall_fscore_support(truth, guess)
    for name, values in zip(("precision", "recall", "f1", "support"), each, strict=True):
        assert found.per_class[name] == pytest.approx(values.tolist(), abs=1e-6)
    assert found.notes == []


def test_the_calibration_error_is_the_gap_of_the_reliability_bins() -> None:
    preds, target = sample(3)
    found = measure(preds * 3, target, classes_signature(3))
    confidence, accuracy, count = found.arrays["reliability"].T
    gap = float((count / count.sum() * np.abs(confidence - accuracy)).sum())
    assert count.sum() == 400
    assert found.scalars["calibration_error"] == pytest.approx(gap, abs=1e-6)
    assert gap > 0.1


def test_classes_without_items_are_told_and_left_out() -> None:
    preds, target = sample(4)
    keep = target < 3
    found = measure(preds[keep], target[keep], classes_signature(4))
    assert found.per_class["auroc"][3] is None
    assert found.per_class["recall"][3] is None
    assert "c3" in found.notes[0]
    assert all(math.isfinite(value) for value in found.scalars.values())
    known = [value for value in found.per_class["auroc"] if value is not None]
    assert found.scalars["auroc_macro"] == pytest.approx(sum(known) / 3)


def test_one_class_alone_has_no_auroc() -> None:
    found = measure(torch.randn(5, 3), torch.zeros(5, dtype=torch.int64), classes_signature(3))
    assert "auroc_macro" not in found.scalars
    assert found.per_class["auroc"] == [None, None, None]


def test_regression_metrics_are_in_the_unit_of_the_target() -> None:
    rng = np.random.default_rng(0)
    target = rng.normal(size=(50, 1)).astype(np.float32)
    preds = target + rng.normal(scale=0.3, size=(50, 1)).astype(np.float32)
    found = measure(torch.from_numpy(preds), torch.from_numpy(target), VALUES).scalars
    truth, guess = target * 20.0 + 100.0, preds * 20.0 + 100.0
    assert found["mae"] == pytest.approx(sk.mean_absolute_error(truth, guess), rel=1e-5)
    assert found["rmse"] == pytest.approx(sk.root_mean_squared_error(truth, guess), rel=1e-5)
    assert found["r2"] == pytest.approx(sk.r2_score(truth, guess), rel=1e-5)
    assert found["median_absolute_error"] == pytest.approx(sk.median_absolute_error(truth, guess), rel=1e-5)
    assert found["mape"] == pytest.approx(sk.mean_absolute_percentage_error(truth, guess), rel=1e-5)


def test_what_a_regression_cannot_know_is_told() -> None:
    constant = torch.full((4, 1), -5.0)  # the value 0 in the unit of the target
    found = measure(torch.randn(4, 1), constant, VALUES)
    assert found.scalars.keys() == {"mae", "rmse", "median_absolute_error"}
    assert len(found.notes) == 2


def test_predictions_without_the_last_dimension_are_not_broadcast() -> None:
    target = torch.randn(6, 1)
    task = get_task("tabular-regression")
    assert quick(task, target[:, 0], target, VALUES) == {"rmse": 0.0, "mae": 0.0}
    assert measure(target[:, 0], target, VALUES).scalars["mae"] == 0.0


def test_the_quick_score_equals_the_full_measure() -> None:
    preds, target = sample(3)
    signature = classes_signature(3)
    score = quick(get_task(signature.task), preds, target, signature)
    assert score["accuracy"] == pytest.approx(measure(preds, target, signature).scalars["accuracy"])
    values, truth = torch.randn(30, 1), torch.randn(30, 1)
    score = quick(get_task("tabular-regression"), values, truth, VALUES)
    full = measure(values, truth, VALUES).scalars
    assert score == pytest.approx({"rmse": full["rmse"], "mae": full["mae"]}, rel=1e-5)


def test_every_monitor_is_a_score() -> None:
    preds, target = sample(3)
    scores = quick(get_task("tabular-classification"), preds, target, classes_signature(3))
    assert get_task("tabular-classification").monitor.removeprefix("val_") in scores
    scores = quick(get_task("tabular-regression"), preds[:, :1], preds[:, :1], VALUES)
    assert get_task("tabular-regression").monitor.removeprefix("val_") in scores


def test_only_mistakes_have_an_error_and_confident_ones_a_large_one() -> None:
    preds = torch.tensor([[4.0, 0.0], [0.0, 4.0], [0.0, 1.0]])
    errors = get_task("tabular-classification").item_errors(
        preds, torch.tensor([0, 0, 0]), classes_signature(2)
    )
    assert errors[0] == 0.0
    assert errors[1] > errors[2] > 0.0
    off = get_task("tabular-regression").item_errors(torch.tensor([[1.0]]), torch.tensor([[0.5]]), VALUES)
    assert off.tolist() == [10.0]


def test_captions_are_short() -> None:
    task = get_task("tabular-classification")
    assert task.describe(np.array([[0.0, 3.0]]), classes_signature(2)) == ["c1 95%"]
    assert task.describe_target(np.array([1, 0]), classes_signature(2)) == ["c1", "c0"]
    assert get_task("tabular-regression").describe(np.array([[0.5]]), VALUES) == ["110"]


def test_the_loss_takes_smoothing_and_weights() -> None:
    preds, target = sample(3)
    signature = classes_signature(3)
    task = get_task(signature.task)
    plain = task.make_loss(signature)(preds, target)
    assert plain == pytest.approx(torch.nn.functional.cross_entropy(preds, target))
    assert task.make_loss(signature, label_smoothing=0.1)(preds, target) != plain
    first = target == 0
    weighted = task.make_loss(signature, class_weights=[1.0, 0.0, 0.0])(preds, target)
    assert weighted == pytest.approx(task.make_loss(signature)(preds[first], target[first]))


def test_a_loss_that_cannot_be_is_refused() -> None:
    signature = classes_signature(3)
    task = get_task(signature.task)
    with pytest.raises(ArgumentError, match=r"label_smoothing is 1\.5"):
        task.make_loss(signature, label_smoothing=1.5)
    with pytest.raises(ArgumentError, match="2 class weights for 3 classes"):
        task.make_loss(signature, class_weights=[1.0, 2.0])
    with pytest.raises(ArgumentError, match="class_weights is for classification"):
        get_task("tabular-regression").make_loss(VALUES, class_weights=[1.0])
