"""What every kind of bundle is finished with: counts, findings about classes, a fingerprint."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping

import numpy as np

from lepton_nb.data.duplicates import find_leaks
from lepton_nb.data.report import Finding
from lepton_nb.data.splitting import Parts
from lepton_nb.errors import DataError

RARE = 0.3  # of the items that a class had if all had as many: worth a warning


def refuse_emptied(before: Parts, after: Parts, findings: Iterable[Finding]) -> None:
    """See that cleaning has left something of every split.

    Args:
        findings: What cleaning said about what it left out.

    Raises:
        DataError: If nothing is left of one, with the reasons.
    """
    for split, rows in before.items():
        if len(rows) and not len(after.get(split, ())):
            examples = [example for finding in findings for example in finding.examples[:1]]
            raise DataError(
                f"Nothing is left of {split}. {' '.join(finding.text for finding in findings)}",
                f"Look at {', '.join(examples)}." if examples else None,
            )


def kept(given: Parts, keep: np.ndarray, findings: Iterable[Finding]) -> Parts:
    """The rows of each split by their numbers among those that are kept.

    Args:
        keep: bool ``(N,)``.
        findings: What was said about those that are not.

    Raises:
        DataError: If nothing is left of a split, with the reasons.
    """
    number = np.cumsum(keep) - 1
    left = {split: number[rows[keep[rows]]] for split, rows in given.items()}
    refuse_emptied(given, left, findings)
    return left


def without_leaks(
    parts: Parts, content: np.ndarray, name_of: Callable[[int], str], noun: str
) -> tuple[Parts, list[Finding]]:
    """The parts without what is also in a later one; see `find_leaks`.

    Args:
        content: Digests of all rows ``(N,)``.
        name_of: Names a row.

    Raises:
        DataError: If nothing is left of a split.
    """
    keep, findings = find_leaks(
        {split: content[rows] for split, rows in parts.items()},
        lambda split, i: name_of(int(parts[split][i])),
        noun=noun,
    )
    left = {split: rows[keep[split]] for split, rows in parts.items()}
    refuse_emptied(parts, left, findings)
    return left, findings


def class_counts(labels: Mapping[str, np.ndarray], class_names: tuple[str, ...]) -> dict[str, dict[str, int]]:
    """Items of each class by split; the one class ``""`` where there are no class names."""
    if not class_names:
        return {split: {"": len(values)} for split, values in labels.items()}
    counts = {}
    for split, values in labels.items():
        by_class = np.bincount(values, minlength=len(class_names))
        counts[split] = {name: int(count) for name, count in zip(class_names, by_class, strict=True)}
    return counts


def class_findings(counts: Mapping[str, Mapping[str, int]]) -> list[Finding]:
    """Warnings about classes that are missing or rare."""
    findings = []
    for split, by_class in counts.items():
        empty = tuple(name for name, count in by_class.items() if not count)
        if empty:
            findings.append(
                Finding(
                    f"{len(empty)} of {len(by_class)} classes have no items in {split}.", empty, warning=True
                )
            )
    filled = {name: count for name, count in counts["train"].items() if count}
    if len(filled) > 1:
        most, least = max(filled, key=filled.__getitem__), min(filled, key=filled.__getitem__)
        total = sum(filled.values())
        if filled[least] * len(filled) <= RARE * total:
            text = f"Classes are imbalanced 1:{filled[most] / filled[least]:.0f} in train: {least!r} is "
            text += (
                f"{filled[least] / total:.1%} of its {total:,} items, and always saying {most!r} is right in "
            )
            text += f"{filled[most] / total:.1%}: look at the per-class metrics, accuracy alone misleads."
            findings.append(Finding(text, warning=True))
    return findings


def fingerprint(content: Mapping[str, tuple[np.ndarray, ...]]) -> str:
    """sha256 over the content of every split.

    Numbers computed from the content stay out of it: sums round differently on another processor.

    Args:
        content: For each split, arrays that stand for its items in order, such as digests and targets.
    """
    hasher = hashlib.sha256()
    for split, arrays in content.items():
        hasher.update(f"{split}:{[(a.dtype.str, a.shape) for a in arrays]}".encode())
        for array in arrays:
            hasher.update(np.ascontiguousarray(array).data)
    return hasher.hexdigest()
