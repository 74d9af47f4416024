"""torchvision's models by name, fitted to the data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from lepton_nb.errors import ModelError
from lepton_nb.models import model
from lepton_nb.models.registry import build_torchvision, torchvision_names
from lepton_nb.signature import Signature, TensorSpec


def pictures(channels: int, height: int, width: int, classes: int = 7) -> Signature:
    return Signature(
        task="image-classification",
        inputs=(TensorSpec("image", "float32", (channels, height, width)),),
        output=TensorSpec("logits", "float32", (classes,)),
        class_names=tuple(f"class {index}" for index in range(classes)),
    )


@pytest.mark.parametrize("name", ["squeezenet1_1", "mobilenet_v3_small", "shufflenet_v2_x0_5", "mnasnet0_5"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_head_and_first_layer_fit_the_data(name: str, channels: int) -> None:
    definition = model(name, signature=pictures(channels, 64, 64))
    net = definition.build().eval()
    assert net(torch.randn(2, channels, 64, 64)).shape == (2, 7)
    assert definition.spec.kind == "torchvision"
    assert (definition.notes != []) == (channels != 3)


@pytest.mark.slow
def test_a_spec_builds_the_same_architecture() -> None:
    definition = model("resnet18", signature=pictures(1, 32, 32))
    rebuilt = definition.spec.build()
    rebuilt.load_state_dict(definition.build().state_dict())
    assert rebuilt.conv1.kernel_size == (3, 3)


@pytest.mark.slow
def test_a_resnet_gets_the_stem_for_small_pictures() -> None:
    definition = model("resnet18", signature=pictures(3, 32, 32))
    net = definition.build()
    assert (net.conv1.kernel_size, net.conv1.stride, net.conv1.padding) == ((3, 3), (1, 1), (1, 1))
    assert isinstance(net.maxpool, nn.Identity)
    assert net.layer1(net.conv1(torch.randn(1, 3, 32, 32))).shape[-2:] == (32, 32)
    assert definition.notes == [
        "resnet18 has the stem for small pictures (32 × 32): "
        "a 3 × 3 convolution with stride 1, no max-pooling."
    ]
    large = model("resnet18", signature=pictures(3, 64, 64))
    assert large.build().conv1.kernel_size == (7, 7)
    assert large.notes == []


def test_without_data_a_model_is_torchvisions_own() -> None:
    definition = model("squeezenet1_1")
    assert definition.build()(torch.randn(1, 3, 64, 64)).shape == (1, 1000)


def test_an_unknown_name_suggests_the_nearest() -> None:
    starters = {"SmallCNN": lambda signature: nn.Linear(1, 1)}
    with pytest.raises(ModelError) as caught:
        model("resnet81", starters=starters)
    assert str(caught.value) == (
        "There is no model 'resnet81' among your variables, the starters and torchvision's models."
        "\nDid you mean 'resnet18'?"
    )
    with pytest.raises(ModelError, match="Did you mean 'SmallCNN'"):
        model("smalcnn", starters=starters)
    with pytest.raises(ModelError, match="Did you mean 'resnet18'"):
        build_torchvision("resnet-18", num_classes=2)


def test_only_classification_models_are_known() -> None:
    names = torchvision_names()
    assert {"resnet18", "vit_b_16", "convnext_tiny"} <= set(names)
    assert not any("segmentation" in name or "rcnn" in name for name in names)


@pytest.mark.parametrize(
    ("name", "size", "message"),
    [
        (
            "vit_b_16",
            (28, 28),
            "vit_b_16 takes squares of a multiple of 16 pixels, but the pictures are 28 × 28.",
        ),
        (
            "inception_v3",
            (32, 32),
            "inception_v3 takes at least 75 × 75 pixels, but the pictures are 32 × 32.",
        ),
        ("maxvit_t", (64, 64), "maxvit_t takes multiples of 224 pixels, but the pictures are 64 × 64."),
    ],
)
def test_a_size_that_does_not_suit_says_which_does(name: str, size: tuple[int, int], message: str) -> None:
    with pytest.raises(ModelError) as caught:
        model(name, signature=pictures(3, *size))
    assert caught.value.message == message
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("Load the data with --image-size ")


def test_data_that_is_no_picture_is_refused() -> None:
    rows = Signature(
        "tabular-classification", (TensorSpec("features", "float32", (4,)),), TensorSpec("y", "float32", (3,))
    )
    with pytest.raises(ModelError) as caught:
        model("resnet18", signature=rows)
    assert caught.value.message == (
        "resnet18 takes pictures (channels, height, width), but the data gives features: float32[N, 4]."
    )


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> dict[str, torch.Tensor]:
    """Weights as if they had been downloaded before."""
    from torchvision import models

    weights: dict[str, torch.Tensor] = models.resnet18(weights=None).state_dict()
    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", lambda *a, **k: weights)
    return weights


@pytest.mark.slow
def test_pretrained_weights_stay_and_only_the_head_is_new(published: dict[str, Any]) -> None:
    definition = model("resnet18", signature=pictures(3, 128, 128), weights="DEFAULT")
    net = definition.build()
    assert torch.equal(net.conv1.weight, published["conv1.weight"])
    assert torch.equal(net.layer4[1].conv2.weight, published["layer4.1.conv2.weight"])
    assert net.fc.weight.shape == (7, 512)
    assert "weights" not in definition.spec.kwargs
    definition.spec.build().load_state_dict(net.state_dict())


@pytest.mark.slow
def test_pretrained_filters_are_summed_for_grey_and_the_stem_stays(published: dict[str, Any]) -> None:
    definition = model("resnet18", signature=pictures(1, 32, 32), weights="IMAGENET1K_V1")
    net = definition.build()
    torch.testing.assert_close(net.conv1.weight, published["conv1.weight"].sum(1, keepdim=True))
    assert definition.notes == [
        "resnet18 takes 1 channel in place of 3: its pretrained filters are summed.",
        "resnet18 keeps its stem for 224 × 224 pictures with pretrained weights; for 32 × 32, "
        "--image-size 128 or more does better.",
    ]
    definition.spec.build().load_state_dict(net.state_dict())


@pytest.mark.slow
def test_pretrained_filters_repeated_for_more_channels_keep_the_scale(published: dict[str, Any]) -> None:
    net = model("resnet18", signature=pictures(6, 128, 128), weights="DEFAULT").build()
    grey = torch.randn(1, 1, 16, 16)
    expected = nn.functional.conv2d(grey.repeat(1, 3, 1, 1), published["conv1.weight"], stride=2, padding=3)
    torch.testing.assert_close(net.conv1(grey.repeat(1, 6, 1, 1)), expected, rtol=1e-4, atol=1e-4)


def test_unknown_weights_suggest_the_nearest() -> None:
    with pytest.raises(ModelError) as caught:
        model("resnet18", weights="IMAGENET1K_V9")
    assert str(caught.value) == "resnet18 has no weights 'IMAGENET1K_V9'.\nDid you mean 'IMAGENET1K_V1'?"


def test_offline_says_how_to_go_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    for name in ("https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with pytest.raises(ModelError) as caught:
        model("squeezenet1_1", weights="DEFAULT")
    assert caught.value.message.startswith(
        "The weights of squeezenet1_1 cannot be downloaded from https://download.pytorch.org/models/squeezenet1_1"
    )
    assert caught.value.hint == (
        f"Go online, put the file into {tmp_path}/hub/checkpoints, or train without --weights."
    )
