"""Which of several classes a picture shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from lepton_nb.errors import ModelError
from lepton_nb.signature import Signature
from lepton_nb.tasks.base import Starter
from lepton_nb.tasks.classification import Classification
from lepton_nb.tasks.images import ImageCodec
from lepton_nb.tasks.tensors import TensorCodec

if TYPE_CHECKING:
    from torch import nn


class ImageClassification(Classification):
    """Pictures float32 ``(N, C, H, W)``, one class each."""

    name: ClassVar[str] = "image-classification"
    title: ClassVar[str] = "Image classification"
    codec_type: ClassVar[type[TensorCodec]] = ImageCodec

    def starters(self) -> Mapping[str, Starter]:
        return {
            "SmallCNN": _small_cnn,
            "LeptonCNN": _lepton_cnn,
            "QuickResNet": _quick_resnet,
            "ResNet9": _resnet9,
        }


def _small_cnn(signature: Signature) -> nn.Module:
    from lepton_nb.models import SmallCNN

    channels, _, _ = picture_shape(signature)
    return SmallCNN(in_channels=channels, num_classes=signature.num_outputs)


def _lepton_cnn(signature: Signature) -> nn.Module:
    from lepton_nb.models import LeptonCNN

    channels, height, width = picture_shape(signature)
    return LeptonCNN(channels, signature.num_outputs, height=height, width=width)


def _quick_resnet(signature: Signature) -> nn.Module:
    from lepton_nb.models import QuickResNet

    channels, _, _ = picture_shape(signature)
    return QuickResNet(in_channels=channels, num_classes=signature.num_outputs)


def _resnet9(signature: Signature) -> nn.Module:
    from lepton_nb.models import ResNet9

    channels, _, _ = picture_shape(signature)
    return ResNet9(in_channels=channels, num_classes=signature.num_outputs)


def picture_shape(signature: Signature) -> tuple[int, int, int]:
    """Channels, height and width of the one input.

    Raises:
        ModelError: If the model does not take one picture of a fixed size.
    """
    shape = signature.inputs[0].shape
    if len(signature.inputs) != 1 or len(shape) != 3 or None in shape:
        seen = ", ".join(map(str, signature.inputs))
        raise ModelError(f"The starter models take one picture (channels, height, width), not {seen}.")
    channels, height, width = (int(dim or 0) for dim in shape)
    return channels, height, width
