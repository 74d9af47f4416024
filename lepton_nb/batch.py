"""A batch is rows of trees, and what can be done with any of them: cut, join, move.

A tree is a tensor, or a tuple, list or dict of trees. Every tensor in it has the items along its first
dimension; what differs in length is padded, with its length, a mask or a label of -1 beside it. So a batch of
any kind of problem can be cut (out of memory, chunks, ranks), joined and moved without knowing what it is.

This module knows nothing of models, tasks or files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import torch

Tree = Any
"""A tensor, or a tuple or dict of trees: ``x``, ``(user, item)``, ``{"input_ids": …, "mask": …}``."""


class Batch(NamedTuple):
    """What a loader yields, on the device; unpacks as ``inputs, target``.

    Attributes:
        inputs: A tensor goes into the model as it is, a tuple by position, a dict by name.
        target: What the loss compares the outputs with.
    """

    inputs: Tree
    target: Tree

    @property
    def items(self) -> int:
        """How many rows there are."""
        return rows(self.inputs)


class Given(Batch):
    """A batch of a user's loader beside what of it is known as inputs and target.

    Attributes:
        whole: Exactly what the loader yielded, on the device.
    """

    whole: Any = None

    @classmethod
    def of(cls, whole: Any, known: Batch | None) -> Given:
        """Where nothing of it is known, the whole stands for the inputs and the target."""
        found = cls(*(known or (whole, whole)))
        found.whole = whole
        return found

    @property
    def items(self) -> int:
        """How many rows there are; of lists in a list, such as pictures and their boxes, as the last has."""
        several = isinstance(self.inputs, list | tuple)
        if several and isinstance(self.inputs[0], list | tuple):
            return len(self.inputs[-1])
        return next((len(leaf) for leaf in leaves(self.inputs) if getattr(leaf, "shape", ())), 1)


def leaves(tree: Tree) -> Iterator[Any]:
    """The tensors of a tree, in order."""
    if isinstance(tree, Mapping):
        for part in tree.values():
            yield from leaves(part)
    elif isinstance(tree, tuple | list):
        for part in tree:
            yield from leaves(part)
    else:
        yield tree


def mapped(function: Callable[[Any], Any], tree: Tree) -> Tree:
    """A tree of the same shape with `function` applied to every tensor."""
    if isinstance(tree, Mapping):
        return {name: mapped(function, part) for name, part in tree.items()}
    if isinstance(tree, tuple | list):
        return tuple(mapped(function, part) for part in tree)
    return function(tree)


def picked(tree: Tree, index: Any) -> Tree:
    """Some of the items of a tree of arrays or tensors, or one of them without its dimension."""
    return mapped(lambda array: array[index], tree)


def rows(tree: Tree) -> int:
    """How many items a tree holds: the length of its first tensor."""
    while isinstance(tree, Mapping | tuple | list):
        tree = next(iter(tree.values() if isinstance(tree, Mapping) else tree))
    return len(tree)


def moved(tree: Tree, device: torch.device) -> Tree:
    """The tree on a device."""
    return mapped(lambda tensor: tensor.to(device), tree)


def cut(batch: Batch, pieces: int) -> list[Batch]:
    """A batch in pieces as equal as can be, the larger ones first; no more of them than there are items."""
    items = batch.items
    size, more = divmod(items, pieces)
    ends = [(index + 1) * size + min(index + 1, more) for index in range(min(pieces, items))]
    return [part(batch, start, end) for start, end in zip([0, *ends[:-1]], ends, strict=True)]


def part(batch: Batch, start: int, stop: int) -> Batch:
    """The items from `start` to before `stop`."""

    def sliced(tensor: Any) -> Any:
        return tensor[start:stop]

    return Batch(mapped(sliced, batch.inputs), mapped(sliced, batch.target))


def joined(batches: Sequence[Batch]) -> Batch:
    """Batches one after another as one; they are of one kind and padded to one length."""
    if len(batches) == 1:
        return batches[0]
    return Batch(
        concatenated([batch.inputs for batch in batches]),
        concatenated([batch.target for batch in batches]),
    )


def concatenated(trees: Sequence[Tree]) -> Tree:
    """Trees of one shape as one, their tensors one after another."""
    import torch

    first = trees[0]
    if isinstance(first, Mapping):
        return {name: concatenated([tree[name] for tree in trees]) for name in first}
    if isinstance(first, tuple | list):
        return tuple(concatenated(list(parts)) for parts in zip(*trees, strict=True))
    return torch.cat(list(trees))
