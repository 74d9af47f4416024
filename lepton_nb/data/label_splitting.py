"""Splits of items with several labels each: some of every label in every part, as far as that is stable.

An item's place in 0..1 says which part it is in, as for classes. The first item of a label is also in the
test part if it is within twice its share: of a label of five, 92 in 100 times one is in a test part of a
fifth, not 67 times. Items that are added can only take another's place at the front of a label, so they send
none from ``train`` to ``test``. Between ``train`` and ``val`` one moves where a label would be in one alone.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np


def parts_by_label(place: np.ndarray, truth: np.ndarray, shares: Mapping[str, float]) -> np.ndarray:
    """The number of the part of each item ``(N,)``, 1 for the first of the shares; 0 for the rest, ``train``.

    Args:
        place: ``(N,)``; equal items have equal places.
        truth: Which labels an item has, bool ``(N, L)``.
        shares: Of the test part, the validation part, or both, in this order.
    """
    part = np.zeros(len(place), dtype=np.int64)
    test, val = shares.get("test", 0.0), shares.get("val", 0.0)
    if val:
        part[place < test + val] = len(shares)
    if test:
        first = np.array([place[has].min(initial=np.inf) for has in truth.T])
        part[(place < test) | np.isin(place, first[first < 2 * test])] = 1
    if val:
        _share(part, place, truth, len(shares))
    return part


def _share(part: np.ndarray, place: np.ndarray, truth: np.ndarray, val: int) -> None:
    """Move an item of each label that is not in ``train``, or in val though there are two; rare ones last."""
    for label in np.argsort(-truth.sum(axis=0), kind="stable"):
        kept, held = (place[truth[:, label] & (part == number)] for number in (0, val))
        if len(held) and not len(kept):
            part[place == held.max()] = 0
        elif not len(held) and len(np.unique(kept)) > 1:
            part[place == kept.min()] = val
