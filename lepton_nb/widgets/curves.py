"""Curves of bounded length, and the patches that bring a view up to date."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from lepton_nb.callbacks import LogRow

Patch = dict[str, dict[str, Any]]
"""Of each changed curve ``{"from": index, "x": [...], "y": [...]}``: its points from that index on."""

_LIMIT = 800  # points of one curve: more than a chart has pixels


class LiveCurve:
    """Points of one metric; when there are too many, neighbours are averaged in pairs."""

    def __init__(self) -> None:
        self.x: list[float] = []
        self.y: list[float] = []
        self._per_point = 1
        self._in_last = 0
        self._changed_from = 0

    def add(self, x: float, y: float) -> None:
        if self._in_last in (0, self._per_point):
            self.x.append(x)
            self.y.append(y)
            self._in_last = 1
        else:
            self._in_last += 1
            self.x[-1] += (x - self.x[-1]) / self._in_last
            self.y[-1] += (y - self.y[-1]) / self._in_last
        self._changed_from = min(self._changed_from, len(self.x) - 1)
        if len(self.x) > _LIMIT and self._in_last == self._per_point:
            self._halve()

    def patch(self) -> dict[str, Any] | None:
        """What changed since the last call; None where nothing did."""
        start = self._changed_from
        if start >= len(self.x):
            return None
        self._changed_from = len(self.x)
        return {"from": start, "x": self.x[start:], "y": self.y[start:]}

    def _halve(self) -> None:
        pairs = len(self.x) // 2
        odd = len(self.x) % 2
        self.x[: 2 * pairs] = [(a + b) / 2 for a, b in zip(self.x[0::2], self.x[1::2], strict=False)]
        self.y[: 2 * pairs] = [(a + b) / 2 for a, b in zip(self.y[0::2], self.y[1::2], strict=False)]
        self._in_last = self._per_point if odd else 2 * self._per_point
        self._per_point *= 2
        self._changed_from = 0


class Curves:
    """The curves of a run: the loss of every step, its mean over each epoch, every metric of validation."""

    def __init__(self) -> None:
        self._curves: dict[str, LiveCurve] = {}

    def restart(self) -> None:
        """Forget all points: the next ones begin anew."""
        self._curves = {}

    def add(self, rows: Iterable[LogRow]) -> None:
        for step, _, metrics in rows:
            for name, value in metrics.items():
                if is_shown(name) and math.isfinite(value):
                    self._curves.setdefault(name, LiveCurve()).add(step, value)

    def patch(self) -> Patch:
        patches = {name: curve.patch() for name, curve in self._curves.items()}
        return {name: patch for name, patch in patches.items() if patch is not None}

    def to_dict(self) -> dict[str, dict[str, list[float]]]:
        """All points by name, as the view keeps them."""
        return {name: {"x": curve.x, "y": curve.y} for name, curve in self._curves.items()}


def is_shown(name: str) -> bool:
    """Whether a panel draws that metric."""
    return name in ("loss", "train_loss") or name.startswith("val_")
