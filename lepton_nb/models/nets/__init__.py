"""Small networks to start from. Plain `nn.Module`s: copy one into a cell and change it."""

from lepton_nb.models.nets.images import LeptonCNN, ResNet9, SmallCNN
from lepton_nb.models.nets.quick_resnet import QuickResNet
from lepton_nb.models.nets.tables import MLP
from lepton_nb.models.nets.texts import BagOfEmbeddings, TextTransformer, TokenTransformer

__all__ = [
    "MLP",
    "BagOfEmbeddings",
    "LeptonCNN",
    "QuickResNet",
    "ResNet9",
    "SmallCNN",
    "TextTransformer",
    "TokenTransformer",
]
