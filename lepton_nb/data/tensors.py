"""Data that is already in memory: numpy arrays and tensors, of pictures or of table rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import torch
from PIL import Image

from lepton_nb.data.bundle import DataBundle
from lepton_nb.data.duplicates import digests
from lepton_nb.data.image_bundle import ImagePool, image_bundle
from lepton_nb.data.images import channel_sums
from lepton_nb.data.options import check_augment, check_limit
from lepton_nb.data.report import Finding
from lepton_nb.data.specs import describe
from lepton_nb.data.splitting import plan_parts
from lepton_nb.data.targets import kind_of_task, read_targets
from lepton_nb.errors import DataError


def arrays(
    x: Any,
    y: Any,
    *,
    name: str = "arrays",
    test: tuple[Any, Any] | None = None,
    task: str | None = None,
    class_names: tuple[str, ...] | None = None,
    val_fraction: float = 0.1,
    test_fraction: float = 0.2,
    seed: int = 0,
    augment: str = "none",
    limit: int | None = None,
) -> DataBundle:
    """A bundle from inputs and targets in memory."""
    augment = check_augment(augment)
    x, y = np.asarray(x), np.asarray(y)
    targets = read_targets(pd.Series(y.reshape(len(y)), name="y"), kind=kind_of_task(task))
    pixels = _as_pixels(x)
    parts = plan_parts(
        {"train": np.arange(len(x))},
        targets.values,
        targets.class_names,
        val_fraction=val_fraction,
        test_fraction=test_fraction,
        seed=seed,
        limit=check_limit(limit),
    )
    return image_bundle(
        _pool(pixels, targets.values, "item"),
        parts,
        class_names or targets.class_names,
        name=name,
        source=f"arrays of shape {x.shape}",
        augment=augment,
        findings=targets.findings,
    )


def digits(
    *,
    name: str = "digits",
    val_fraction: float = 0.1,
    test_fraction: float = 0.2,
    seed: int = 0,
    augment: str = "none",
    limit: int | None = None,
) -> DataBundle:
    """scikit-learn's 1,797 handwritten digits, 8 × 8 grey pixels: real data that needs no download.

    Raises:
        DataError: If scikit-learn is not installed, or an option is wrong.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise DataError(
            "The digits come with scikit-learn, which is not installed.", "pip install scikit-learn"
        ) from None
    preset = check_augment(augment)
    found = load_digits()
    pixels = np.rint(found.images[:, None] * (255 / 16)).astype(np.uint8)
    labels = found.target.astype(np.int64)
    class_names = tuple(str(label) for label in found.target_names)
    options: dict[str, Any] = {"val_fraction": val_fraction, "test_fraction": test_fraction, "seed": seed}
    parts = plan_parts(
        {"train": np.arange(len(labels))}, labels, class_names, limit=check_limit(limit), **options
    )
    bundle = image_bundle(
        _pool(pixels, labels, "digit"),
        parts,
        class_names,
        name=name,
        source="scikit-learn's handwritten digits",
        augment=preset,
        findings=[Finding("Pixels of 0..16 are stored as 0..255.")],
    )
    return describe(bundle, "digits", "digits", {"augment": augment, "limit": limit, **options})


def _as_pixels(x: np.ndarray) -> np.ndarray:
    if x.dtype != np.uint8 or x.ndim != 4:
        raise DataError(f"X has dtype {x.dtype} and shape {x.shape}.")
    return np.ascontiguousarray(x if x.shape[1] in (1, 3) else x.transpose(0, 3, 1, 2))


def _pool(pixels: np.ndarray, labels: np.ndarray, noun: str) -> ImagePool:
    def raw(i: int) -> Image.Image:
        picture = pixels[i]
        return Image.fromarray(picture[0] if len(picture) == 1 else picture.transpose(1, 2, 0))

    return ImagePool(
        labels=labels,
        digests=digests(picture.tobytes() for picture in pixels),
        sums=channel_sums(pixels),
        pixels=torch.from_numpy(pixels),
        size=(pixels.shape[2], pixels.shape[3]),
        read=raw,
        name_of=lambda i: f"{noun} {i}",
        raw=raw,
    )
