"""What all sources of pictures with boxes share."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from lepton_nb.data.options import option
from lepton_nb.data.pictures.options import Augmentation, PictureOptions
from lepton_nb.data.sources import Progress, Source
from lepton_nb.errors import DataError

if TYPE_CHECKING:
    from lepton_nb.data.bundle import DataBundle
    from lepton_nb.tasks.detection.formats.annotations import Annotations


@dataclass(frozen=True, kw_only=True)
class BoxOptions(PictureOptions):
    """Pictures with boxes.

    Attributes:
        augment: ``standard`` mirrors, zooms and colours; ``strong`` turns upside down, too.
        official: Whether a validation part that the source has is kept; else it is trained on, too, but for
            ``val_fraction``.
    """

    title = "boxes"
    augment: Augmentation = option("standard", "random changes to training pictures")  # noqa: RUF009
    official: bool = option(True, "keep the source's own validation part")


@dataclass(frozen=True, kw_only=True)
class FileOptions(BoxOptions):
    """Boxes in one file.

    Attributes:
        images: The folder of the pictures, where they do not lie below that of the file.
    """

    title = "boxes"
    images: str | None = option(
        None, "folder of the pictures that a file of boxes names", "DIR", completes="files"
    )

    @property
    def folder(self) -> Path | None:
        return None if self.images is None else existing(self.images)

    def to_spec(self) -> dict[str, Any]:
        return {**super().to_spec(), "images": self.images and str(self.folder)}


O = TypeVar("O", bound=BoxOptions)  # noqa: E741


class BoxSource(Source[O]):
    """A way to write boxes down."""

    tasks: ClassVar[tuple[str, ...]] = ("object-detection",)

    @abstractmethod
    def annotations(self, path: Path, options: O) -> Annotations:
        """What is written there."""

    def read(
        self,
        given: Any,
        options: O,
        *,
        name: str | None,
        progress: Progress | None,  # noqa: ARG002
    ) -> DataBundle:
        from lepton_nb.tasks.detection.reading import bundle_of

        path = existing(given)
        return bundle_of(self.annotations(path, options), path, options, name)


def existing(path: Any) -> Path:
    """The path in full.

    Raises:
        DataError: If there is nothing.
    """
    found = Path(path).expanduser().absolute()
    if not found.exists():
        raise DataError(f"There is no file or folder {str(path)!r}.")
    return found
