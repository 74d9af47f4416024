"""Splits drawn by the items' positions, as they were before items were split by content.

Kept for what was split so: its spec promises the same split again.
"""

from __future__ import annotations

import numpy as np

from lepton_nb.errors import DataError

Parts = dict[str, np.ndarray]


def split_classes(
    labels: np.ndarray, class_names: tuple[str, ...], shares: dict[str, float], seed: int
) -> Parts:
    """Indices of each part, with the same mix of classes in each; the rest is ``train``.

    Args:
        labels: Class indices ``(N,)``.
        class_names: Names, for messages.
        shares: Share of each part beside ``train``; a part of share 0 is left out.
        seed: Equal seeds give equal parts.

    Raises:
        DataError: If a class has too few items to be in ``train`` and one other part.
    """
    wanted = {name: share for name, share in shares.items() if share > 0}
    rng = np.random.default_rng(seed)
    parts: dict[str, list[np.ndarray]] = {name: [] for name in ("train", *wanted)}
    for label, class_name in enumerate(class_names):
        members = rng.permutation(np.flatnonzero(labels == label))
        if len(members) < 2 and wanted and len(members):
            raise DataError(
                f"Class {class_name!r} has 1 item; a split needs at least 2 of each class.",
                f"Add items of {class_name!r}, leave the class out, or pass val_fraction=0, test_fraction=0.",
            )
        taken = 0
        for name, share in sorted(wanted.items()):  # test before val: a class of two is in train and test
            room = len(members) - taken - 1
            size = min(max(1, round(len(members) * share)), max(room, 0))
            parts[name].append(members[taken : taken + size])
            taken += size
        parts["train"].append(members[taken:])
    return {name: np.sort(np.concatenate(chunks)) for name, chunks in parts.items()}


def split_evenly(num_items: int, shares: dict[str, float], seed: int) -> Parts:
    """Indices of each part drawn at random; the rest is ``train``.

    Raises:
        DataError: If there are fewer items than parts.
    """
    wanted = {name: share for name, share in shares.items() if share > 0}
    if num_items <= len(wanted):
        raise DataError(
            f"{num_items} items cannot be split into {len(wanted) + 1} parts.",
            "Add data, or pass val_fraction=0, test_fraction=0.",
        )
    order = np.random.default_rng(seed).permutation(num_items)
    parts: Parts = {}
    taken = 0
    for name, share in sorted(wanted.items()):
        size = max(1, min(round(num_items * share), num_items - taken - 1))
        parts[name] = np.sort(order[taken : taken + size])
        taken += size
    return {"train": np.sort(order[taken:]), **parts}
