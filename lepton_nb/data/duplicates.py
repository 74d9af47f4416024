"""Items that are the same in two splits: what the model has learned by heart is no test."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping

import numpy as np
import pandas as pd

from lepton_nb.data.report import Finding
from lepton_nb.show.words import plural

EXAMPLES = 5  # items a finding names; the rest is counted
NameOf = Callable[[str, int], str]


def digest(content: bytes | memoryview) -> int:
    """64 bits of BLAKE2b: two different items of a million collide with a chance below 1e-7."""
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "little")


def digests(items: Iterable[bytes | memoryview]) -> np.ndarray:
    """One `digest` per item: uint64 ``(N,)``."""
    return np.fromiter((digest(item) for item in items), dtype=np.uint64)


def find_leaks(
    content: Mapping[str, np.ndarray], name_of: NameOf, *, noun: str, remove: bool = True, how: str = ""
) -> tuple[dict[str, np.ndarray], list[Finding]]:
    """Which items to keep so that no split holds an item of a later one, and what to say about it.

    The test split stays as it is; its doubles leave ``train`` and ``val``, those of ``val`` leave ``train``.

    Args:
        content: Digests ``(N,)`` by split.
        name_of: Names item ``i`` of a split.
        noun: What an item is called.
        remove: False to report only.
        how: In what they are equal, where not in all.

    Returns:
        A boolean mask ``(N,)`` by split, and the findings.
    """
    keep = {split: np.ones(len(values), dtype=bool) for split, values in content.items()}
    findings = []
    for earlier, later in (("train", "test"), ("val", "test"), ("train", "val")):
        if earlier not in content or later not in content:
            continue
        doubled = keep[earlier] & pd.Series(content[earlier]).isin(content[later]).to_numpy()
        if not doubled.any():
            continue
        examples = tuple(
            f"{name_of(earlier, int(i))} = {name_of(later, _first(content[later], content[earlier][i]))}"
            for i in np.flatnonzero(doubled)[:EXAMPLES]
        )
        count = int(doubled.sum())
        done = f"removed from {earlier}; {later} is untouched" if remove else "left in both"
        findings.append(
            Finding(
                f"{plural(count, noun)} of {earlier} also in {later}{how}: {done}.", examples, warning=True
            )
        )
        if remove:
            keep[earlier] &= ~doubled
    return keep, findings


def _first(values: np.ndarray, value: np.uint64) -> int:
    return int(np.argmax(values == value))


def count_repeats(content: np.ndarray) -> int:
    """How many items repeat an earlier one of the same split."""
    return len(content) - len(np.unique(content))


def find_conflicts(
    content: np.ndarray, labels: np.ndarray, name_of: Callable[[int], str], noun: str
) -> list[Finding]:
    """A warning where equal items carry different labels."""
    order = np.lexsort((labels, content))
    same = content[order][1:] == content[order][:-1]
    clash = np.flatnonzero(same & (labels[order][1:] != labels[order][:-1]))
    if not len(clash):
        return []
    examples = tuple(f"{name_of(int(order[i]))} and {name_of(int(order[i + 1]))}" for i in clash[:EXAMPLES])
    return [Finding(f"{plural(len(clash), noun)} of train again with another label.", examples, warning=True)]
