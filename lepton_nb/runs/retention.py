"""Which checkpoints of a run stay on disk."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from lepton_nb.runs.checkpoints import Checkpoint


@dataclass(frozen=True)
class Retention:
    """The newest and the best checkpoints, within a budget.

    Attributes:
        newest: How many of the newest stay, at least 1.
        best: How many of the best stay, by the monitored metric, at least 1.
        budget: Bytes that they may take together; None for no limit. The newest and the best always stay.
    """

    newest: int = 2
    best: int = 1
    budget: int | None = None

    def surplus(self, checkpoints: Sequence[Checkpoint], mode: Literal["min", "max"]) -> list[Checkpoint]:
        """Those to let go.

        Args:
            checkpoints: All there are, newest first.
            mode: Whether a smaller or a larger value is better.
        """
        sign = 1.0 if mode == "min" else -1.0
        valued = [item for item in checkpoints if item.value is not None and not math.isnan(item.value)]
        ranking = sorted(valued, key=lambda item: (not item.best, sign * (item.value or 0.0)))
        chosen = {*checkpoints[: max(self.newest, 1)], *ranking[: max(self.best, 1)]}
        chosen.update(item for item in checkpoints if item.best)
        kept = [item for item in checkpoints if item in chosen]
        return [item for item in checkpoints if item not in chosen] + self._beyond_budget(kept)

    def _beyond_budget(self, checkpoints: list[Checkpoint]) -> list[Checkpoint]:
        """The oldest ones that do not fit."""
        if self.budget is None:
            return []
        dropped, total = [], sum(item.size for item in checkpoints)
        for item in checkpoints[:0:-1]:
            if total > self.budget and not item.best:
                dropped.append(item)
                total -= item.size
        return dropped
