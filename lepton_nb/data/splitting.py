"""Seeded splits, by class where there are classes.

Which part an item falls into depends on the item and the seed alone, not on the items beside it: data that
grows moves no old training item into the test split, and equal items are on the same side. What was split
before this was so is still split as it was (`positional_split`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np

from lepton_nb.data.label_splitting import parts_by_label
from lepton_nb.data.options import Splitting
from lepton_nb.data.positional_split import split_classes, split_evenly
from lepton_nb.data.report import Finding
from lepton_nb.errors import DataError
from lepton_nb.show.words import plural
from lepton_nb.tasks.names import SEVERAL

Parts = dict[str, np.ndarray]
BY_CONTENT = "content"
BY_LABEL = "labels"  # the same, and of several labels an item some of each in every part
_FEW_ROWS = 50  # different ones, each often repeated: then equal rows are cases of their own
_OFTEN = 4
_method: ContextVar[str | None] = ContextVar("split_method", default=BY_LABEL)


def split_method(task: str | None) -> str | None:
    """How `plan_parts` splits data of a task now, for a spec; None is how it was before `BY_CONTENT`."""
    method = _method.get()
    return BY_CONTENT if method == BY_LABEL and task != SEVERAL else method


@contextmanager
def split_as(method: str | None) -> Iterator[None]:
    """Within the block data is split as a spec says it was."""
    token = _method.set(method)
    try:
        yield
    finally:
        _method.reset(token)


def split_stably(
    keys: np.ndarray, labels: np.ndarray, class_names: tuple[str, ...], shares: dict[str, float], seed: int
) -> Parts:
    """Indices of each part; the rest is ``train``. An item's place in 0..1 says which part it is in.

    A part takes one item at least of a class that has enough of them: the first that no part before it has.
    So does ``train``, the last one, which alone may leave it for another part when a class of a few grows.

    Args:
        keys: What stands for each item's content, uint64 ``(N,)``.
        labels: Class indices ``(N,)``, or which of several labels each has, bool ``(N, L)``.
        class_names: Names, for messages; empty where there are no classes.
        shares: Share of each part beside ``train``; a part of share 0 is left out.
        seed: Equal seeds give equal parts.

    Raises:
        DataError: If a class has too few items to be in ``train`` and one other part, or all items are equal.
    """
    wanted = {name: share for name, share in sorted(shares.items()) if share > 0}  # test before val
    if wanted and len(keys) > 1 and (keys == keys[0]).all():
        raise DataError(
            f"All {len(keys):,} items are equal: there is nothing to learn, or to hold back.",
            "Look at one of them; pass val_fraction=0, test_fraction=0 to keep them all the same.",
        )
    place = places(keys, seed)
    if labels.ndim == 2:
        _check_count(len(keys), len(wanted), None)
        part_of = parts_by_label(place, labels, wanted)
    else:
        part_of = _parts_by_class(place, labels, class_names, wanted)
    return {name: np.flatnonzero(part_of == number) for number, name in enumerate(("train", *wanted))}


def _parts_by_class(
    place: np.ndarray, labels: np.ndarray, class_names: tuple[str, ...], wanted: dict[str, float]
) -> np.ndarray:
    limits = np.cumsum(list(wanted.values()))
    order = np.lexsort((place, labels))
    ends = np.cumsum(np.bincount(labels, minlength=len(class_names)))
    part_of = np.zeros(len(place), dtype=np.int64)
    for label, (start, stop) in enumerate(zip([0, *ends[:-1]], ends, strict=True)):
        if wanted and stop - start:
            _check_count(stop - start, len(wanted), _name_of(label, class_names))
            members = order[start:stop]
            part_of[members] = _parts_of(place[members], limits)
    return part_of


def _parts_of(place: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """The number of the part of each item of a class, whose places are sorted; 0 for ``train``."""
    is_new = np.append(True, place[1:] != place[:-1])
    distinct, group = place[is_new], np.cumsum(is_new) - 1
    part = np.zeros(len(distinct), dtype=np.int64)
    taken = 0
    for number, below in enumerate(np.searchsorted(distinct, limits), start=1):
        left = len(distinct) - taken - 1  # one is for train, and one for each part that follows
        room = max(left - (len(limits) - number), min(left, 1))
        size = min(max(1, int(below) - taken), room)
        part[taken : taken + size] = number
        taken += size
    parts: np.ndarray = part[group]
    return parts


def _check_count(count: int, parts: int, class_name: str | None) -> None:
    hint = "pass val_fraction=0, test_fraction=0."
    if class_name is None and count <= parts:
        raise DataError(f"{count} items cannot be split into {parts + 1} parts.", f"Add data, or {hint}")
    if class_name is not None and count < 2:
        raise DataError(
            f"Class {class_name!r} has 1 item; a split needs at least 2 of each class.",
            f"Add items of {class_name!r}, leave the class out, or {hint}",
        )


def _name_of(label: int, class_names: tuple[str, ...]) -> str | None:
    return class_names[label] if label < len(class_names) else (str(label) if class_names else None)


def places(keys: np.ndarray, seed: int) -> np.ndarray:
    """Where in 0..1 the seed puts items: equal for equal keys, and as if drawn at random for others.

    The finalizer of splitmix64 (Steele, Lea, Flood, 2014).
    """
    x = keys ^ np.uint64((seed * 0x9E3779B97F4A7C15 + 0x632BE59BD9B4E019) % 2**64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        x = (x ^ (x >> np.uint64(shift))) * np.uint64(factor)
    x ^= x >> np.uint64(31)
    found: np.ndarray = (x >> np.uint64(11)) * 2.0**-53
    return found


def numbered(count: int) -> np.ndarray:
    """Keys of items whose content costs too much to read: their numbers, uint64 ``(N,)``."""
    return np.arange(count, dtype=np.uint64)


def repeats_are_cases(keys: np.ndarray) -> bool:
    """Whether rows have so few different values that equal ones are the rule, and no doubles."""
    if len(np.unique(keys[: _FEW_ROWS * _OFTEN])) >= _FEW_ROWS:
        return False  # the first few rows tell it of most tables
    distinct = len(np.unique(keys))
    return distinct < _FEW_ROWS and len(keys) >= _OFTEN * distinct


def row_keys(keys: np.ndarray) -> np.ndarray:
    """Keys of rows: where equal ones are cases of their own, the first, second … of them have keys apart."""
    if not repeats_are_cases(keys):
        return keys
    order = np.argsort(keys, kind="stable")
    _, starts, counts = np.unique(keys[order], return_index=True, return_counts=True)
    number = np.empty(len(keys), dtype=np.uint64)
    number[order] = np.arange(len(keys)) - np.repeat(starts, counts)
    mixed: np.ndarray = keys + number * np.uint64(0x9E3779B97F4A7C15)
    return mixed


def plan_parts(
    given: Parts,
    keys: np.ndarray,
    labels: np.ndarray | None,
    class_names: tuple[str, ...],
    splitting: Splitting,
    *,
    group: str | None = None,
) -> tuple[Parts, list[Finding]]:
    """Rows of train, val and test, from the splits the source has and the shares asked for; what to say.

    A source with its own ``test`` keeps it and gives only ``val`` from its ``train``; a source with ``val``
    but no ``test`` keeps what it has.

    Args:
        given: Rows by split name as the source has them; ``train`` is all of it where it has no splits.
        keys: What stands for each item's content, or for its group, uint64 ``(N,)``; see `numbered`.
        labels: Class indices of all rows, which of several labels each has, bool ``(N, L)``, or None where
            there are neither.
        group: By what items are grouped; then the keys are of groups, and none is divided, also not by class.
    """
    if labels is not None and labels.ndim == 2 and _method.get() != BY_LABEL:
        labels = None
    classes, names = (None, ()) if group is not None else (labels, class_names)
    held, findings = given, list[Finding]()
    if splitting.fold is not None:
        of_one = None if classes is not None and classes.ndim == 2 else classes
        held, findings = _take_fold(given, keys, of_one, names, splitting.seed, splitting.fold)
    shares = {}
    if "val" not in held:
        shares["val"] = float(splitting.val_fraction)
        if "test" not in held:
            shares["test"] = float(splitting.test_fraction)
    if group is not None:
        _check_groups(keys[held["train"]], sum(share > 0 for share in shares.values()), group)
    seed = splitting.seed + (splitting.fold is not None)  # the first fold took the first places
    drawn, said = _draw(held["train"], keys, classes, names, shares, seed, group)
    parts = {name: rows for name, rows in held.items() if name != "train"} | drawn
    if splitting.limit is not None:
        place = None if _method.get() is None else places(keys, splitting.seed)
        parts = {
            name: _take(rows, labels, splitting.limit, splitting.seed, place) for name, rows in parts.items()
        }
    parts = {name: parts[name] for name in ("train", "val", "test") if len(parts.get(name, ()))}
    return parts, findings + said


def _take_fold(
    given: Parts,
    keys: np.ndarray,
    labels: np.ndarray | None,
    class_names: tuple[str, ...],
    seed: int,
    which: tuple[int, int],
) -> tuple[Parts, list[Finding]]:
    """All items, of which one fold is the test split: whatever splits the source has."""
    number, folds = which
    everything = np.sort(np.concatenate(list(given.values())))
    place = places(keys[everything], seed)
    fold = np.zeros(len(everything), dtype=np.int64)
    classes = np.zeros(len(everything), dtype=np.int64) if labels is None else labels[everything]
    for label in np.unique(classes):
        members = np.flatnonzero(classes == label)
        distinct, rank = np.unique(place[members], return_inverse=True)
        if len(distinct) < folds:
            of = f" of class {_name_of(int(label), class_names)!r}" if class_names else ""
            raise DataError(
                f"There are {len(distinct)} different items{of}, but {folds} folds.",
                f"Pass folds={len(distinct)}, or add items." if len(distinct) > 1 else "Add items.",
            )
        fold[members] = rank * folds // len(distinct)
    text = f"The test split is fold {number + 1} of {folds}."
    is_test = fold == number
    return {"train": everything[~is_test], "test": everything[is_test]}, [Finding(text)]


def _check_groups(keys: np.ndarray, parts: int, group: str) -> None:
    count = len(np.unique(keys))
    if count <= parts:
        raise DataError(
            f"There is only {plural(count, 'group')} by {group!r} for {parts + 1} parts.",
            "Group by something else, or pass val_fraction=0.",
        )


def _draw(
    pool: np.ndarray,
    keys: np.ndarray,
    labels: np.ndarray | None,
    class_names: tuple[str, ...],
    shares: dict[str, float],
    seed: int,
    group: str | None,
) -> tuple[Parts, list[Finding]]:
    """The pool's rows by part."""
    if _method.get() is not None:
        classes = np.zeros(len(pool), dtype=np.int64) if labels is None else labels[pool]
        drawn = split_stably(keys[pool], classes, class_names, shares, seed)
    elif labels is None:
        drawn = split_evenly(len(pool), shares, seed)
    else:
        drawn = split_classes(labels[pool], class_names, shares, seed)
    parts = {name: pool[rows] for name, rows in drawn.items()}
    named = ", ".join(f"about {share:.0%} {name}" for name, share in shares.items() if share > 0)
    if not named or _method.get() is None:
        return parts, []
    if group is not None:
        count = len(np.unique(keys[pool]))
        return parts, [Finding(f"Split by {group!r}, {named}: {count:,} groups, none divided.")]
    text = f"Split by content, {named}: items added later move none from train to test."
    return parts, [Finding(text), *_say_empty(parts)]


def _say_empty(parts: Parts) -> list[Finding]:
    """A warning where nothing is held back, since the items of a class are all equal."""
    empty = " and ".join(name for name, rows in parts.items() if not len(rows))
    text = f"There is no item in {empty}: the items of a class are equal, and equal ones stay together."
    return [Finding(text, warning=True)] if empty else []


def _take(
    rows: np.ndarray, labels: np.ndarray | None, limit: int, seed: int, place: np.ndarray | None
) -> np.ndarray:
    """At most `limit` of the rows, each class in turn, so that small classes stay in.

    Args:
        place: In what order they are taken; at random where None.
    """
    if len(rows) <= limit:
        return rows
    if place is None:
        order = np.random.default_rng(seed).permutation(len(rows))
    else:
        order = np.argsort(place[rows], kind="stable")
    if labels is not None and labels.ndim == 1:
        classes = labels[rows][order]
        turn = np.empty(len(rows))
        for label in np.unique(classes):
            members = np.flatnonzero(classes == label)
            turn[members] = np.arange(len(members)) / len(members)
        order = order[np.argsort(turn, kind="stable")]
    return np.sort(rows[order[:limit]])
