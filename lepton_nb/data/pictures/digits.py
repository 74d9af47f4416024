"""scikit-learn's handwritten digits."""

from __future__ import annotations

import numpy as np

from lepton_nb.data.bundle import DataBundle
from lepton_nb.data.contents import array_keys
from lepton_nb.data.pictures.arrays import image_pool
from lepton_nb.data.pictures.bundle import image_bundle
from lepton_nb.data.pictures.options import Augmenting
from lepton_nb.data.splitting import plan_parts
from lepton_nb.errors import DataError


def read_digits(options: Augmenting, *, name: str) -> DataBundle:
    """The digits as a bundle.

    Raises:
        DataError: If scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise DataError(
            "The digits come with scikit-learn, which is not installed.", 'pip install "lepton-nb[digits]"'
        ) from None
    found = load_digits()
    pictures = np.rint(found.images[:, None] * (255 / 16)).astype(np.uint8)
    labels = found.target.astype(np.int64)
    class_names = tuple(map(str, found.target_names))
    pool = image_pool(pictures, labels, array_keys(pictures), "digit")
    parts, split = plan_parts({"train": np.arange(len(labels))}, pool.digests, labels, class_names, options)
    return image_bundle(
        pool,
        parts,
        class_names,
        name=name,
        source="scikit-learn's handwritten digits",
        augment=options.augment,
        findings=split,
    )
