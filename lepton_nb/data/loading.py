"""One entry for every kind of source."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from lepton_nb.data.bundle import DataBundle
from lepton_nb.data.class_folders import IMAGE_SUFFIXES, is_class_folder_tree, suggest_path
from lepton_nb.data.decoding import Progress
from lepton_nb.data.image_folder import folder
from lepton_nb.data.specs import check_same
from lepton_nb.data.splitting import split_as
from lepton_nb.data.table_files import SUFFIXES, read_table
from lepton_nb.data.tables import csv, frame, table_folder_files
from lepton_nb.data.tensors import arrays, digits
from lepton_nb.data.text_files import guess_text_column, is_line_file, is_text_folder
from lepton_nb.data.texts import text
from lepton_nb.data.torchvision_sets import torchvision, torchvision_names
from lepton_nb.data.user_loaders import dataset, loaders
from lepton_nb.errors import ArgumentError, DataError, did_you_mean, nearest

Maker = Callable[..., DataBundle]
SOURCES: dict[str, Maker] = {"folder": folder, "csv": csv, "text": text, "torchvision": torchvision}
_EXPECTED = (
    "a folder, a CSV or TSV file, the name of a torchvision data set, 'digits', a DataFrame, (X, y) arrays "
    "or tensors, a Dataset or a DataLoader"
)


def load(source: Any, *, progress: Progress | None = None, **options: Any) -> DataBundle:
    """The data of any source as a bundle.

    Args:
        source: ``"digits"``; the path of a folder of pictures, texts or tables, or of a CSV or TSV file; the
            name of a torchvision data set; a DataFrame; ``(X, y)`` or ``((X, y), (X_test, y_test))``
            of arrays or tensors; a Dataset or DataLoader, or a tuple of those for train, val and test.
        progress: Called with the number of pictures decoded and their total, where there are any to decode.
        options: Those of the function that reads such a source: `digits`, `folder`, `csv`, `frame`, `text`,
            `torchvision`, `arrays`, `dataset` or `loaders`. ``progress`` is never called where the source is
            read at once.

    Raises:
        DataError: If the source cannot be read.
        ArgumentError: If it takes no such option.
    """
    maker, arguments = _choose(source, options)
    if maker is text and options.get("target") is not None:
        options = {**options, "label": options.get("label") or options["target"]}
        del options["target"]
    if maker in _ONE_TASK and options.get("task") in (None, "classification", _ONE_TASK[maker]):
        options = {name: value for name, value in options.items() if name != "task"}
    if "progress" not in inspect.signature(maker).parameters:
        options.pop("progress", None)
    _check_options(maker, options)
    if "progress" in inspect.signature(maker).parameters:
        options = {**options, "progress": progress}
    return maker(*arguments, **options)


def from_spec(spec: dict[str, Any], *, strict: bool = True) -> DataBundle:
    """The bundle that `DataBundle.spec` describes, read again from its source.

    Args:
        spec: What a bundle's `spec` held, perhaps in another process.
        strict: False to go on with a warning in the report where the data has changed.

    Raises:
        DataError: If the source is gone, or has changed and `strict` is set.
    """
    options = dict(spec["options"])
    with split_as(spec.get("split")):
        bundle = (
            digits(**options)
            if spec["source"] == "digits"
            else SOURCES[spec["source"]](spec["where"], **options)
        )
    check_same(bundle, spec, strict=strict)
    return bundle


def _choose(source: Any, options: dict[str, Any]) -> tuple[Maker, tuple[Any, ...]]:
    """The function that reads a source, and its arguments."""
    if isinstance(source, str) and source == "digits":
        return digits, ()
    if isinstance(source, str | os.PathLike):
        return _choose_by_name(os.fspath(source), options)
    if isinstance(source, pd.DataFrame):
        return (text if _asks_for_text(options) else frame), (source,)
    if isinstance(source, DataLoader):
        return loaders, (source,)
    if isinstance(source, Dataset):
        return dataset, (source,)
    if isinstance(source, tuple | list) and len(source) == 2:
        pairs = [isinstance(part, tuple | list) and len(part) == 2 for part in source]
        if all(pairs) and all(_is_array(part[0]) for part in source):
            options["test"] = source[1]
            return arrays, tuple(source[0])
        if isinstance(source[0], pd.DataFrame):
            target = str(getattr(source[1], "name", None) or "y")
            return frame, (source[0].assign(**{target: np.asarray(source[1])}),)
        if _is_array(source[0]):
            return arrays, tuple(source)
    if (
        isinstance(source, tuple | list)
        and source
        and all(isinstance(p, DataLoader | Dataset) for p in source)
    ):
        return loaders, tuple(source)
    raise DataError(f"Cannot read data from {_shown(source)}.", f"Give {_EXPECTED}.")


def _choose_by_name(name: str, options: dict[str, Any]) -> tuple[Maker, tuple[Any, ...]]:
    path = Path(name).expanduser()
    if path.is_dir():
        return _choose_for_folder(path, options), (name,)
    if path.is_file():
        return _choose_for_file(path, options), (name,)
    known = torchvision_names()
    if name.lower() in {each.lower() for each in known}:
        return torchvision, (name,)
    looks_like_path = (
        os.sep in name or "/" in name or "." in name or nearest(name, ["digits", *known]) is None
    )
    hint = suggest_path(path.absolute()) if looks_like_path else did_you_mean(name, ["digits", *known])
    raise DataError(f"There is no file or folder {name!r}, and no data set of that name.", hint)


def _choose_for_folder(path: Path, options: dict[str, Any]) -> Maker:
    if "train" in table_folder_files(path):
        return csv
    if _asks_for_text(options):
        return text
    if not is_class_folder_tree(path, IMAGE_SUFFIXES) and is_text_folder(path):
        return text
    return folder


def _choose_for_file(path: Path, options: dict[str, Any]) -> Maker:
    """Text where it is asked for, the file has no header, or it is a text column and one more."""
    if path.suffix.lower() in IMAGE_SUFFIXES:
        raise DataError(f"{str(path)!r} is one picture.", "Give the folder that holds one folder per class.")
    if _asks_for_text(options) or (is_line_file(path) and "target" not in options):
        return text
    if path.suffix.lower() not in (*SUFFIXES, ".txt"):
        raise DataError(f"{str(path)!r} is no file this reads.", f"Give {_EXPECTED}.")
    task = options.get("task") or ""
    if "target" in options or task == "regression" or task.startswith("tabular-"):
        return csv
    table, _ = read_table(path)
    return text if table.shape[1] == 2 and guess_text_column(table) is not None else csv


def _asks_for_text(options: dict[str, Any]) -> bool:
    wanted = ("text", "label", "max_length", "vocab_size")
    return (
        any(options.get(name) is not None for name in wanted) or options.get("task") == "text-classification"
    )


def _check_options(maker: Maker, options: dict[str, Any]) -> None:
    """Refuse an option that this kind of source does not take."""
    parameters = inspect.signature(maker).parameters
    if any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values()):
        return
    taken = [name for name, p in parameters.items() if p.kind is inspect.Parameter.KEYWORD_ONLY]
    for name in options:
        if name not in taken:
            raise ArgumentError(
                f"{_KINDS[maker]} take no option {name!r}.",
                did_you_mean(name, taken),
            )


_ONE_TASK: dict[Maker, str] = {
    digits: "image-classification",
    folder: "image-classification",
    torchvision: "image-classification",
}
_KINDS: dict[Maker, str] = {
    digits: "The digits",
    folder: "Folders of pictures",
    csv: "Table files",
    frame: "Tables",
    text: "Texts",
    arrays: "Arrays",
    dataset: "Datasets",
    loaders: "DataLoaders and Datasets",
}


def _is_array(value: Any) -> bool:
    return isinstance(value, np.ndarray | Tensor | pd.DataFrame)


def _shown(source: Any) -> str:
    kind = type(source).__name__
    return f"a {kind} of {len(source)}" if isinstance(source, list | tuple | dict) else f"a {kind}"
