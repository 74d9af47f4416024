"""Whether a model does no better than one that always says the most frequent class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def majority_note(
    accuracy: float, counts: Sequence[int] | np.ndarray, class_names: Sequence[str], metric: str = "accuracy"
) -> str | None:
    """What to say of an accuracy that equals the share of the most frequent class; None of another.

    Args:
        accuracy: Share of the items that are classified rightly.
        counts: Items of each class ``(C,)``.
        class_names: Names of the classes.
        metric: What the accuracy is called.
    """
    items, most = int(np.sum(counts)), int(np.argmax(counts))
    # Compared as counts: an accuracy may have gone through float32.
    if not items or round(accuracy * items) != int(counts[most]):
        return None
    share = counts[most] / items
    return (
        f"{metric} {accuracy:.3g} equals the share of the most frequent class, {class_names[most]!r} "
        f"({share:.1%} of {items:,} items): always saying {class_names[most]!r} does as well."
    )
