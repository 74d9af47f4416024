"""Batches of trees: dicts and tuples in, dicts, tuples and ModelOutputs out, losses computed anywhere."""

from __future__ import annotations

from collections import namedtuple
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

import lepton_nb
from lepton_nb import data
from lepton_nb.batch import Batch, cut, joined, leaves, moved
from lepton_nb.errors import ModelError
from tests.training_helpers import same_weights


class Items(Dataset[Any]):
    """What a function of the number gives, 48 times."""

    def __init__(self, item: Any) -> None:
        self.item = item

    def __len__(self) -> int:
        return 48

    def __getitem__(self, index: int) -> Any:
        return self.item(index)


X = torch.randn(48, 6, generator=torch.Generator().manual_seed(0))
Y = (X[:, 0] > 0).long()


def loader(item: Any, batch_size: int = 16) -> DataLoader[Any]:
    return DataLoader(Items(item), batch_size=batch_size)


def test_a_batch_is_cut_joined_and_moved_whatever_it_is() -> None:
    inputs = {"ids": torch.arange(7), "more": (torch.arange(14).reshape(7, 2), torch.zeros(7))}
    batch = Batch(inputs, {"boxes": torch.arange(21).reshape(7, 3)})
    pieces = cut(batch, 3)
    assert [piece.items for piece in pieces] == [3, 2, 2]
    whole = joined(pieces)
    assert all(map(torch.equal, leaves(tuple(whole)), leaves(tuple(batch))))
    assert [piece.items for piece in cut(batch, 9)] == [1] * 7
    assert all(part.device.type == "meta" for part in leaves(moved(tuple(batch), torch.device("meta"))))
    x, y = batch
    assert x is batch.inputs
    assert y is batch.target


class Named(nn.Module):
    """Takes a dict by name, and computes its loss itself where it is given the labels."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(6, 2)
        self.seen: set[str] = set()

    def forward(self, x: Tensor, mask: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        logits = self.layer(x) * mask[:, None]
        loss = {} if labels is None else {"loss": F.cross_entropy(logits, labels)}
        self.seen |= set(loss)
        return {**loss, "logits": logits}


def named(index: int) -> dict[str, Any]:
    return {"x": X[index], "mask": torch.tensor(1.0), "labels": Y[index], "text": "left out"}


def test_a_model_that_computes_its_loss_is_measured_by_its_logits_and_resumes_to_the_same_weights() -> None:
    bundle = data.loaders(loader(named), loader(named))
    torch.manual_seed(0)
    first, second, third = Named(), Named(), Named()
    for other in (second, third):
        other.load_state_dict(first.state_dict())
    run = lepton_nb.train(first, bundle, epochs=3, lr=0.05, restore_best=False)
    assert (run.task, run.monitor) == ("tabular-classification", "val_accuracy")
    assert first.seen == {"loss"}

    def stop(state: Any) -> None:
        if state.epoch == 0:
            state.control.stop()

    half = lepton_nb.train(second, bundle, epochs=3, lr=0.05, restore_best=False, callbacks=[stop])
    half.live.clear()
    lepton_nb.resume(half.ref, model=third, data=bundle)
    assert same_weights(first, third)
    result = lepton_nb.evaluate(run)
    assert result.metrics["accuracy"] == pytest.approx(run.history().epochs()["val_accuracy"].max())
    assert result.metrics["loss"] == pytest.approx(run.history().epochs()["val_loss"].min(), rel=0.2)


def test_a_loss_of_the_users_is_taken_before_the_models() -> None:
    net = Named()
    lepton_nb.train(net, train=loader(named), val=loader(named), loss=nn.CrossEntropyLoss(), epochs=1)
    assert not net.seen, "the labels did not go in"


def test_a_model_that_takes_labels_and_returns_no_loss_is_explained() -> None:
    class Forgets(Named):
        def forward(self, x: Tensor, mask: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
            return {"logits": self.layer(x)}

    with pytest.raises(ModelError, match="takes 'labels' but its outputs hold no 'loss'"):
        lepton_nb.train(Forgets(), train=loader(named), epochs=1)


Pair = namedtuple("Pair", "guess latent")


@dataclass
class Output:
    guess: Tensor
    latent: Tensor
    extra: None = None


@pytest.mark.parametrize("kind", [Pair, Output, dict, tuple])
def test_an_own_loss_gets_exactly_what_the_model_returned(kind: type) -> None:
    seen = set()

    class Auto(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.down, self.up = nn.Linear(6, 2), nn.Linear(2, 6)

        def forward(self, x: Tensor) -> Any:
            latent = self.down(x)
            guess = self.up(latent)
            if kind in (Pair, Output):
                return kind(guess, latent)
            return {"guess": guess, "latent": latent} if kind is dict else (guess, latent)

    def loss(out: Any, x: Tensor) -> Tensor:
        seen.add(type(out))
        guess = out["guess"] if kind is dict else out[0] if kind is tuple else out.guess
        return F.mse_loss(guess, x)

    batches = loader(lambda index: (X[index],))
    run = lepton_nb.train(Auto(), train=batches, val=batches, loss=loss, epochs=2)
    assert seen == {kind}
    assert (run.task, run.monitor, run.status) == ("generic", "val_loss", "finished")
    outputs = run.read_json("signature.json")
    assert len(outputs.get("further_outputs", [])) == 1
    assert lepton_nb.evaluate(run).metrics["loss"] == pytest.approx(run.best_value, rel=1e-5)


def test_targets_of_several_tensors_reach_the_loss_whole() -> None:
    def item(index: int) -> Any:
        return X[index], {"class": Y[index], "value": X[index, 1]}

    def loss(out: Tensor, target: dict[str, Tensor]) -> Tensor:
        return F.cross_entropy(out[:, :2], target["class"]) + F.mse_loss(out[:, 2], target["value"])

    batches = loader(item)
    run = lepton_nb.train(nn.Linear(6, 3), train=batches, val=batches, loss=loss, epochs=2)
    assert run.task == "generic"
    assert run.history().epochs()["val_loss"].notna().all()


def test_a_tree_that_does_not_fit_goes_through_in_pieces() -> None:
    limit = 6

    class Narrow(Named):
        def forward(self, x: Tensor, mask: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
            if self.training and torch.is_grad_enabled() and len(x) > limit and self.ready:
                raise torch.OutOfMemoryError("out of memory")
            return super().forward(x, mask, labels)

    torch.manual_seed(0)
    whole, narrow = Named(), Narrow()
    narrow.load_state_dict(whole.state_dict())
    narrow.ready = False

    class Begin(lepton_nb.Callback):
        def on_fit_start(self, state: Any) -> None:
            narrow.ready = True

    settings: dict[str, Any] = {"epochs": 1, "optimizer": "sgd", "lr": 0.05}
    lepton_nb.train(whole, train=loader(named), **settings)
    run = lepton_nb.train(narrow, train=loader(named), callbacks=[Begin()], **settings)
    assert any("Out of memory with 16 items" in said for said in run.warnings)
    for a, b in zip(whole.parameters(), narrow.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-6)
