"""Model definitions: built, checked against a real batch, explained when they do not fit."""

from lepton_nb.models.calling import Inputs, call_model
from lepton_nb.models.check import CheckReport, check_model, first_non_finite
from lepton_nb.models.defining import model
from lepton_nb.models.definition import Definition
from lepton_nb.models.nets import (
    MLP,
    BagOfEmbeddings,
    LeptonCNN,
    QuickResNet,
    ResNet9,
    SmallCNN,
    TextTransformer,
    TokenTransformer,
)
from lepton_nb.models.spec import ModelSpec
from lepton_nb.models.summary import Summary, SummaryRow, summarize

__all__ = [
    "MLP",
    "BagOfEmbeddings",
    "CheckReport",
    "Definition",
    "Inputs",
    "LeptonCNN",
    "ModelSpec",
    "QuickResNet",
    "ResNet9",
    "SmallCNN",
    "Summary",
    "SummaryRow",
    "TextTransformer",
    "TokenTransformer",
    "call_model",
    "check_model",
    "first_non_finite",
    "model",
    "summarize",
]
