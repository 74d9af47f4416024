"""Seeded splits: stratified by class, plain random where there are no classes."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from lepton_nb.errors import DataError

Parts = dict[str, np.ndarray]


@dataclass(frozen=True)
class Splitting:
    """How items without splits of their own are split.

    Attributes:
        val_fraction: Share of the items for validation.
        test_fraction: Share of the items for the test.
        seed: Equal seeds give equal splits.
        limit: Largest number of items of each split, drawn with the same mix of classes; None for all.

    Raises:
        DataError: If a share is not in 0..1, both together reach 1, or the limit is not a positive number.
    """

    val_fraction: float = 0.1
    test_fraction: float = 0.2
    seed: int = 0
    limit: int | None = None

    def __post_init__(self) -> None:
        for name, value, usual in (
            ("val_fraction", self.val_fraction, 0.1),
            ("test_fraction", self.test_fraction, 0.2),
        ):
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
                raise DataError(
                    f"{name} is {value!r}; it is a share from 0 up to, not including, 1.",
                    f"Try {name}={usual}.",
                )
        if self.val_fraction + self.test_fraction >= 1:
            raise DataError(
                f"val_fraction {self.val_fraction} and test_fraction {self.test_fraction} leave nothing to "
                "train on.",
                "Try val_fraction=0.1, test_fraction=0.2.",
            )
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or self.seed < 0:
            raise DataError(f"seed is {self.seed!r}; it is a whole number of at least 0.", "Try seed=0.")
        limit = self.limit
        if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
            raise DataError(f"limit is {limit!r}; it is a number of items of at least 1.", "Try limit=1000.")

    def to_dict(self) -> dict[str, Any]:
        """The options, for a spec."""
        return asdict(self)


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


def plan_parts(
    given: Parts, labels: np.ndarray | None, class_names: tuple[str, ...], splitting: Splitting
) -> Parts:
    """Rows of train, val and test, from the splits the source has and the shares asked for.

    A source with its own ``test`` keeps it and gives only ``val`` from its ``train``; a source with ``val``
    but no ``test`` keeps what it has.

    Args:
        given: Rows by split name as the source has them; ``train`` is all of it where it has no splits.
        labels: Class indices of all rows, or None where there are no classes.
    """
    shares = {}
    if "val" not in given:
        shares["val"] = float(splitting.val_fraction)
        if "test" not in given:
            shares["test"] = float(splitting.test_fraction)
    pool = given["train"]
    if labels is None:
        drawn = split_evenly(len(pool), shares, splitting.seed)
    else:
        drawn = split_classes(labels[pool], class_names, shares, splitting.seed)
    parts = {name: rows for name, rows in given.items() if name != "train"}
    parts |= {name: pool[rows] for name, rows in drawn.items()}
    if splitting.limit is not None:
        parts = {name: _take(rows, labels, splitting.limit, splitting.seed) for name, rows in parts.items()}
    return {name: parts[name] for name in ("train", "val", "test") if name in parts and len(parts[name])}


def _take(rows: np.ndarray, labels: np.ndarray | None, limit: int, seed: int) -> np.ndarray:
    """At most `limit` of the rows, each class in turn, so that small classes stay in."""
    if len(rows) <= limit:
        return rows
    order = np.random.default_rng(seed).permutation(len(rows))
    if labels is not None:
        classes = labels[rows][order]
        turn = np.empty(len(rows))
        for label in np.unique(classes):
            members = np.flatnonzero(classes == label)
            turn[members] = np.arange(len(members)) / len(members)
        order = order[np.argsort(turn, kind="stable")]
    return np.sort(rows[order[:limit]])
