"""timm's models by name, with weights from files, out of the cache or not at all."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import timm
import torch
from huggingface_hub import constants
from safetensors.torch import save_file

import lepton_nb
from lepton_nb import data
from lepton_nb.data import DataBundle
from lepton_nb.errors import ModelError
from lepton_nb.lab.reproduce import reproduce
from lepton_nb.models import model
from lepton_nb.packaging import build_package

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def digits() -> DataBundle:
    return data.digits(limit=60)


def fail(name: str, bundle: DataBundle, **options: str) -> ModelError:
    with pytest.raises(ModelError) as caught:
        model(name, signature=bundle.signature, **options)
    return caught.value


@pytest.mark.slow
def test_a_model_is_fitted_trained_and_packaged(digits: DataBundle) -> None:
    definition = model("timm:test_resnet", signature=digits.signature)
    assert definition.build()(torch.zeros(2, 1, 8, 8)).shape == (2, 10)
    run = lepton_nb.train(definition, digits, epochs=1, name="timm", progress=False)
    assert "%lepton train timm:test_resnet.r160_in1k" in reproduce(run)[-1]
    run.live.clear()
    assert build_package(run).manifest.formats[0] == "onnx"


@pytest.mark.parametrize("ending", ["pth", "safetensors"])
def test_a_file_fills_all_but_a_head_of_other_classes(
    ending: str, digits: DataBundle, tmp_path: Path
) -> None:
    net = timm.create_model("test_resnet", num_classes=3, in_chans=1)
    path = tmp_path / f"weights.{ending}"
    (torch.save if ending == "pth" else save_file)(net.state_dict(), path)
    definition = model("timm:test_resnet", signature=digits.signature, weights=str(path))
    loaded = definition.build()
    assert torch.equal(loaded.conv1[0].weight, net.conv1[0].weight)
    assert "head `fc` begins at random" in definition.notes[0]
    assert definition.spec.weights == str(path)


def test_weights_come_from_the_cache_where_there_is_no_network(
    digits: DataBundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    error = fail("timm:test_resnet", digits, weights="DEFAULT")
    assert "timm/test_resnet.r160_in1k is not in the local cache" in error.message
    assert "--weights FOLDER/model.safetensors" in (error.hint or "")
    kept = tmp_path / "models--timm--test_resnet.r160_in1k"
    (kept / "refs").mkdir(parents=True)
    (kept / "refs" / "main").write_text("0" * 40)
    (kept / "snapshots" / ("0" * 40)).mkdir(parents=True)
    published = timm.create_model("test_resnet")
    save_file(published.state_dict(), kept / "snapshots" / ("0" * 40) / "model.safetensors")
    loaded = model("timm:test_resnet", signature=digits.signature, weights="DEFAULT").build()
    assert torch.equal(loaded.layer1[0].conv1.weight, published.layer1[0].conv1.weight)


def test_what_does_not_suit_is_said(digits: DataBundle) -> None:
    assert fail("timm:resnt18", digits).hint == "Did you mean 'resnet18'?"
    assert fail("timm:test_vit", digits).hint == "Load the data with --image-size 160."
    assert "no weights 'best'" in fail("timm:test_resnet", digits, weights="best").message


def test_a_missing_package_is_named_with_the_line_that_installs_it(
    digits: DataBundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    assert fail("timm:test_resnet", digits).hint == "pip install 'lepton-nb[timm]'"


@pytest.mark.slow
def test_an_instance_is_built_again_without_a_download(digits: DataBundle) -> None:
    from tests.models_support import Notebook

    notebook = Notebook("import timm", "net = timm.create_model('test_resnet', num_classes=10, in_chans=1)")
    notebook.cells[-1] = notebook.cells[-1].replace("'test_resnet',", "'test_resnet', pretrained=True,")
    assert "pretrained=False" in notebook.define("net").spec.expression
