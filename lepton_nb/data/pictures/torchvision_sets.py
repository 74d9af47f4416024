"""The data sets of `torchvision.datasets` by class name."""

from __future__ import annotations

import inspect
import os
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from lepton_nb.data.bundle import DataBundle
from lepton_nb.data.pictures.bundle import image_bundle
from lepton_nb.data.pictures.decoding import PictureForm
from lepton_nb.data.pictures.reading import read_pictures
from lepton_nb.data.pictures.source import TorchvisionOptions
from lepton_nb.data.report import Finding
from lepton_nb.data.sources import Progress
from lepton_nb.data.splitting import Parts, numbered, plan_parts
from lepton_nb.errors import DataError, did_you_mean
from lepton_nb.runs import home

SPLIT_NAMES = {
    "train": ("train", "trainval", "train-standard"),
    "val": ("val", "valid"),
    "test": ("test",),
}
_OURS = {"root", "transform", "target_transform", "transforms", "download", "train", "self", "kwargs"}
_NOT_NAMED_SETS = {"ImageFolder", "DatasetFolder", "VisionDataset"}


def read_set(
    dataset: str, options: TorchvisionOptions, *, name: str | None, progress: Progress | None
) -> DataBundle:
    """A picture classification data set of torchvision as a bundle.

    Raises:
        DataError: If there is no such set, its files are missing, or its items are no labelled pictures.
    """
    cls = _find_class(dataset)
    arguments = dict(options.more)
    is_fake = cls.__name__ == "FakeData"
    if is_fake and options.size is not None:
        arguments["image_size"] = (3, *options.size)
    where = Path(options.root) if options.root is not None else home() / "datasets"
    source = DatasetPictures(_build_splits(cls, where, options.download, arguments), cls.__name__)
    parts, split = plan_parts(
        source.given,
        numbered(len(source.labels)),  # these sets do not grow
        source.labels,
        source.class_names,
        options,
    )
    pool, parts, findings = read_pictures(source, parts, options.size, cache=False, progress=progress)
    return image_bundle(
        pool,
        parts,
        source.class_names,
        name=name or cls.__name__,
        source=f"torchvision.datasets.{cls.__name__}",
        augment=options.augment,
        findings=[Finding("Random pixels: good for a trial only.")] * is_fake + split + findings,
    )


def torchvision_names() -> list[str]:
    """Class names of torchvision's data sets."""
    from torchvision import datasets  # as slow to import as torch, and most data never needs it

    return sorted(
        name
        for name in datasets.__all__
        if inspect.isclass(getattr(datasets, name)) and name not in _NOT_NAMED_SETS
    )


class DatasetPictures:
    """The splits of one torchvision data set as one row of pictures: a `PictureSource`."""

    def __init__(self, splits: dict[str, Any], name: str) -> None:
        self._name = name
        self._splits = list(splits.items())
        for _, dataset in self._splits:
            _check_items(dataset, name)
        by_split = {split: _labels(dataset) for split, dataset in self._splits}
        self.labels = np.concatenate(list(by_split.values()))
        self.contents = None
        self._starts = np.cumsum([0, *map(len, by_split.values())])
        self.given: Parts = {
            split: np.arange(self._starts[i], self._starts[i + 1]) for i, split in enumerate(by_split)
        }
        self.class_names = _class_names(self._splits[0][1], self.labels)

    def read(self, i: int) -> Image.Image:
        _, dataset, position = self._locate(i)
        picture: Image.Image = dataset[position][0]
        return picture

    def raw(self, i: int) -> Image.Image:
        return self.read(i)

    def name_of(self, i: int) -> str:
        split, _, position = self._locate(i)
        return f"{split}[{position}]"

    def cache_key(self, rows: np.ndarray, form: PictureForm) -> None:  # noqa: ARG002
        """Nothing is kept: most of these sets are arrays already."""
        return

    def _locate(self, i: int) -> tuple[str, Any, int]:
        number = int(np.searchsorted(self._starts, i, side="right")) - 1
        split, dataset = self._splits[number]
        return split, dataset, int(i - self._starts[number])


def _find_class(name: str) -> Any:
    by_folded = {known.lower(): known for known in torchvision_names()}
    if name.lower() not in by_folded:
        hint = (
            "Give the folder's path." if name in _NOT_NAMED_SETS else did_you_mean(name, by_folded.values())
        )
        raise DataError(f"torchvision has no data set {name!r} to load by name.", hint)
    from torchvision import datasets

    return getattr(datasets, by_folded[name.lower()])


def _parameters(cls: Any) -> dict[str, inspect.Parameter]:
    """The constructor's parameters; where it passes keywords on, its bases' too."""
    found: dict[str, inspect.Parameter] = {}
    for base in cls.__mro__:
        if "__init__" not in vars(base):
            continue
        own = inspect.signature(base.__init__).parameters
        found = {**own, **found}
        if not any(p.kind is inspect.Parameter.VAR_KEYWORD for p in own.values()):
            break
    return found


