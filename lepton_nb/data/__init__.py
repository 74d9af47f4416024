"""Data sets: what goes into a model, cleaned, split and described.

The rooms ``pictures/``, ``tables/``, ``texts/``, ``tensors/`` (numbers in memory) and ``own/`` (the user's
Datasets and DataLoaders) each read theirs into a `DataBundle`; ``fitted/`` reads data for a model that is
trained. What they share stands here: `sources` (who reads what), `splitting`, `report`, `memory`. Nothing
here knows how a model is trained.

Names load on first use: Tab and ``--help`` list the sources without torch. Every source is a function of its
name: ``folder(path)``, ``picture_table(path)``, ``csv(path)``, ``frame(table)``, ``text(path)``,
``torchvision(name)``, ``digits()``, ``arrays(x, y)``, ``dataset(items)``, ``loaders(train, val, test)``, and
those of the tasks.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lepton_nb.batch import Batch
    from lepton_nb.data.bundle import DataBundle, Inputs, Loader, Split
    from lepton_nb.data.loading import from_spec, load
    from lepton_nb.data.own.source import DatasetSource, LoaderSource
    from lepton_nb.data.pictures.source import (
        DigitsSource,
        FolderSource,
        PictureTableSource,
        TorchvisionSource,
    )
    from lepton_nb.data.report import DataReport, Finding
    from lepton_nb.data.tables.source import CsvSource, FrameSource
    from lepton_nb.data.tensors.source import ArraySource
    from lepton_nb.data.texts.source import TextSource

    arrays: ArraySource
    csv: CsvSource
    dataset: DatasetSource
    digits: DigitsSource
    folder: FolderSource
    frame: FrameSource
    loaders: LoaderSource
    picture_table: PictureTableSource
    text: TextSource
    torchvision: TorchvisionSource

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
    "picture_table",
    "text",
    "torchvision",
]

_MODULES = {
    "Batch": "lepton_nb.batch",
    "DataBundle": "lepton_nb.data.bundle",
    "DataReport": "lepton_nb.data.report",
    "Finding": "lepton_nb.data.report",
    "Inputs": "lepton_nb.data.bundle",
    "Loader": "lepton_nb.data.bundle",
    "Split": "lepton_nb.data.bundle",
    "from_spec": "lepton_nb.data.loading",
    "load": "lepton_nb.data.loading",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(import_module(_MODULES[name]), name)
    if not name.startswith("_"):
        from lepton_nb.data.sources import sources

        if name in sources():
            return sources()[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
