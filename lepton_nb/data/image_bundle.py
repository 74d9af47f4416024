"""From decoded, labelled images to a bundle: leakage, statistics, signature, splits, report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from lepton_nb.data.assemble import class_counts, class_findings, fingerprint
from lepton_nb.data.augment import Augmenter, augmenter_for
from lepton_nb.data.bundle import Augmentation, DataBundle
from lepton_nb.data.duplicates import count_repeats, find_leaks
from lepton_nb.data.images import PixelStats
from lepton_nb.data.memory import MemorySplit
from lepton_nb.data.report import DataReport, Finding
from lepton_nb.signature import Signature, TensorSpec


@dataclass
class ImagePool:
    """All images of a data set before they are parted.

    Attributes:
        labels: Class indices ``(N,)``.
        digests: Content of the images, uint64 ``(N,)``.
        pixels: uint8 ``(N, C, H, W)``.
        name_of: What to call image ``i``.
        raw: Image ``i`` as a person sees it.
    """

    labels: np.ndarray
    digests: np.ndarray
    pixels: Tensor
    name_of: Callable[[int], str]
    raw: Callable[[int], Image.Image]


def image_bundle(
    pool: ImagePool,
    parts: Mapping[str, np.ndarray],
    class_names: tuple[str, ...],
    *,
    name: str,
    source: str,
    augment: Augmentation,
    findings: list[Finding],
    spec: dict[str, Any] | None,
) -> DataBundle:
    """The bundle of an image classification data set.

    Args:
        parts: Rows of the pool by split name.
        findings: What reading the data found; what is found here is added.
    """
    _, channels, height, width = pool.pixels.shape
    findings = list(findings)
    keep, leaks = find_leaks(
        {split: pool.digests[rows] for split, rows in parts.items()},
        lambda split, i: pool.name_of(int(parts[split][i])),
        noun="images",
    )
    findings += leaks
    parts = {split: rows[keep[split]] for split, rows in parts.items()}
    repeats = count_repeats(pool.digests[parts["train"]])
    if repeats:
        findings.append(Finding(f"{repeats:,} images of train repeat another one of train: left in."))
    stats = PixelStats.measure(pool.pixels, parts["train"])
    mode = "L" if channels == 1 else "RGB"
    augmenter, said = augmenter_for(augment, mode=mode, size=(height, width))
    findings += said
    signature = Signature(
        task="image-classification",
        inputs=(TensorSpec("image", "float32", (channels, height, width)),),
        output=TensorSpec("logits", "float32", (len(class_names),)),
        class_names=class_names,
        preprocessing={
            "kind": "image",
            "mode": mode,
            "size": [height, width],
            "mean": list(stats.mean),
            "std": list(stats.std),
        },
        target={"name": "label"},
    )
    counts = class_counts({split: pool.labels[rows] for split, rows in parts.items()}, class_names)
    report = DataReport(name, source, counts, signature, [*class_findings(counts), *findings])
    return DataBundle(
        name=name,
        signature=signature,
        splits={split: _split(split, pool, rows, stats, augmenter) for split, rows in parts.items()},
        report=report,
        fingerprint=fingerprint(
            {split: (pool.digests[rows], pool.labels[rows]) for split, rows in parts.items()}, signature
        ),
        spec=spec,
        augment=augment,
    )


def _split(
    name: str, pool: ImagePool, rows: np.ndarray, stats: PixelStats, augmenter: Augmenter | None
) -> MemorySplit:
    return MemorySplit(
        name,
        pool.pixels,
        torch.from_numpy(pool.labels[rows]),
        lambda i: pool.raw(int(rows[i])),
        rows=torch.from_numpy(rows),
        stats=stats,
        augmenter=augmenter,
    )
