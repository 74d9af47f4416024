"""Pictures of medical devices, in DICOM files: read by pydicom, where it is installed."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from lepton_nb.tasks.base import InputError

_PREAMBLE, _MAGIC = 128, b"DICM"


def is_dicom(source: bytes | str | Path) -> bool:
    """Whether a file, or its bytes, are DICOM."""
    if isinstance(source, bytes):
        return source[_PREAMBLE : _PREAMBLE + len(_MAGIC)] == _MAGIC
    return str(source).lower().endswith((".dcm", ".dicom"))


def open_dicom(source: bytes | str | Path) -> Image.Image:
    """The picture as values of the device, of which the training split says which are black and white.

    Raises:
        InputError: If pydicom is not installed, the file is damaged, or holds several pictures.
    """
    try:
        import pydicom
        from pydicom.pixels.processing import apply_modality_lut
    except ImportError:
        raise InputError("DICOM needs pydicom: pip install 'lepton-nb[dicom]'") from None
    try:
        file = pydicom.dcmread(io.BytesIO(source) if isinstance(source, bytes) else source)
        values: Any = apply_modality_lut(file.pixel_array, file)
        inverted = getattr(file, "PhotometricInterpretation", "") == "MONOCHROME1"
    except Exception as error:  # pydicom raises nearly anything on a damaged file
        raise InputError(f"the DICOM file cannot be read: {error}") from error
    if values.ndim != 2:
        raise InputError(
            f"the DICOM file holds pixels of the shape {values.shape}, expected one grey picture"
        )
    return Image.fromarray(np.asarray(-values if inverted else values, dtype=np.float32))
