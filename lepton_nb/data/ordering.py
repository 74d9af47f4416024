"""Randomness that depends on numbers alone: equal seed, epoch and batch give equal draws, in any process.

Nothing here reads or moves torch's global random state, so a model's dropout and a resumed run see the
same stream whatever the data loader does.
"""

from __future__ import annotations

import hashlib
import struct

import torch
from torch import Tensor


def generator(*numbers: int) -> torch.Generator:
    """A generator on the CPU whose state is a function of `numbers`, such as (seed, epoch, batch)."""
    packed = struct.pack(f"<{len(numbers)}q", *numbers)
    seed = int.from_bytes(hashlib.blake2b(packed, digest_size=8).digest(), "little") >> 1
    return torch.Generator().manual_seed(seed)


def epoch_order(num_items: int, *, seed: int, epoch: int, shuffle: bool) -> Tensor:
    """The order of the items in one epoch: int64 ``(num_items,)``."""
    if not shuffle:
        return torch.arange(num_items)
    return torch.randperm(num_items, generator=generator(seed, epoch))


def batch_count(num_items: int, batch_size: int, *, shuffle: bool) -> int:
    """How many batches an epoch has.

    A last batch of a single item is left out of shuffled epochs: BatchNorm cannot train on it, and the
    next epoch leaves out another item.
    """
    whole, rest = divmod(num_items, batch_size)
    return whole + (rest > (1 if shuffle and whole else 0))
