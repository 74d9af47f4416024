"""The sources of labelled pictures: folders, torchvision's sets, and the digits that come along."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lepton_nb.data.options import Grouped, Tasked, option
from lepton_nb.data.pictures.options import Augmenting, PictureOptions
from lepton_nb.data.sources import Match, Progress, Source, is_a
from lepton_nb.errors import DataError, did_you_mean
from lepton_nb.tasks.names import LABEL_TASKS

if TYPE_CHECKING:
    from lepton_nb.data.bundle import DataBundle

_RESIZES = ("stretch", "fit", "crop")


@dataclass(frozen=True, kw_only=True)
class FolderOptions(PictureOptions, Grouped):
    """Pictures in files.

    Attributes:
        cache: Whether decoded pixels are kept under ``$LEPTON_HOME/cache`` for the next time.
        resize: How pictures of another shape get their size: pulled to it; ``fit``, as large as fits, on
            black; ``crop``, as large as covers it, cut at the edges.
        stream: The pictures of ``train`` are decoded while the first epoch runs, and kept for the others.
            Unreadable ones are then left out of their batches, and those that are also in another split are
            named, not removed.
    """

    title = "pictures"
    cache: bool = option(True, "keep decoded pictures on disk")
    resize: Literal["stretch", "fit", "crop"] = option("stretch", "how pictures get their size")
    stream: bool = option(False, "train at once: decode pictures while the first epoch runs")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.resize not in _RESIZES:
            hint = did_you_mean(str(self.resize), _RESIZES)
            raise DataError(f"resize is {self.resize!r}; it is one of {', '.join(_RESIZES)}.", hint)


class FolderSource(Source[FolderOptions]):
    """Pictures in one folder per class, with ``train/``, ``test/`` and ``val/`` above them or without."""

    name = "folder"
    noun = "Folders of pictures"
    gives = "a folder of pictures"
    tasks = ("image-classification",)
    options = FolderOptions

    def recognises_path(self, path: Path, options: Mapping[str, Any]) -> Match:  # noqa: ARG002
        from lepton_nb.data.class_folders import IMAGE_SUFFIXES, is_class_folder_tree

        if not path.is_dir():
            return Match.NO
        return Match.LIKELY if is_class_folder_tree(path, IMAGE_SUFFIXES) else Match.PERHAPS

    def why_not(self, path: Path) -> tuple[str, str] | None:
        from lepton_nb.data.class_folders import IMAGE_SUFFIXES

        if path.suffix.lower() not in IMAGE_SUFFIXES:
            return None
        return f"{str(path)!r} is one picture.", "Give the folder that holds one folder per class."

    def read(
        self, given: Any, options: FolderOptions, *, name: str | None, progress: Progress | None
    ) -> DataBundle:
        from lepton_nb.data.pictures.folder import read_folder

        return read_folder(given, options, name=name, progress=progress)


@dataclass(frozen=True, kw_only=True)
class PictureTableOptions(Tasked, FolderOptions):
    """Pictures in files that a table names.

    Attributes:
        target: The column that says what a picture shows: a class, or labels as ``a|b``; several columns,
            ``a,b,c``, are labels of 0 and 1. Guessed where it is not given, which the report says.
        images: The folder from which the table names its pictures, where that is not the table's own.
    """

    title = "pictures"
    target: str | tuple[str, ...] | None = option(
        None, "column with the label of a picture; several, a,b,c, are labels of 0 and 1", "COLUMN"
    )
    images: str | None = option(None, "folder of the pictures that a table names", "DIR", completes="files")

    def to_spec(self) -> dict[str, Any]:
        images = None if self.images is None else str(Path(self.images).expanduser().absolute())
        return {**super().to_spec(), "images": images}


class PictureTableSource(Source[PictureTableOptions]):
    """Pictures that a table names, with a class or labels each: a CSV file, its folder, or a DataFrame."""

    name = "picture_table"
    noun = "Tables of pictures"
    gives = "a CSV file that names pictures"
    classes = ("pandas:DataFrame",)
    tasks = ("image-classification", *LABEL_TASKS)
    options = PictureTableOptions

    def recognises_path(self, path: Path, options: Mapping[str, Any]) -> Match:
        from lepton_nb.data.pictures.listed import names_pictures
        from lepton_nb.data.pictures.picture_table import is_picture_table
        from lepton_nb.data.tables.files import is_table_file

        if path.is_file():
            asked = options.get("images")
            images = Path(asked or path.parent).expanduser()
            if not is_table_file(path) or not images.is_dir():
                return Match.NO
            return Match.LIKELY if names_pictures(path, images, bare=bool(asked)) else Match.IF_ASKED
        return Match.SURELY if is_picture_table(path) else Match.IF_ASKED

    def recognises_variable(self, value: Any, options: Mapping[str, Any]) -> Match:
        frames = list(value.values()) if isinstance(value, dict) else [value]
        if not frames or not all(is_a(frame, *self.classes) for frame in frames):
            return Match.NO
        from lepton_nb.data.pictures.finding import Finder
        from lepton_nb.data.pictures.listed import picture_column
        from lepton_nb.data.tables.files import PEEKED

        images = Path(options.get("images") or Path.cwd()).expanduser()
        named = images.is_dir() and picture_column(
            frames[0].head(PEEKED), Finder(images), bare=bool(options.get("images"))
        )
        return Match.LIKELY if named else Match.IF_ASKED

    def read(
        self, given: Any, options: PictureTableOptions, *, name: str | None, progress: Progress | None
    ) -> DataBundle:
        from lepton_nb.data.pictures.picture_table import read_picture_table

        return read_picture_table(given, options, name=name, progress=progress)


@dataclass(frozen=True, kw_only=True)
class TorchvisionOptions(PictureOptions):
    """Pictures of a data set of torchvision.

    Attributes:
        root: Folder that has or gets the files; ``$LEPTON_HOME/datasets`` where it is not given.
        more: The set's own arguments, such as ``split="balanced"`` for EMNIST.
    """

    title = "torchvision"
    root: str | None = option(None, "folder of torchvision's downloads", "DIR", completes="files")
    download: bool = option(True, "fetch a torchvision dataset")
    more: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.root is not None:
            object.__setattr__(self, "root", str(Path(self.root).expanduser().absolute()))

    def to_spec(self) -> dict[str, Any]:
        spec = asdict(self)
        more = spec.pop("more")
        return {**spec, **more}


class TorchvisionSource(Source[TorchvisionOptions]):
    """Labelled pictures of torchvision by the class's name, such as ``CIFAR10``, in any case."""

    name = "torchvision"
    noun = "Data sets of torchvision"
    gives = "the name of a torchvision data set"
    tasks = ("image-classification",)
    options = TorchvisionOptions
    takes_more = True

    def known_names(self) -> list[str]:
        from lepton_nb.data.pictures.torchvision_sets import torchvision_names

        return torchvision_names()

    def read(
        self, given: Any, options: TorchvisionOptions, *, name: str | None, progress: Progress | None
    ) -> DataBundle:
        from lepton_nb.data.pictures.torchvision_sets import read_set

        return read_set(given, options, name=name, progress=progress)


class DigitsSource(Source[Augmenting]):
    """scikit-learn's 1,797 handwritten digits, 8 × 8 grey pixels: real data that needs no download."""

    name = "digits"
    noun = "The digits"
    gives = "digits"
    tasks = ("image-classification",)
    options = Augmenting
    comes_along = True

    def read(
        self,
        given: Any,  # noqa: ARG002
        options: Augmenting,
        *,
        name: str | None,
        progress: Progress | None,  # noqa: ARG002
    ) -> DataBundle:
        from lepton_nb.data.pictures.digits import read_digits

        return read_digits(options, name=name or self.name)
