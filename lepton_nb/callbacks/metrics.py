"""The latest values of a run's metrics, to which callbacks add their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lepton_nb.errors import TrainingError


class Metrics(dict[str, float]):
    """Numbers by name, which remembers what others than the loop have put into it."""

    def __init__(self, known: Mapping[str, float] | None = None) -> None:
        super().__init__(known or {})
        self._put: dict[str, float] = {}

    def know(self, measured: Mapping[str, float]) -> None:
        """Take what the loop has measured."""
        super().update(measured)

    def take_put(self) -> dict[str, float]:
        """What others have put here since the last call."""
        found, self._put = self._put, {}
        return found

    def __setitem__(self, name: str, value: Any) -> None:
        try:
            number = float(value.detach() if hasattr(value, "detach") else value)
        except (TypeError, ValueError, RuntimeError):
            raise TrainingError(
                f"A callback put a {type(value).__name__} into state.metrics[{name!r}]; expected a number.",
                f"Put one number there: state.metrics[{name!r}] = float(…)",
            ) from None
        super().__setitem__(str(name), number)
        self._put[str(name)] = number

    def update(self, *others: Any, **named: Any) -> None:
        for name, value in dict(*others, **named).items():
            self[name] = value
