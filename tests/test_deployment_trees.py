"""Runs of models that take and give trees of tensors, deployed and asked."""

from __future__ import annotations

import io
from typing import Any

import httpx
import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader

import lepton_nb
from lepton_nb.errors import ArgumentError
from lepton_nb.packaging import build_package

pytestmark = pytest.mark.slow

X = torch.randn(32, 6, generator=torch.Generator().manual_seed(0))
Y = (X[:, 0] > 0).long()


class Auto(nn.Module):
    """Takes one tensor, gives two by name; the latent is of the name of an input."""

    def __init__(self) -> None:
        super().__init__()
        self.down, self.up = nn.Linear(6, 2), nn.Linear(2, 6)

    def forward(self, features: Tensor) -> dict[str, Tensor]:
        latent = self.down(features)
        return {"features": self.up(latent), "latent": latent}


class Pair(nn.Module):
    """Takes two tensors by position, gives two."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(6, 3)

    def forward(self, x: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
        return self.fc(x) * scale, x.sum(1)


class Named(nn.Module):
    """Takes its inputs by name; gives its logits in a dict, and in training its loss."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(6, 2)

    def forward(self, x: Tensor, mask: Tensor, labels: Tensor | None = None) -> dict[str, Any]:
        logits = self.layer(x) * mask[:, None]
        loss = {} if labels is None else {"loss": F.cross_entropy(logits, labels)}
        return {**loss, "logits": logits, "hidden": (x,)}


def rebuild(out: dict[str, Tensor], x: Tensor) -> Tensor:
    return F.mse_loss(out["features"], x)


def first(out: tuple[Tensor, Tensor], target: Tensor) -> Tensor:
    return F.mse_loss(out[0], target)


def test_outputs_by_name_are_served_as_they_are_predicted_here() -> None:
    batches = DataLoader([(x, x) for x in X], batch_size=8)
    run = lepton_nb.train(Auto(), train=batches, val=batches, loss=rebuild, epochs=1, name="auto")
    assert run.task == "generic"
    here = lepton_nb.predict(run, X[:2])
    service = lepton_nb.deploy("auto")
    try:
        there = service.predict(X[:2])
        assert here[0].keys() == {"outputs"}
        for one, other in zip(here, there, strict=True):
            for name, size in (("features", 6), ("latent", 2)):
                np.testing.assert_allclose(one["outputs"][name], other["outputs"][name], atol=1e-4)
                assert len(other["outputs"][name]) == size
        stream = io.BytesIO()
        np.save(stream, X[:3].numpy())
        headers = {"Authorization": f"Bearer {service.token}", "Content-Type": "application/x-npy"}
        asked = httpx.post(f"{service.url}/predict", content=stream.getvalue(), headers=headers)
        assert [set(item["outputs"]) for item in asked.json()["predictions"]] == [{"features", "latent"}] * 3
        assert lepton_nb.deploy("auto").version == 1  # nothing has changed: the same package
    finally:
        service.stop()


def test_several_inputs_and_outputs_by_position() -> None:
    items = [((x, x[:1]), x[:3]) for x in X]
    batches = DataLoader(items, batch_size=8)
    run = lepton_nb.train(Pair(), train=batches, val=batches, loss=first, epochs=1)
    package = build_package(run)
    assert package.manifest.formats == ("onnx", "pt2")
    assert [spec.name for spec in package.signature.outputs] == ["output_0", "output_1"]
    (answer,) = lepton_nb.predict(run, (X[:1], torch.ones(1, 1)))
    assert answer["outputs"]["output_1"] == pytest.approx(X[0].sum().item(), rel=1e-5)
    with pytest.raises(ArgumentError, match="this model takes 2 inputs"):
        lepton_nb.predict(run, X[:1])


def test_a_model_of_names_is_served_by_its_logits() -> None:
    items = [{"x": x, "mask": torch.tensor(1.0), "labels": y} for x, y in zip(X, Y, strict=True)]
    run = lepton_nb.train(Named(), train=DataLoader(items, batch_size=8), epochs=1)
    assert run.task == "tabular-classification"
    package = build_package(run)
    assert package.manifest.formats == ("onnx", "pt2")
    (answer,) = lepton_nb.predict(run, {"inputs": {"x": X[:1], "mask": torch.ones(1)}})
    assert answer.keys() == {"label", "index", "score", "scores"}