def _build_splits(cls: Any, root: Path, download: bool, arguments: dict[str, Any]) -> dict[str, Any]:
    """One dataset object for each split the class has."""
    parameters = _parameters(cls)
    own = [name for name in parameters if name not in _OURS]
    unknown = [name for name in arguments if name not in own]
    if unknown:
        raise DataError(f"{cls.__name__} takes no {unknown[0]!r}.", did_you_mean(unknown[0], own))
    by_train = "train" in parameters
    by_split = "split" in parameters and not by_train and "split" not in arguments
    needed = [
        name
        for name in own
        if parameters[name].default is inspect.Parameter.empty
        and parameters[name].kind is not inspect.Parameter.VAR_KEYWORD
        and name not in arguments
        and not (name == "split" and by_split)
    ]
    if needed:
        raise DataError(
            f"{cls.__name__} needs {needed[0]}=….", f"See help(torchvision.datasets.{cls.__name__})."
        )
    fixed = dict(arguments)
    if "root" in parameters:
        fixed["root"] = str(root)
    if "download" in parameters:
        fixed["download"] = download
    if by_train:
        return {split: _construct(cls, {**fixed, "train": split == "train"}) for split in ("train", "test")}
    if not by_split:
        return {"train": _construct(cls, fixed)}
    splits = {}
    for split, names in SPLIT_NAMES.items():
        for split_name in names:
            try:
                splits[split] = _construct(cls, {**fixed, "split": split_name})
            except ValueError:  # how torchvision refuses the name of a split
                continue
            break
    if "train" not in splits:
        raise DataError(
            f"{cls.__name__} has no training split.", "Pass split=… to take one part of it and split that."
        )
    return splits


def _construct(cls: Any, arguments: dict[str, Any]) -> Any:
    if "root" in arguments:
        os.makedirs(arguments["root"], exist_ok=True)
    try:
        return cls(**arguments)
    except (OSError, RuntimeError) as error:  # a failed download is a URLError, which is an OSError
        raise _missing(cls, arguments, error) from error
    except ImportError as error:
        raise DataError(f"{cls.__name__} needs a package that is not installed: {error}.") from error


def _missing(cls: Any, arguments: dict[str, Any], error: Exception) -> DataError:
    """What to say where a dataset's files are not there and cannot be downloaded."""
    missing = f"{cls.__name__} is not in {arguments.get('root')}"
    if "download" not in arguments:
        return DataError(f"{missing}; torchvision cannot download it.", str(error).splitlines()[0])
    if not arguments["download"]:
        return DataError(f"{missing} and download is off.", "Pass download=True, or root=… where it is.")
    reasons = [line.strip() for line in str(error).splitlines() if line.strip(" .")]
    return DataError(
        f"{missing} and cannot be downloaded: {reasons[-1] if reasons else type(error).__name__}.",
        "Connect to the internet, or put its files there.",
    )


def _check_items(dataset: Any, name: str) -> None:
    if not len(dataset):
        raise DataError(f"{name} has no items.")
    item = dataset[0]
    is_pair = isinstance(item, tuple) and len(item) == 2
    if not is_pair or not isinstance(item[0], Image.Image) or not isinstance(item[1], int | np.integer):
        got = (
            ", ".join(type(part).__name__ for part in item)
            if isinstance(item, tuple)
            else type(item).__name__
        )
        raise DataError(f"The items of {name} are ({got}); classification needs (picture, class number).")


def _labels(dataset: Any) -> np.ndarray:
    """All class numbers: from the dataset's own list where it has one, else by reading every item."""
    last = len(dataset) - 1
    for attribute in ("targets", "labels", "_labels", "y"):
        values = getattr(dataset, attribute, None)
        if values is None or len(values) != len(dataset):
            continue
        try:
            labels = np.asarray(values).astype(np.int64).reshape(-1)
        except (TypeError, ValueError):
            continue
        if len(labels) == len(dataset) and labels[0] == dataset[0][1] and labels[last] == dataset[last][1]:
            return labels
    return np.array([int(dataset[i][1]) for i in range(len(dataset))], dtype=np.int64)


def _class_names(dataset: Any, labels: np.ndarray) -> tuple[str, ...]:
    if labels.min() < 0:
        raise DataError(f"Class numbers start at {labels.min()}; they are to start at 0.")
    if labels.min() == labels.max():
        raise DataError("All items are of one class; classification needs at least two.")
    count = int(labels.max()) + 1
    for attribute in ("classes", "categories"):
        names = getattr(dataset, attribute, None)
        if isinstance(names, list | tuple) and len(names) >= count:
            return tuple(name[0] if isinstance(name, tuple) else str(name) for name in names)
    return tuple(str(i) for i in range(count))
