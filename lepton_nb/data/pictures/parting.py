"""A split of the pictures of a pool: held in memory, or decoded when they are needed."""

from __future__ import annotations

import numpy as np
import torch

from lepton_nb.data.bundle import Split
from lepton_nb.data.memory import MemorySplit
from lepton_nb.data.pictures.augment import Augmenter
from lepton_nb.data.pictures.lazy import LazySplit
from lepton_nb.data.pictures.pool import ImagePool
from lepton_nb.data.pictures.stats import PixelStats
from lepton_nb.data.pictures.streaming import AHEAD


def picture_split(
    name: str, pool: ImagePool, rows: np.ndarray, stats: PixelStats, augmenter: Augmenter | None = None
) -> Split:
    """The pictures `rows` of the pool."""
    targets = torch.from_numpy(pool.labels[rows])
    if pool.pixels is None:
        return LazySplit(name, pool, rows, targets, stats, augmenter)
    return MemorySplit(
        name,
        pool.pixels,
        targets,
        lambda i: pool.raw(int(rows[i])),
        rows=torch.from_numpy(rows),
        stats=stats,
        augmenter=augmenter,
        ahead=AHEAD if pool.mapped else 0,
        stream=pool.stream if name == "train" else None,
        origin=lambda i: pool.origin(int(rows[i])),
    )
