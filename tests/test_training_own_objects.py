"""The user's own loss, optimizer, loader and scheduler: never overruled, and recorded as they are."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

import lepton_nb
from lepton_nb import data
from lepton_nb.errors import ArgumentError, LeptonError, ModelError
from lepton_nb.lab.reproduce import reproduce
from lepton_nb.runs import Run
from tests.training_helpers import TinyNet, blobs, same_weights


def loader(*tensors: Tensor, batch_size: int = 16, shuffle: bool = False) -> DataLoader[Any]:
    return DataLoader(TensorDataset(*tensors), batch_size=batch_size, shuffle=shuffle)


def inputs(items: int = 96, seed: int = 0) -> Tensor:
    return torch.randn(items, 6, generator=torch.Generator().manual_seed(seed))


class Squeezed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(6, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x).squeeze(1)


# -- the loss sees what the loader yields and what the model returns


@pytest.mark.parametrize(
    "target",
    [
        pytest.param(torch.rand(96), id="(N,)"),
        pytest.param(torch.rand(96, 1), id="(N, 1)"),
        pytest.param(torch.rand(96, dtype=torch.float64), id="float64"),
        pytest.param((torch.rand(96) > 0.5), id="bool"),
        pytest.param(torch.randint(0, 9, (96, 4)), id="int (N, 4)"),
        pytest.param(torch.rand(96, 2, 3), id="(N, 2, 3)"),
        pytest.param(torch.randint(-1, 1, (96,)) * 2 + 1, id="-1 and 1"),
        pytest.param(torch.zeros(96, dtype=torch.int64), id="one class"),
    ],
)
def test_a_loss_gets_the_target_untouched(target: Tensor) -> None:
    seen: list[Tensor] = []

    def loss(out: Tensor, wanted: Tensor) -> Tensor:
        seen.append(wanted.clone())
        return (out - 1.0).square().mean()

    lepton_nb.train(nn.Linear(6, 4), train=loader(inputs(), target), loss=loss, epochs=1)
    assert all(part.dtype == target.dtype for part in seen)
    assert torch.equal(torch.cat(seen[-6:]), target), "the six batches of the epoch"


def test_a_squeezed_output_trains_as_in_a_plain_loop() -> None:
    x = inputs()
    y = x @ torch.arange(6.0)
    torch.manual_seed(0)
    plain = Squeezed()
    ours = Squeezed()
    ours.load_state_dict(plain.state_dict())
    optimizer = torch.optim.SGD(plain.parameters(), 0.1)
    for _ in range(3):
        for a, b in loader(x, y):
            optimizer.zero_grad()
            F.mse_loss(plain(a), b).backward()
            optimizer.step()
    batches = loader(x, y)
    lepton_nb.train(
        ours,
        train=batches,
        val=batches,
        loss=nn.MSELoss(),
        optimizer=torch.optim.SGD(ours.parameters(), 0.1, fused=False),
        epochs=3,
        restore_best=False,
    )
    assert same_weights(plain, ours)


def test_pairs_that_torch_would_broadcast_are_still_refused() -> None:
    batches = loader(inputs(), torch.rand(96))
    with pytest.raises(
        ModelError, match=r"gives \(N, 1\) but the target is \(N,\).*all 8 × 8 pairs"
    ) as caught:
        lepton_nb.train(nn.Linear(6, 1), train=batches, loss=nn.MSELoss(), epochs=1)
    assert caught.value.hint == "Return x.squeeze(1)."


# -- without a metric that is known, the loss says which epoch was best


@pytest.mark.parametrize("outputs", [1, 4])
def test_labels_under_bce_are_watched_by_the_loss(outputs: int) -> None:
    x = inputs(192)
    y = (x[:, :outputs] > 0).float()
    train, val = loader(x[:128], y[:128]), loader(x[128:], y[128:])
    net = nn.Linear(6, outputs)
    run = lepton_nb.train(net, train=train, val=val, loss=nn.BCEWithLogitsLoss(), lr=0.05, epochs=4)
    epochs = run.history().epochs()
    task = "binary-classification" if outputs == 1 else "multi-label-classification"
    assert (run.task, run.monitor, run.mode) == (task, "val_loss", "min")
    assert {"val_loss", "val_accuracy", "val_average_precision", "val_f1"} <= set(epochs)
    assert "val_rmse" not in epochs
    assert epochs["val_loss"].iloc[-1] < epochs["val_loss"].iloc[0]
    with torch.no_grad():
        assert F.binary_cross_entropy_with_logits(net(x[128:]), y[128:]).item() == pytest.approx(
            epochs["val_loss"].min(), rel=1e-5
        )
    result = lepton_nb.evaluate(run)
    assert result.metrics["loss"] == pytest.approx(epochs["val_loss"].min(), rel=1e-5)
    assert "loss" in str(result)


def test_one_logit_for_whole_numbered_labels_has_no_accuracy() -> None:
    x = inputs()
    batches = loader(x, (x[:, 0] > 0).long())

    def bce(out: Tensor, target: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(out[:, 0], target.float())

    run = lepton_nb.train(nn.Linear(6, 1), train=batches, val=batches, loss=bce, epochs=1)
    assert run.task == "generic"
    assert "val_accuracy" not in run.history()


def test_logits_for_class_numbers_keep_their_accuracy_and_go_by_the_loss() -> None:
    run = lepton_nb.train(TinyNet(), blobs(), loss=nn.CrossEntropyLoss(), epochs=2)
    assert (run.task, run.monitor) == ("tabular-classification", "val_loss")
    assert "val_accuracy" in run.history()


def test_zeros_and_ones_are_said_to_be_what_they_are() -> None:
    labels = torch.randint(0, 2, (96, 5))
    for bundle in (data.loaders(loader(inputs(), labels.float())), data.arrays(inputs(), labels)):
        said = [finding.text for finding in bundle.report.findings]
        assert any("multi-label classification" in text and 'task="regression"' in text for text in said)
        _, target = bundle.example(8)
        assert set(target.unique().tolist()) <= {0.0, 1.0}, "not standardised"


def test_a_map_of_classes_trains_resumes_and_is_evaluated_by_its_loss() -> None:
    pictures = torch.randn(24, 3, 8, 8)
    batches = loader(pictures, (pictures[:, 0] > 0).long(), batch_size=8)
    bundle = data.loaders(batches, batches)

    def stop(state: Any) -> None:
        if state.epoch == 0:
            state.control.stop()

    net = nn.Conv2d(3, 2, 3, padding=1)
    run = lepton_nb.train(net, bundle, loss="CrossEntropyLoss", epochs=2, callbacks=[stop])
    assert run.read_json("signature.json")["output"]["shape"] == [2, 8, 8]
    run = lepton_nb.resume(run.ref, data=bundle)
    assert run.status == "finished"
    assert lepton_nb.evaluate(run).metrics["loss"] == pytest.approx(run.best_value, rel=1e-4)


def test_without_a_loss_the_reason_is_given() -> None:
    batches = loader(torch.randn(24, 3, 8, 8), torch.randint(0, 3, (24, 8, 8)), batch_size=8)
    with pytest.raises(LeptonError, match=r"int64 \(24, 8, 8\)|int64 \(8, 8, 8\)") as caught:
        lepton_nb.train(nn.Conv2d(3, 2, 3), train=batches, epochs=1)
    assert "--loss" in str(caught.value.hint)


# -- resume goes on with the loss there was


def stop_after(epoch: int) -> Any:
    def stop(state: Any) -> None:
        if state.epoch == epoch:
            state.control.stop()

    return stop


@pytest.mark.parametrize("loss", ["L1Loss", "nn.L1Loss", "nn.L1Loss()", nn.L1Loss, nn.HuberLoss(delta=0.5)])
def test_a_loss_of_torch_is_the_same_after_resume(loss: Any) -> None:
    x = inputs()
    batches = loader(x, 10 * x.sum(1, keepdim=True))
    bundle = data.loaders(batches, batches)
    torch.manual_seed(0)
    first, second = nn.Linear(6, 1), nn.Linear(6, 1)
    second.load_state_dict(first.state_dict())
    whole = lepton_nb.train(first, bundle, loss=loss, epochs=3)
    half = lepton_nb.train(second, bundle, loss=loss, epochs=3, callbacks=[stop_after(0)])
    half.live.clear()
    half = lepton_nb.resume(half.ref, data=bundle, model=second)
    assert half.history().epochs()["val_loss"].tolist() == whole.history().epochs()["val_loss"].tolist()
    assert half.params["loss"] == type(loss if isinstance(loss, nn.Module) else nn.L1Loss()).__name__


class Absolute:
    def __call__(self, out: Tensor, target: Tensor) -> Tensor:
        return (out - target).abs().mean()


@pytest.mark.parametrize(
    "loss", [partial(nn.L1Loss, reduction="mean"), Absolute, Absolute(), partial(F.l1_loss)]
)
def test_a_partial_a_class_and_an_object_are_losses_and_go_on_in_this_kernel(loss: Any) -> None:
    x = inputs()
    batches = loader(x, 10 * x.sum(1, keepdim=True))
    run = lepton_nb.train(nn.Linear(6, 1), train=batches, loss=loss, epochs=2, callbacks=[stop_after(0)])
    assert run.history()["train_loss"][1][0] == pytest.approx(run.history()["loss"][1][0], rel=0.5)
    assert lepton_nb.resume(run).status == "finished"


class Scaled(nn.Module):
    """A loss with a temperature that is learned, and a count of its calls."""

    def __init__(self) -> None:
        super().__init__()
        self.temperature = nn.Parameter(torch.tensor(0.1))
        self.register_buffer("calls", torch.tensor(0))

    def forward(self, out: Tensor, target: Tensor) -> Tensor:
        self.calls += 1
        return F.cross_entropy(out * self.temperature.exp(), target)


def test_a_loss_with_parameters_is_trained_and_stopped_and_resumed_to_the_same_weights() -> None:
    def made() -> tuple[nn.Module, Scaled]:
        torch.manual_seed(0)
        return TinyNet(), Scaled()

    net, loss = made()
    lepton_nb.train(net, blobs(), loss=loss, epochs=3, restore_best=False)
    assert loss.temperature.item() != pytest.approx(0.1)
    other, same = made()
    half = lepton_nb.train(other, blobs(), loss=same, epochs=3, restore_best=False, callbacks=[stop_after(0)])
    half.live.clear()
    fresh, again = made()
    lepton_nb.resume(half.ref, model=fresh, data=blobs(), loss=again)
    assert same_weights(net, fresh)
    assert same_weights(loss, again)
    assert loss.calls > 0


def test_parameters_of_a_loss_that_the_optimizer_does_not_hold_are_named() -> None:
    net, loss = TinyNet(), Scaled()
    run = lepton_nb.train(net, blobs(), loss=loss, optimizer=torch.optim.SGD(net.parameters(), 0.1), epochs=1)
    assert any("The loss has 1 parameter that your optimizer does not hold" in said for said in run.warnings)


# -- what is recorded is what was used


def own_run(**options: Any) -> tuple[torch.optim.Optimizer, Run]:
    net = nn.Linear(6, 3)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.5, weight_decay=0.25)
    x = inputs()
    batches = loader(x, (x[:, 0] > 0).long() + (x[:, 1] > 0).long())
    return optimizer, lepton_nb.train(net, train=batches, val=batches, optimizer=optimizer, **options)


def test_the_record_names_the_real_optimizer_rates_and_batch_size() -> None:
    _, run = own_run(epochs=1, loss=nn.CrossEntropyLoss())
    used = {name: run.params[name] for name in ("optimizer", "lr", "momentum", "weight_decay", "batch_size")}
    assert used == {"optimizer": "SGD", "lr": 0.1, "momentum": 0.5, "weight_decay": 0.25, "batch_size": 16}
    assert run.params["loss"] == "CrossEntropyLoss"
    assert "--weight-decay" not in reproduce(run)[-1]
    assert lepton_nb.train(TinyNet(), blobs(), epochs=1).params["lr"] == 1e-3


def test_lr_beside_an_own_optimizer_takes_effect() -> None:
    optimizer, run = own_run(epochs=1, lr=0.02)
    assert set(run.history()["lr"][1]) == {0.02}
    assert run.params["lr"] == 0.02
    assert optimizer.param_groups[0]["lr"] == 0.1, "put back"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"weight_decay": 0.5}, "--weight-decay has no effect beside your own optimizer, SGD"),
        ({"momentum": 0.9}, "--momentum has no effect beside your own optimizer"),
        ({"lr_decay": 0.8}, "--lr-decay has no effect beside your own optimizer"),
        ({"batch_size": 128}, "--batch-size has no effect beside your own DataLoader, of 16 items a batch"),
        ({"batch_size": "auto"}, "--batch-size has no effect"),
        ({"label_smoothing": 0.1, "loss": nn.CrossEntropyLoss()}, "--label-smoothing has no effect"),
        ({"class_weights": "balanced", "loss": nn.CrossEntropyLoss()}, "--class-weights has no effect"),
    ],
)
def test_what_cannot_take_effect_is_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ArgumentError, match=said):
        own_run(epochs=1, **options)


def test_a_cell_run_twice_trains_with_the_same_rates() -> None:
    net = nn.Linear(6, 3)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    batches = loader(inputs(), torch.arange(96) % 3)
    peaks = []
    for _ in range(2):
        run = lepton_nb.train(net, train=batches, optimizer=optimizer, schedule="cosine", epochs=2)
        peaks.append(max(run.history()["lr"][1]))
        assert optimizer.param_groups[0]["lr"] == 0.1
    assert peaks[0] == peaks[1]


@pytest.mark.parametrize("schedule", ["constant", "linear"])
def test_a_scheduler_of_the_users_is_not_overwritten(schedule: str) -> None:
    net = nn.Linear(6, 3)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.5)
    batches = loader(inputs(), torch.arange(96) % 3)
    settings: dict[str, Any] = {"schedule": schedule, "warmup": 0.0, "epochs": 4}
    run = lepton_nb.train(
        net, train=batches, optimizer=optimizer, callbacks=[lambda state: scheduler.step()], **settings
    )
    rates = run.history().frame().groupby("epoch")["lr"].first().tolist()
    falls = [1.0, 0.75, 0.5, 0.25] if schedule == "linear" else [1.0] * 4
    assert rates == pytest.approx([0.1 * 0.5**epoch * fall for epoch, fall in enumerate(falls)])


# -- what is wrong with the data, or with one trial, is said as it is


def test_nan_in_validation_inputs_is_named_with_its_batch() -> None:
    x = inputs(64)
    spoiled = x.clone()
    spoiled[41, 2] = float("nan")
    y = torch.arange(64) % 3
    run = lepton_nb.train(nn.Linear(6, 3), train=loader(x, y), val=loader(spoiled, y), epochs=2)
    said = [text for text in run.warnings if "Batch 3 of the validation split holds NaN" in text]
    assert len(said) == 1
    assert "item 9 of it" in said[0]


def test_a_run_that_stopped_early_goes_on_where_more_is_asked_for() -> None:
    options: dict[str, Any] = {"patience": 2, "epochs": 9, "lr": 1e-9, "schedule": "constant"}
    run = lepton_nb.train(TinyNet(), blobs(), **options)
    assert (run.status, run.epoch) == ("stopped", 3)
    lepton_nb.resume(run, epochs=12)
    assert run.epoch == 5, "two more epochs without a better one"
