"""The pictures of a data set in one row, before they are parted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor

from lepton_nb.data.pictures.decoding import PictureForm, Read
from lepton_nb.data.pictures.streaming import Stream


@dataclass
class ImagePool:
    """All pictures of a data set before they are parted.

    Attributes:
        labels: Class indices ``(N,)``.
        digests: Content of the pictures, uint64 ``(N,)``.
        contents: By what pictures are known again in other data, uint64 ``(N,)``: files by their bytes.
        sums: `channel_sums` of the pictures, ``(N, 2, C)``.
        pixels: uint8 ``(N, C, H, W)``, perhaps a mapped file; None where they are decoded when needed.
        mapped: Whether they are a mapped file.
        stream: Decodes them when they are first asked for; None where all are decoded. Then `digests` stand
            for the files.
        form: What the model gets of each.
        read: Gives picture ``i`` to the decoder.
        name_of: What to call picture ``i``.
        raw: Picture ``i`` as a person sees it.
    """

    labels: np.ndarray
    digests: np.ndarray
    contents: np.ndarray
    sums: np.ndarray
    pixels: Tensor | None
    form: PictureForm
    read: Read
    name_of: Callable[[int], str]
    raw: Callable[[int], Image.Image]
    mapped: bool = False
    stream: Stream | None = None

    def origin(self, i: int) -> Path | str:
        """The file of picture ``i``, or what it is called."""
        source = self.read(i)
        return source if isinstance(source, Path) else self.name_of(i)
