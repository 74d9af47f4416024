"""One label and several: metrics as scikit-learn has them, thresholds, answers, the way to a service."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn import metrics as sk
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import lepton_nb
from lepton_nb import data
from lepton_nb.errors import ArgumentError, ModelError
from lepton_nb.models.label_loss import LabelLoss
from lepton_nb.signature import Signature, TensorSpec
from lepton_nb.tasks import get_task
from lepton_nb.tasks.labels.task import best_thresholds
from lepton_nb.training.config import TrainConfig
from lepton_nb.training.fitting import make_criterion

BINARY, SEVERAL = "binary-classification", "multi-label-classification"
NAMES = ("cat", "dog", "owl")


def signature(task: str = SEVERAL, names: tuple[str, ...] = NAMES, **target: Any) -> Signature:
    shape = (1,) if task == BINARY else (len(names),)
    inputs = (TensorSpec("features", "float32", (6,)),)
    return Signature(task, inputs, TensorSpec("logits", "float32", shape), names, target=target)


def answers(codec: Any, logits: np.ndarray) -> Any:
    return codec.encode((logits,))


def scored(items: int = 200, labels: int = 3, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Logits with ties, and a truth they have something to do with."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(items, labels, generator=generator).round(decimals=1)
    truth = logits + torch.randn(items, labels, generator=generator) > 0.8
    return logits, truth.float()


def linear_data(labels: int, dtype: torch.dtype = torch.float32, items: int = 240) -> tuple[Tensor, Tensor]:
    x = torch.randn(items, 6, generator=torch.Generator().manual_seed(1))
    y = (x[:, :labels] > 0.4).to(dtype)
    return x, y[:, 0] if labels == 1 else y


def loaders(x: Tensor, y: Tensor) -> dict[str, DataLoader[Any]]:
    cut = len(x) * 3 // 4
    parts = {"train": slice(0, cut), "val": slice(cut, None)}
    return {name: DataLoader(TensorDataset(x[s], y[s]), batch_size=32) for name, s in parts.items()}


# -- metrics


def test_the_metrics_of_several_labels_are_those_of_scikit_learn() -> None:
    logits, truth = scored()
    least = [0.6, 0.5, 0.3]
    found = get_task(SEVERAL).measure(logits, truth, signature(thresholds=least))
    p, y = logits.double().sigmoid().numpy(), truth.numpy()
    said = p >= np.array(least)
    expected = {
        "f1_micro": sk.f1_score(y, said, average="micro"),
        "f1_macro": sk.f1_score(y, said, average="macro"),
        "precision_micro": sk.precision_score(y, said, average="micro"),
        "precision_macro": sk.precision_score(y, said, average="macro"),
        "recall_micro": sk.recall_score(y, said, average="micro"),
        "recall_macro": sk.recall_score(y, said, average="macro"),
        "average_precision_macro": sk.average_precision_score(y, p, average="macro"),
        "auroc_macro": sk.roc_auc_score(y, p, average="macro"),
        "exact_match": sk.accuracy_score(y, said),
        "label_accuracy": 1 - sk.hamming_loss(y, said),
        "brier_score": np.mean([sk.brier_score_loss(y[:, i], p[:, i]) for i in range(3)]),
        "log_loss": np.mean([sk.log_loss(y[:, i], p[:, i]) for i in range(3)]),
    }
    assert {name: found.scalars[name] for name in expected} == pytest.approx(expected)
    assert found.per_class["f1"] == pytest.approx(sk.f1_score(y, said, average=None).tolist())
    assert found.per_class["auroc"] == pytest.approx(sk.roc_auc_score(y, p, average=None).tolist())
    assert any("cat 0.6" in note for note in found.notes)


def test_the_metrics_of_one_label_are_those_of_scikit_learn() -> None:
    logits, truth = scored(labels=1)
    found = get_task(BINARY).measure(logits[:, 0], truth[:, 0], signature(BINARY, ("no", "yes")))
    p, y = logits[:, 0].double().sigmoid().numpy(), truth[:, 0].numpy()
    said = p >= 0.5
    expected = {
        "accuracy": sk.accuracy_score(y, said),
        "balanced_accuracy": sk.balanced_accuracy_score(y, said),
        "precision": sk.precision_score(y, said),
        "recall": sk.recall_score(y, said),
        "f1": sk.f1_score(y, said),
        "average_precision": sk.average_precision_score(y, p),
        "auroc": sk.roc_auc_score(y, p),
        "brier_score": sk.brier_score_loss(y, p),
        "log_loss": sk.log_loss(y, p),
    }
    assert {name: found.scalars[name] for name in expected} == pytest.approx(expected)
    assert found.arrays["confusion"].tolist() == sk.confusion_matrix(y, said).tolist()
    assert found.per_class["support"] == [float((y == 0).sum()), float((y == 1).sum())]


def test_a_label_that_never_occurs_is_left_out_of_the_means_and_said() -> None:
    logits, truth = scored()
    truth[:, 2] = 0
    task = get_task(SEVERAL)
    found = task.measure(logits, truth, signature())
    p = logits[:, :2].sigmoid().numpy()
    expected = sk.average_precision_score(truth[:, :2], p, average="macro")
    assert found.scalars["average_precision_macro"] == pytest.approx(expected)
    assert found.per_class["average_precision"][2] is found.per_class["auroc"][2] is None
    assert any("No items of owl" in note for note in found.notes)
    meter = task.meter(signature())
    meter.update(logits, truth)
    assert meter.compute()["average_precision"] == pytest.approx(expected, rel=1e-5)


def test_a_meter_of_batches_and_of_two_processes_is_the_metric_of_all() -> None:
    logits, truth = scored()
    meters = [get_task(SEVERAL).meter(signature()) for _ in range(2)]
    for start in range(0, 200, 30):
        meters[start // 30 % 2].update(logits[start : start + 30], truth[start : start + 30].long())
    meters[0].merge(meters[1])
    expected = {
        "average_precision": sk.average_precision_score(truth, logits, average="macro"),
        "f1": sk.f1_score(truth, logits >= 0, average="micro"),
        "accuracy": float(((logits >= 0) == truth.bool()).float().mean()),
    }
    assert meters[0].compute() == pytest.approx(expected, rel=1e-5)


def test_without_a_positive_the_metrics_are_unknown_not_zero() -> None:
    meter = get_task(BINARY).meter(signature(BINARY, ("no", "yes")))
    meter.update(torch.full((4, 1), -1.0), torch.zeros(4))
    found = meter.compute()
    assert np.isnan(found["average_precision"])
    assert np.isnan(found["f1"])
    assert found["accuracy"] == 1.0


# -- thresholds


def test_a_threshold_is_where_f1_is_largest() -> None:
    logits, truth = scored()
    p, y = logits.sigmoid().numpy(), truth.numpy().astype(bool)
    for label, threshold in enumerate(best_thresholds(p, y)):
        reached = sk.f1_score(y[:, label], p[:, label] >= threshold)
        best = max(sk.f1_score(y[:, label], p[:, label] >= cut) for cut in np.unique(p[:, label]))
        assert reached == pytest.approx(best)


@pytest.mark.parametrize("truth", [[False] * 4, [True] * 4])
def test_a_threshold_stays_at_one_half_where_nothing_decides(truth: list[bool]) -> None:
    assert best_thresholds(np.array([[0.1], [0.2], [0.7], [0.9]]), np.array(truth)[:, None]) == [0.5]


def test_thresholds_come_from_the_best_weights_and_go_into_answers_and_evaluations() -> None:
    x, y = linear_data(3)
    run = lepton_nb.train(nn.Linear(6, 3), (x, y), epochs=2, lr=0.01, restore_best=False, seed=3)
    stored = Signature.from_dict(run.read_json("signature.json"))
    bundle = run.live["data"]
    with torch.no_grad():
        model = lepton_nb.load_model(run)
        inputs, target = next(iter(bundle.loader("val", batch_size=999).batches(0)))
        expected = best_thresholds(model(inputs).sigmoid().numpy(), target.numpy() > 0)
    assert stored.target["thresholds"] == pytest.approx(expected, abs=1e-4)
    assert "thresholds chosen on the validation split" in (run.path / "log.txt").read_text()
    (answer,) = lepton_nb.predict(run, x[:1].numpy())
    over = {
        n for n, least in zip("012", stored.target["thresholds"], strict=True) if answer["scores"][n] >= least
    }
    assert set(answer["labels"]) == over
    assert any("chosen on the validation split" in note for note in lepton_nb.evaluate(run).notes)


def test_without_held_out_data_the_threshold_is_one_half() -> None:
    x, y = linear_data(1)
    run = lepton_nb.train(nn.Linear(6, 1), train=loaders(x, y)["train"], epochs=1)
    assert "thresholds" not in run.read_json("signature.json")["target"]
    assert any("0.5" in note for note in lepton_nb.evaluate(run, split="train").notes)


# -- answers


@pytest.mark.parametrize(
    ("task", "names", "logits", "expected"),
    [
        (BINARY, ("no", "yes"), [[0.0]], {"label": "yes", "index": 1, "score": 0.5}),
        (BINARY, ("no", "yes"), [-800.0], {"label": "no", "index": 0, "score": 0.0}),
        (SEVERAL, NAMES, [[0.0, 9.0, -9.0]], {"labels": ["dog", "cat"]}),
        (SEVERAL, NAMES, [[-9.0, -9.0, -9.0]], {"labels": []}),
    ],
)
def test_answers_hold_probabilities_and_fit_their_schema(
    task: str, names: tuple[str, ...], logits: list[Any], expected: dict[str, Any]
) -> None:
    codec = get_task(task).codec(signature(task, names))
    (answer,) = answers(codec, np.array(logits, dtype=np.float32))
    jsonschema.validate(answer, codec.answer_schema())
    assert {key: answer[key] for key in expected} == expected
    assert set(answer["scores"]) == set(names)
    scores = codec.scores(np.array(logits, dtype=np.float32))
    assert scores.shape == (1, len(names))
    assert scores[0].tolist() == pytest.approx([answer["scores"][name] for name in names])


def test_many_labels_are_answered_with_the_likely_ones() -> None:
    names = tuple(f"l{i}" for i in range(150))
    logits = np.full((1, 150), -5.0, dtype=np.float32)
    logits[0, 20:50] = 3.0
    (answer,) = answers(get_task(SEVERAL).codec(signature(names=names)), logits)
    assert len(answer["labels"]) == len(answer["scores"]) == 30


# -- losses


def test_the_loss_takes_any_type_weights_and_smoothing() -> None:
    logits, truth = scored()
    plain = F.binary_cross_entropy_with_logits(logits, truth)
    for target in (truth, truth.long(), truth.bool()):
        assert LabelLoss()(logits, target) == plain
    assert LabelLoss()(logits[:, :1], truth[:, 0]) == LabelLoss()(logits[:, 0], truth[:, :1])
    weighted = F.binary_cross_entropy_with_logits(logits, truth, pos_weight=torch.tensor([1.0, 2.0, 3.0]))
    assert LabelLoss([1.0, 2.0, 3.0])(logits, truth) == weighted
    softened = F.binary_cross_entropy_with_logits(logits, truth * 0.8 + 0.1)
    assert LabelLoss(smoothing=0.2)(logits, truth) == pytest.approx(softened)
    with pytest.raises(ArgumentError, match=r"2 weights for 3 labels"):
        get_task(SEVERAL).make_loss(signature(), class_weights=[1.0, 2.0])


def test_balanced_weights_are_negatives_over_positives() -> None:
    x, y = linear_data(2)
    bundle = data.arrays(x, y)
    loss = make_criterion(None, bundle, TrainConfig(class_weights="balanced"))
    train = bundle.train.targets
    assert train is not None
    expected = (len(train) - train.sum(dim=0)) / train.sum(dim=0)
    assert loss.pos_weight.tolist() == pytest.approx(expected.tolist())


# -- what model and loss decide


class OneNumber(nn.Module):
    def __init__(self, squeezed: bool = False) -> None:
        super().__init__()
        self.fc = nn.Linear(6, 1)
        self.squeezed = squeezed

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x)[:, 0] if self.squeezed else self.fc(x)


@pytest.mark.parametrize("squeezed", [True, False])
@pytest.mark.parametrize("dtype", [torch.int64, torch.bool, torch.float32])
@pytest.mark.parametrize("loss", [None, nn.BCEWithLogitsLoss()])
def test_a_model_with_one_number_an_item_makes_two_classes_binary(
    squeezed: bool, dtype: torch.dtype, loss: Any
) -> None:
    x, y = linear_data(1, dtype)
    target = y[:, None] if loss is not None and not squeezed else y
    run = lepton_nb.train(OneNumber(squeezed), **loaders(x, target), loss=loss, epochs=6, lr=0.2)
    assert run.task == BINARY
    assert run.monitor == ("val_loss" if loss is not None else "val_average_precision")
    result = lepton_nb.evaluate(run)
    assert result.metrics["auroc"] > 0.9
    (answer,) = lepton_nb.predict(run, x[:1].numpy())
    assert set(answer) == {"label", "index", "score", "scores"}


def test_two_classes_by_name_and_one_number_are_binary_and_said_to_be() -> None:
    x, y = linear_data(1, torch.int64)
    names = np.where(y.numpy() > 0, "yes", "no")
    run = lepton_nb.train(OneNumber(), (x.numpy(), names), epochs=1)
    assert run.task == BINARY
    assert "is that of 'yes'" in (run.path / "log.txt").read_text()
    assert lepton_nb.evaluate(run, (x.numpy(), names)).per_class().index.tolist() == ["no", "yes"]


@pytest.mark.parametrize("dtype", [torch.bool, torch.int64, torch.float32])
def test_a_model_with_two_numbers_an_item_keeps_two_classes(dtype: torch.dtype) -> None:
    x, y = linear_data(1, dtype)
    run = lepton_nb.train(nn.Linear(6, 2), **loaders(x, y), epochs=1)
    assert run.task == "tabular-classification"
    assert "accuracy" in lepton_nb.evaluate(run).metrics


def test_one_number_for_three_classes_is_still_explained() -> None:
    x = torch.randn(60, 6)
    with pytest.raises(ModelError, match=r"not one per class|3 classes"):
        lepton_nb.train(nn.Linear(6, 1), (x, torch.arange(60) % 3), epochs=1)


def test_the_wrong_number_of_logits_names_the_layer() -> None:
    x, y = linear_data(1)
    with pytest.raises(ModelError, match=r"nn.Linear\(in_features=6, out_features=1|nn.Linear\(6, 1\)"):
        lepton_nb.train(nn.Linear(6, 3), **loaders(x, y), epochs=1)


class Probabilities(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x).sigmoid()


@pytest.mark.parametrize("dtype", [torch.float32, torch.int64, torch.bool])
def test_the_outputs_under_bceloss_are_probabilities(dtype: torch.dtype) -> None:
    x, y = linear_data(3, dtype)
    run = lepton_nb.train(Probabilities(), **loaders(x, y), loss=nn.BCELoss(), epochs=2, lr=0.05)
    assert run.task == SEVERAL
    with torch.no_grad():
        expected = run.live["model"](x[:1])[0].tolist()
    (answer,) = lepton_nb.predict(run, x[:1].numpy())
    assert [answer["scores"][name] for name in "012"] == pytest.approx(expected)
    result = lepton_nb.evaluate(run)
    assert result.metrics["loss"] == pytest.approx(result.metrics["log_loss"], rel=1e-4)


class OwnLoss(nn.Module):
    """As models of transformers do."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(6, 3)

    def forward(self, x: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        logits = self.fc(x)
        if labels is None:
            return {"logits": logits}
        return {"loss": F.binary_cross_entropy_with_logits(logits, labels.float()), "logits": logits}


def test_a_model_that_computes_its_loss_of_labels_has_their_metrics() -> None:
    x, y = linear_data(3)
    batches = [{"x": x[i], "labels": y[i]} for i in range(len(x))]
    loader: DataLoader[Any] = DataLoader(batches, batch_size=32)  # type: ignore[arg-type]
    run = lepton_nb.train(OwnLoss(), train=loader, val=loader, epochs=2, lr=0.1)
    assert run.task == SEVERAL
    assert lepton_nb.evaluate(run).metrics["auroc_macro"] > 0
    assert run.read_json("signature.json")["target"]["thresholds"]


def test_a_loss_of_quantities_or_of_the_users_own_decides_otherwise() -> None:
    x, y = linear_data(3)

    def own(out: Tensor, target: Tensor) -> Tensor:
        return (out - target).abs().mean()

    assert lepton_nb.train(nn.Linear(6, 3), **loaders(x, y), loss=own, epochs=1).task == "generic"
    run = lepton_nb.train(nn.Linear(6, 3), **loaders(x, y), loss=nn.MSELoss(), epochs=1)
    assert run.task == "tabular-regression"
    assert "rmse" in lepton_nb.evaluate(run).metrics


# -- the whole way


def test_a_run_of_a_file_is_resumed_and_evaluated_as_what_it_was(tmp_path: Path) -> None:
    x, y = linear_data(1, torch.int64)
    lines = [
        "a,b,c,d,e,f,ok",
        *(
            ",".join([*map(str, row), "yes" if t else "no"])
            for row, t in zip(x.tolist(), y.tolist(), strict=True)
        ),
    ]
    file = tmp_path / "rows.csv"
    file.write_text("\n".join(lines))
    run = lepton_nb.train(OneNumber(), str(file), epochs=1, name="rows")
    run.live.clear()
    again = lepton_nb.resume("rows", epochs=3)
    assert again.task == BINARY
    assert "auroc" in lepton_nb.evaluate("rows").metrics
    assert lepton_nb.evaluate("rows", file).per_class().index.tolist() == ["no", "yes"]


def test_labels_in_another_order_are_matched_by_name() -> None:
    x, y = linear_data(3)
    run = lepton_nb.train(None, data.arrays(x, y, class_names=NAMES), epochs=2, lr=0.05)
    swapped = data.arrays(x, y[:, [2, 0, 1]], class_names=("owl", "cat", "dog"), val_fraction=0)
    same = data.arrays(x, y, class_names=NAMES, val_fraction=0)
    found = [lepton_nb.evaluate(run, bundle).metrics for bundle in (swapped, same)]
    assert found[0] == pytest.approx(found[1])


@pytest.mark.slow
@pytest.mark.parametrize("labels", [1, 3])
def test_from_data_over_a_background_run_to_a_service(labels: int) -> None:
    x, y = linear_data(labels, torch.int64)
    model = OneNumber(squeezed=True) if labels == 1 else None
    run = lepton_nb.train(model, (x.numpy(), y.numpy()), epochs=3, lr=0.05, name="labels", background=True)
    while run.status not in ("finished", "failed", "stopped"):
        run.wait() if hasattr(run, "wait") else run.refresh()
    assert run.status == "finished", run.error
    assert "log_loss" in lepton_nb.evaluate("labels").metrics
    here = lepton_nb.predict("labels", x[:3].numpy())
    deployment = lepton_nb.deploy("labels", name="labels")
    try:
        there = deployment.predict(x[:3].numpy())
    finally:
        lepton_nb.stop("labels")
    for mine, theirs in zip(here, there, strict=True):
        assert theirs["scores"] == pytest.approx(mine["scores"], abs=1e-5)
        assert theirs.get("label") == mine.get("label")
        assert theirs.get("labels") == mine.get("labels")
