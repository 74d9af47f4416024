"""Running a user's data code with random streams of its own.

A Dataset's random transforms and a DataLoader's sampler draw from the global generators. Giving them their
own streams, seeded by the seed and the epoch, makes a resumed run see the same batches, and keeps the
model's dropout independent of how many numbers the transforms draw.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.random.mtrand import get_bit_generator, set_bit_generator

from lepton_nb.data.ordering import generator


class RandomStreams:
    """Torch, Python and numpy generators seeded by numbers such as (seed, epoch)."""

    def __init__(self, *numbers: int) -> None:
        source = generator(*numbers)
        seed = int(torch.randint(2**31, (), generator=source))
        self._torch = source.get_state()
        self._python = random.Random(seed).getstate()
        self._numpy = np.random.MT19937(seed)

    @contextmanager
    def active(self) -> Iterator[None]:
        """Put these streams in the place of the global ones, and those back afterwards."""
        outer = torch.get_rng_state(), random.getstate(), get_bit_generator()
        torch.set_rng_state(self._torch)
        random.setstate(self._python)
        set_bit_generator(self._numpy)
        try:
            yield
        finally:
            self._torch, self._python = torch.get_rng_state(), random.getstate()
            torch.set_rng_state(outer[0])
            random.setstate(outer[1])
            set_bit_generator(outer[2])
