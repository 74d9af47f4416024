"""What a run was trained on, by 64 bits an item: so that it is noticed where it is measured on the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lepton_nb.runs.home import replacing

if TYPE_CHECKING:
    from lepton_nb.runs.run import Run

FILE = "trained.npy"


def keep_trained(run: Run, keys: np.ndarray | None) -> None:
    """Add items to those the run was trained on.

    Args:
        keys: What stands for the content of each, uint64 ``(N,)``; None where nobody knows.

    Raises:
        StoreError: If there is no room for them.
    """
    if keys is None or not len(keys):
        return
    known = trained_items(run)
    with replacing(run.path / FILE) as file:
        np.save(file, np.unique(keys) if known is None else np.union1d(known, keys))


def trained_items(run: Run) -> np.ndarray | None:
    """What stands for the items the run was trained on, uint64 ``(N,)``; None where nobody knows."""
    try:
        known: np.ndarray = np.load(run.path / FILE, allow_pickle=False)
    except (OSError, ValueError, EOFError):  # of an older version, or damaged: then nothing is claimed
        return None
    return known
