"""Data sets: what goes into a model, cleaned, split and described."""

from __future__ import annotations

from lepton_nb.batch import Batch
from lepton_nb.data.bundle import DataBundle, Inputs, Loader, Split
from lepton_nb.data.loading import from_spec, load
from lepton_nb.data.own.loaders import dataset, loaders
from lepton_nb.data.pictures.folder import folder
from lepton_nb.data.pictures.torchvision_sets import torchvision
from lepton_nb.data.report import DataReport, Finding
from lepton_nb.data.tables.reading import csv, frame
from lepton_nb.data.tensors.reading import arrays, digits
from lepton_nb.data.texts.reading import text

__all__ = [
    "Batch",
    "DataBundle",
    "DataReport",
    "Finding",
    "Inputs",
    "Loader",
    "Split",
    "arrays",
    "csv",
    "dataset",
    "digits",
    "folder",
    "frame",
    "from_spec",
    "load",
    "loaders",
    "text",
    "torchvision",
]
