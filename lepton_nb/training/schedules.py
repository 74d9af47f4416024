"""Learning-rate schedules as pure functions of the step: nothing to save, nothing to resume."""

from __future__ import annotations

import math
from collections.abc import Callable

Schedule = Callable[[int], float]
"""Maps the step about to be taken, from 0, to a factor of the peak learning rate."""


def make_schedule(name: str, total_steps: int | None, warmup: float) -> Schedule:
    """A schedule over `total_steps`.

    - ``constant``: 1 throughout. The only one for a run without a known length.
    - ``linear``: rises over the first `warmup` share of the run, then falls in a line to 0.
    - ``cosine``: rises likewise, then falls along half a cosine to 0 (Loshchilov & Hutter 2017).
    - ``one-cycle``: rises from 1/25 over 30 % of the run, falls to 1e-4/25, both along a cosine
      (Smith & Topin 2018, with torch's OneCycleLR defaults).
    """
    if total_steps is None or name == "constant":
        return lambda _step: 1.0
    if name == "one-cycle":
        return _one_cycle(total_steps)
    fall = _linear if name == "linear" else _cosine
    rise = min(round(warmup * total_steps), total_steps - 1)

    def factor(step: int) -> float:
        if step < rise:
            return (step + 1) / (rise + 1)
        return fall(min(1.0, (step - rise) / (total_steps - rise)))

    return factor


def _linear(progress: float) -> float:
    return 1.0 - progress


def _cosine(progress: float) -> float:
    return 0.5 * (1.0 + math.cos(math.pi * progress))


def _one_cycle(
    total_steps: int, start: float = 1 / 25, end: float = 1e-4 / 25, share: float = 0.3
) -> Schedule:
    peak_step = max(1.0, share * total_steps - 1)
    last_step = max(peak_step + 1, total_steps - 1)

    def factor(step: int) -> float:
        if step <= peak_step:
            return start + (1.0 - start) * (1.0 - _cosine(step / peak_step))
        return end + (1.0 - end) * _cosine(min(1.0, (step - peak_step) / (last_step - peak_step)))

    return factor
