"""The processes that train one run together, and what they must decide as one.

Each of them has the whole model and a shard of the batches. Whatever one of them meets alone (a loss that is
not finite, no memory left, somebody who asks to stop) changes what all of them do next, or they would wait
for each other for ever: such a decision goes through the group. A process by itself is the group `Alone`, at
no cost.

This module knows nothing of how the processes came to be, nor by what they talk.
"""

from __future__ import annotations

from typing import Any, Protocol, TypeVar

from lepton_nb.tasks.meters import Meter

T = TypeVar("T")
AnyMeter = TypeVar("AnyMeter", bound=Meter)


class Group(Protocol):
    """Every member calls the same methods in the same order.

    Attributes:
        rank: This member's number, from 0; 0 is the main one, which writes the run.
        world: How many there are.
    """

    rank: int
    world: int

    def any(self, happened: bool) -> bool:
        """Whether it happened to at least one of them."""

    def least(self, value: int) -> int:
        """The smallest value that one of them has."""

    def broadcast(self, value: T) -> T:
        """What the main one has."""

    def gather(self, value: T) -> list[T]:
        """What all have, in the order of their ranks."""

    def barrier(self) -> None:
        """Wait until all have come here."""


class Alone:
    """A group of one."""

    rank = 0
    world = 1

    def any(self, happened: bool) -> bool:
        return happened

    def least(self, value: int) -> int:
        return value

    def broadcast(self, value: T) -> T:
        return value

    def gather(self, value: T) -> list[T]:
        return [value]

    def barrier(self) -> None:
        pass


ALONE = Alone()


def merged(group: Group, meter: AnyMeter) -> AnyMeter:
    """What all members have measured; merged in the order of their ranks, so that all get the same bits."""
    first, *others = group.gather(meter)
    for other in others:
        first.merge(other)
    return first


def summed(group: Group, *values: Any) -> list[Any]:
    """The sum of each value over all members, added in the order of their ranks."""
    return [sum(column) for column in zip(*group.gather(values), strict=True)]
